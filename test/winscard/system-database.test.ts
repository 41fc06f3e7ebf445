// SPDX-License-Identifier: MIT

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { WinSCard as MachineWinSCard } from "../../src/entry/winscard.ts";
import { type SCARDCONTEXT, WinSCard } from "../../src/faces/winscard/index.ts";
import type { Context, ContextDatabase, ResourceManager } from "../../src/port/index.ts";
import { failureOf, world } from "../manager/world.ts";

const UUID = "{01234567-89AB-CDEF-0123-456789ABCDEF}";
const states = [{ reader: "Reader", currentState: 0 }];

/** A call of each function that a database answers. */
const calls: Readonly<Record<string, (api: WinSCard, context: SCARDCONTEXT) => Promise<unknown>>> = {
  introduceCardType: (api, context) => api.SCardIntroduceCardType(context, "A", null, [UUID], Uint8Array.of(0x3b, 0)),
  forgetCardType: (api, context) => api.SCardForgetCardType(context, "A"),
  setProvider: (api, context) => api.SCardSetCardTypeProviderName(context, "A", 2, "B"),
  provider: (api, context) => api.SCardGetCardTypeProviderName(context, "A", 2),
  interfaces: (api, context) => api.SCardListInterfaces(context, "A"),
  cards: (api) => api.SCardListCards(null),
  introduceReader: (api, context) => api.SCardIntroduceReader(context, "Desk", "Reader"),
  forgetReader: (api, context) => api.SCardForgetReader(context, "Desk"),
  introduceReaderGroup: (api, context) => api.SCardIntroduceReaderGroup(context, "Group"),
  forgetReaderGroup: (api, context) => api.SCardForgetReaderGroup(context, "Group"),
  addReaderToGroup: (api, context) => api.SCardAddReaderToGroup(context, "Desk", "Group"),
  removeReaderFromGroup: (api, context) => api.SCardRemoveReaderFromGroup(context, "Desk", "Group"),
  locateCards: (api, context) => api.SCardLocateCards(context, "A", states),
  locateCardsByAtr: (api, context) => api.SCardLocateCardsByATR(context, [{ atr: Uint8Array.of(0x3b, 0) }], states),
  deviceType: (api, context) => api.SCardGetDeviceTypeId(context, "Reader"),
  deviceInstance: (api, context) => api.SCardGetReaderDeviceInstanceId(context, "Reader"),
  readersOfInstance: (api, context) => api.SCardListReadersWithDeviceInstanceId(context, "X"),
  readerIcon: (api, context) => api.SCardGetReaderIcon(context, "Reader"),
  "cache.read": (api, context) => api.SCardReadCache(context, UUID, 1, "Name"),
  "cache.write": (api, context) => api.SCardWriteCache(context, UUID, 1, "Name", Uint8Array.of(1)),
  audit: (api, context) => api.SCardAudit(context, 1),
};

/** A manager whose contexts have a database, which notes what it is asked. */
function withDatabase(manager: ResourceManager, asked: string[]): ResourceManager {
  const note = async (name: string): Promise<unknown> => {
    asked.push(name);
    return [];
  };
  const noting = (prefix: string): unknown =>
    new Proxy({}, { get: (_, name) => () => note(`${prefix}${String(name)}`) });
  const database = new Proxy(noting("") as ContextDatabase, {
    get: (target, name) => (name === "cache" ? noting("cache.") : Reflect.get(target, name)),
  });
  return {
    async establishContext(options) {
      const opened = await manager.establishContext(options);
      const get = (target: Context, name: string | symbol): unknown => {
        if (name === "database") return database;
        const member = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      };
      return new Proxy(opened, { get });
    },
  };
}

describe('`database: "system"`', () => {
  it("leads every function of the database to the manager's", async () => {
    const { manager } = await world();
    const asked: string[] = [];
    const own = withDatabase(manager.client({ name: "program" }), asked);
    const api = new WinSCard({ defaultManager: () => own, database: "system" });
    const { context } = await api.SCardEstablishContext(0);
    for (const call of Object.values(calls)) await call(api, context);
    expect(asked).toEqual(Object.keys(calls));
    expect(await api.SCardListReaders(context)).toEqual({ readers: ["Reader"] });
  });

  it("fails over a manager that has none, and says what to do; all else works", async () => {
    const { manager } = await world();
    const api = new WinSCard({ defaultManager: () => manager.client({ name: "program" }), database: "system" });
    const { context } = await api.SCardEstablishContext(0);
    for (const call of Object.values(calls)) {
      const { code, message } = await failureOf(call(api, context));
      expect(code).toBe("unsupported-feature");
      expect(message).toContain('only Windows\' own manager has one. Leave out `database: "system"`');
    }
    expect(await api.SCardListReaders(context)).toEqual({ readers: ["Reader"] });
    const { card } = await api.SCardConnect(context, "Reader", 2, 3);
    expect((await api.SCardStatus(card)).readerNames).toEqual(["Reader"]);
  });

  it("is no other word", () => {
    const make = (): unknown => new WinSCard({ defaultManager: () => ({}) as never, database: "windows" as never });
    expect(make).toThrow('pass a function that gives the database of a scope, or "system"');
  });
});

describe('`database: "own"`', () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-own-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is the files of this package", async () => {
    process.env.SCARD_DATABASE = join(folder, "cards.sqlite");
    const { manager } = await world();
    const open = () => new MachineWinSCard({ defaultManager: () => manager.client({ name: "one" }), database: "own" });
    const first = open();
    const { context } = await first.SCardEstablishContext(0);
    await first.SCardIntroduceCardType(context, "A", null, null, null);
    expect(await open().SCardListCards(null)).toEqual({ cards: ["A"] });
    expect(existsSync(join(folder, "cards.sqlite"))).toBe(true);
  });
});
