// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { Database, MemoryStore } from "../../src/database/index.ts";
import { type SoftwareCard, VirtualReader } from "../../src/entry/cards.ts";
import {
  INFINITE,
  SCARD_ALL_READERS,
  SCARD_ATTR_DEVICE_SYSTEM_NAME_A,
  SCARD_AUDIT_CHV_FAILURE,
  SCARD_AUDIT_CHV_SUCCESS,
  SCARD_DEFAULT_READERS,
  SCARD_PROTOCOL_T1,
  SCARD_PROTOCOL_Tx,
  SCARD_PROVIDER_CARD_MODULE,
  SCARD_PROVIDER_CSP,
  SCARD_PROVIDER_KSP,
  SCARD_PROVIDER_PRIMARY,
  SCARD_READER_TYPE_USB,
  SCARD_READER_TYPE_VENDOR,
  SCARD_SCOPE_SYSTEM,
  SCARD_SCOPE_USER,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_SHARED,
  SCARD_STATE_ATRMATCH,
  SCARD_STATE_CHANGED,
  SCARD_STATE_EMPTY,
  SCARD_STATE_IGNORE,
  SCARD_STATE_PRESENT,
  SCARD_STATE_UNAWARE,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { PNP_NOTIFICATION, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { error, Port, returned, subsystem } from "./port.ts";

const atr = Uint8Array.of(0x3b, 0x80, 0x01, 0x81);

/** A card that answers 9000 to everything. */
class PlainCard implements SoftwareCard {
  reset(): Uint8Array {
    return atr;
  }

  powerOff(): void {}

  process(): Uint8Array {
    return Uint8Array.of(0x90, 0x00);
  }
}

/** A manager with two readers, "Desk" and "Door", the first with a card in it; and a database. */
async function machine() {
  const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const manager = new EmbeddedManager({ runtime });
  const [desk, door] = ["Desk", "Door"].map(
    (name) => new VirtualReader({ name, id: `serial:${name}`, clock: runtime.clock }),
  ) as [VirtualReader, VirtualReader];
  desk.insert(new PlainCard());
  const names = [await manager.addReader(desk), await manager.addReader(door)] as const;
  const database = new Database(new MemoryStore());
  const api = new WinSCard({
    defaultManager: () => manager.client({ name: "program" }),
    database: () => database,
    clock: runtime.clock,
    program: "program (pid 7)",
  });
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
  return { runtime, manager, desk, door, names, database, api, context };
}

describe("names of readers", () => {
  it("renaming takes two calls, and the system name, as the example of SCardIntroduceReader has it", async () => {
    const { api, context, names } = await machine();
    const { card } = await api.SCardConnect(context, names[0], SCARD_SHARE_DIRECT, 0);
    const { attribute } = await api.SCardGetAttrib(card, SCARD_ATTR_DEVICE_SYSTEM_NAME_A);
    // With the NUL at its end: a C program hands it on as it is.
    const systemName = new TextDecoder().decode(attribute);
    await api.SCardIntroduceReader(context, "My New Reader Name", systemName);
    expect((await api.SCardListReaders(context)).readers).toEqual([names[0], "My New Reader Name", names[1]]);
    expect((await api.SCardStatus(card)).readerNames.sort()).toEqual([names[0], "My New Reader Name"].sort());
    await api.SCardForgetReader(context, systemName);
    expect((await api.SCardListReaders(context)).readers).toEqual(["My New Reader Name", names[1]]);
    expect((await api.SCardStatus(card)).readerNames).toEqual(["My New Reader Name"]);
    await expect(api.SCardConnect(context, names[0], SCARD_SHARE_DIRECT, 0)).rejects.toEqual(error("unknown-reader"));
  });

  it("a given name works wherever a reader is named, in any case of letters", async () => {
    const { runtime, api, context, names, desk } = await machine();
    await api.SCardIntroduceReader(context, "Front Desk", names[0]);
    await api.SCardForgetReader(context, names[0]);
    const reader = "FRONT desk";
    const { card } = await api.SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await api.SCardTransmit(card, null, Uint8Array.of(0, 0xa4, 0, 0));
    const now = await api.SCardGetStatusChange(context, 0, [{ reader, currentState: SCARD_STATE_UNAWARE }]);
    expect(now.readerStates).toMatchObject([{ reader, atr }]);
    const [state] = now.readerStates;
    const asked = [
      { reader, currentState: (state?.eventState ?? 0) & ~SCARD_STATE_CHANGED },
      { reader: PNP_NOTIFICATION, currentState: 2 * 0x1_0000 },
    ];
    const waiting = api.SCardGetStatusChange(context, INFINITE, asked);
    await runtime.settle();
    desk.remove();
    const { readerStates } = await waiting;
    expect((readerStates[0]?.eventState ?? 0) & SCARD_STATE_EMPTY).toBe(SCARD_STATE_EMPTY);
    expect(readerStates.map((one) => one.reader)).toEqual([reader, PNP_NOTIFICATION]);
    expect((await api.SCardGetReaderDeviceInstanceId(context, reader)).deviceInstanceId).toBe("serial:Desk");
    expect(await api.SCardListReadersWithDeviceInstanceId(context, "serial:Desk")).toEqual({ readers: ["Front Desk"] });
  });

  it("a wait that times out tells the states under the names it was asked for", async () => {
    const { api, context, names } = await machine();
    await api.SCardIntroduceReader(context, "Back Door", names[1]);
    const reader = "back door";
    const { readerStates } = await api.SCardGetStatusChange(context, 0, [{ reader, currentState: 0 }]);
    const currentState = (readerStates[0]?.eventState ?? 0) & ~SCARD_STATE_CHANGED;
    const failure = api.SCardGetStatusChange(context, 0, [{ reader, currentState }]);
    await expect(failure).rejects.toMatchObject({ code: "timeout", details: { readerStates: [{ reader }] } });
  });

  it("a name of a device that is not attached is known and not available; another is not known", async () => {
    const { api, context } = await machine();
    await api.SCardIntroduceReader(context, "Gate", "A reader at home");
    expect((await api.SCardListReaders(context)).readers).not.toContain("Gate");
    for (const [reader, code] of [
      ["Gate", "reader-unavailable"],
      ["Moat", "unknown-reader"],
    ] as const) {
      const connecting = api.SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
      await expect(connecting).rejects.toEqual(error(code));
      await expect(api.SCardGetReaderIcon(context, reader)).rejects.toEqual(error(code));
      const states = [{ reader, currentState: SCARD_STATE_UNAWARE }];
      await expect(api.SCardGetStatusChange(context, 0, states)).rejects.toEqual(error(code));
      // What is ignored need not be there.
      const ignored = [{ reader, currentState: SCARD_STATE_IGNORE }];
      await expect(api.SCardGetStatusChange(context, 0, ignored)).resolves.toMatchObject({
        readerStates: [{ reader }],
      });
    }
  });

  it("SCardCancel also ends a wait whose names are still being looked up", async () => {
    const { api, context, names } = await machine();
    await api.SCardIntroduceReader(context, "Front Desk", names[0]);
    const now = await api.SCardGetStatusChange(context, 0, [{ reader: "Front Desk", currentState: 0 }]);
    const states = now.readerStates.map((one) => ({ ...one, currentState: one.eventState & ~SCARD_STATE_CHANGED }));
    const waiting = api.SCardGetStatusChange(context, INFINITE, states);
    await api.SCardCancel(context);
    await expect(waiting).rejects.toEqual(error("cancelled"));
  });

  it("a program works with its card where the database cannot be had, and is told by the functions that need it", async () => {
    const port = new Port();
    const missing = new SmartCardError("unsupported-feature", "install libsql");
    for (const database of [
      () => Promise.reject(missing),
      () => {
        throw missing;
      },
    ]) {
      const api = new WinSCard({ defaultManager: () => port.manager, database });
      const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
      const { readers } = await api.SCardListReaders(context, SCARD_DEFAULT_READERS);
      expect(await api.SCardListReaderGroups(context)).toEqual({ groups: [SCARD_DEFAULT_READERS] });
      const { card } = await api.SCardConnect(context, readers[0] ?? "", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
      expect((await api.SCardStatus(card)).readerNames).toEqual(readers);
      port.reports = [{ reader: "Reader A", flags: { present: true }, eventCount: 0x9000, atr }];
      const states = [{ reader: "Reader A", currentState: 0 }];
      const located = await api.SCardLocateCardsByATR(context, [{ atr }], states);
      const wanted = 0x9000_0000 + SCARD_STATE_PRESENT + SCARD_STATE_ATRMATCH;
      expect(located.readerStates[0]?.eventState).toBe(wanted);
      await api.SCardWriteCache(context, "00112233-4455-6677-8899-AABBCCDDEEFF", 1, "name", atr);
      const unsupported = error("unsupported-feature");
      await expect(api.SCardListCards(context)).rejects.toEqual(unsupported);
      await expect(api.SCardLocateCards(context, "Card", states)).rejects.toEqual(unsupported);
      await expect(api.SCardIntroduceReader(context, "Door", "Reader A")).rejects.toEqual(unsupported);
      await expect(api.SCardAudit(context, SCARD_AUDIT_CHV_SUCCESS)).rejects.toEqual(unsupported);
    }
  });
});

describe("groups of readers", () => {
  it("come with their first reader and go with their last", async () => {
    const { api, context, names } = await machine();
    await api.SCardIntroduceReaderGroup(context, "Doors");
    expect(await api.SCardListReaderGroups(context)).toEqual({ groups: [SCARD_DEFAULT_READERS] });
    await api.SCardAddReaderToGroup(context, names[1], "Doors");
    await api.SCardAddReaderToGroup(context, names[0], "doors");
    expect(await api.SCardListReaderGroups(null)).toEqual({ groups: [SCARD_DEFAULT_READERS, "Doors"] });
    expect((await api.SCardListReaders(context, "DOORS\0Unknown\0\0")).readers).toEqual(names);
    await api.SCardRemoveReaderFromGroup(context, names[0], "Doors");
    expect(await api.SCardListReaders(context, "Doors")).toEqual({ readers: [names[1]] });
    await api.SCardForgetReaderGroup(context, "Doors");
    expect(await api.SCardListReaderGroups(context)).toEqual({ groups: [SCARD_DEFAULT_READERS] });
    await expect(api.SCardListReaders(context, "Doors")).rejects.toEqual(error("no-readers-available"));
  });

  it("a reader can be taken out of the default group, and is found among all readers still", async () => {
    const { api, context, names } = await machine();
    await api.SCardRemoveReaderFromGroup(context, names[0], SCARD_DEFAULT_READERS);
    expect(await api.SCardListReaders(context, SCARD_DEFAULT_READERS)).toEqual({ readers: [names[1]] });
    expect((await api.SCardListReaders(context, SCARD_ALL_READERS)).readers.sort()).toEqual([...names].sort());
  });

  it("groups that the manager has are there too", async () => {
    const { api, context, port } = await subsystem();
    port.groups = ["SCard$DefaultReaders", "Tills"];
    await api.SCardAddReaderToGroup(context, "Reader A", "Doors");
    const { groups } = await api.SCardListReaderGroups(context);
    expect(groups).toEqual([SCARD_DEFAULT_READERS, "Doors", "Tills"]);
    port.take();
    expect(await api.SCardListReaders(context, "Tills")).toEqual({ readers: ["Reader A"] });
    expect(port.take()).toEqual([
      ["listReaders", undefined],
      ["listReaders", ["Tills"]],
    ]);
  });
});

describe("card types", () => {
  const [one, two] = ["{50DD5230-BA8A-11D1-BF5D-0000F805F530}", "{00112233-4455-6677-8899-AABBCCDDEEFF}"];

  it("are found by ATR, by interfaces, by both and by neither", async () => {
    const { api, context } = await machine();
    const { SCardIntroduceCardType, SCardListCards } = api;
    await SCardIntroduceCardType(
      context,
      "Purse",
      null,
      [one.toLowerCase()],
      Uint8Array.of(0x3b, 0x80, 0x00, 0x81),
      Uint8Array.of(0xff, 0xff, 0x00, 0xff),
    );
    await SCardIntroduceCardType(context, "Ticket", one, [one, two], atr, null);
    await SCardIntroduceCardType(context, "Key", null, [two], null);
    const found = async (...query: [Uint8Array | null, string[] | null]) =>
      (await SCardListCards(context, ...query)).cards;
    expect(await found(null, null)).toEqual(["Key", "Purse", "Ticket"]);
    expect(await found(atr, null)).toEqual(["Ticket", "Purse"]);
    expect(await found(null, [two])).toEqual(["Key", "Ticket"]);
    expect(await found(null, [two, one])).toEqual(["Ticket"]);
    expect(await found(atr, [one])).toEqual(["Ticket", "Purse"]);
    expect(await found(Uint8Array.of(0x3b, 0x00), [one])).toEqual([]);
    expect(await SCardListCards(null)).toEqual({ cards: ["Key", "Purse", "Ticket"] });
    expect(await api.SCardListInterfaces(null, "ticket")).toEqual({ interfaces: [one, two] });
    expect(await api.SCardGetProviderId(context, "TICKET")).toEqual({ providerId: one });
    await api.SCardForgetCardType(context, "ticket");
    expect(await found(null, null)).toEqual(["Key", "Purse"]);
  });

  it("have a provider of each kind", async () => {
    const { api, context } = await machine();
    await api.SCardIntroduceCardType(context, "Key", null, null, atr);
    const kinds = [
      [SCARD_PROVIDER_PRIMARY, one],
      [SCARD_PROVIDER_CSP, "A cryptographic provider"],
      [SCARD_PROVIDER_KSP, "A key storage provider"],
      [SCARD_PROVIDER_CARD_MODULE, "module.dll"],
    ] as const;
    for (const [id, provider] of kinds) await api.SCardSetCardTypeProviderName(context, "Key", id, provider);
    for (const [id, provider] of kinds) {
      expect(await api.SCardGetCardTypeProviderName(context, "key", id)).toEqual({ provider });
    }
    const wrong = api.SCardGetCardTypeProviderName(context, "Key", 4);
    await expect(wrong).rejects.toThrow(/provider 4 is not one of SCARD_PROVIDER_PRIMARY \(1\)/);
  });

  it("belong to a scope: the system's are seen by users, and changed by none of them", async () => {
    const [system, user] = [new MemoryStore(), new MemoryStore()];
    const databases = { system: new Database(system), user: new Database(user, { below: system }) };
    const api = new WinSCard({
      defaultManager: () => new Port().manager,
      database: (scope) => databases[scope === "system" ? "system" : "user"],
    });
    const { context: root } = await api.SCardEstablishContext(SCARD_SCOPE_SYSTEM);
    const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
    await api.SCardIntroduceCardType(root, "Key", null, null, atr);
    await api.SCardIntroduceCardType(context, "Mine", null, null, atr);
    expect(await api.SCardListCards(context, atr)).toEqual({ cards: ["Key", "Mine"] });
    expect(await api.SCardListCards(root, atr)).toEqual({ cards: ["Key"] });
    await expect(api.SCardForgetCardType(context, "Key")).rejects.toEqual(error("no-access"));
  });
});

describe("looking for cards", () => {
  it("as the example of SCardLocateCards does: locate, wait, locate again", async () => {
    const { runtime, api, context, names, door } = await machine();
    const other = Uint8Array.of(0x3b, 0x00);
    await api.SCardIntroduceCardType(context, "Wanted", null, null, Uint8Array.of(0x3b, 0x80, 0x01, 0x81));
    await api.SCardIntroduceCardType(context, "Other", null, null, other);
    let states = names.map((reader) => ({ reader, currentState: SCARD_STATE_UNAWARE }));
    const matches = (list: readonly { eventState: number }[]) =>
      list.map(({ eventState }) => (eventState & SCARD_STATE_ATRMATCH) !== 0);
    const wanted = await api.SCardLocateCards(context, ["Other", "wanted"], states);
    expect(matches(wanted.readerStates)).toEqual([true, false]);
    expect(matches((await api.SCardLocateCards(context, "Other", states)).readerStates)).toEqual([false, false]);

    const only = states.slice(1);
    const before = await api.SCardLocateCards(context, "Wanted\0", only);
    states = before.readerStates.map(({ reader, eventState }) => ({ reader, currentState: eventState }));
    // Nothing has changed: it looks, and does not wait.
    const again = await api.SCardLocateCards(context, "Wanted", states);
    expect((again.readerStates[0]?.eventState ?? 0) & SCARD_STATE_CHANGED).toBe(0);
    const waiting = api.SCardGetStatusChange(context, INFINITE, states);
    await runtime.settle();
    door.insert(new PlainCard());
    const { readerStates } = await waiting;
    states = readerStates.map(({ reader, eventState }) => ({ reader, currentState: eventState }));
    const after = await api.SCardLocateCards(context, "Wanted", states);
    expect(matches(after.readerStates)).toEqual([true]);
    expect(after.readerStates[0]?.atr).toEqual(atr);
  });

  it("by ATR and mask", async () => {
    const { api, context, names } = await machine();
    const states = names.map((reader) => ({ reader, currentState: SCARD_STATE_UNAWARE }));
    const located = async (masks: { atr: Uint8Array; mask?: Uint8Array }[]) =>
      (await api.SCardLocateCardsByATR(context, masks, states)).readerStates.map(
        ({ eventState }) => (eventState & SCARD_STATE_ATRMATCH) !== 0,
      );
    const [pattern, mask] = [Uint8Array.of(0x3b, 0x80, 0, 0), Uint8Array.of(0xff, 0xf0, 0, 0)];
    expect(await located([{ atr: Uint8Array.of(0x3b, 0x00) }, { atr: pattern, mask }])).toEqual([true, false]);
    expect(await located([{ atr: pattern }])).toEqual([false, false]);
    expect(await located([])).toEqual([false, false]);
  });
});

describe("the cache", () => {
  it("knows a card by its UUID as text and as bytes in memory, and drops what is of another revision", async () => {
    const { api, context } = await machine();
    const bytes = Uint8Array.of(
      0x33,
      0x22,
      0x11,
      0x00,
      0x55,
      0x44,
      0x77,
      0x66,
      0x88,
      0x99,
      0xaa,
      0xbb,
      0xcc,
      0xdd,
      0xee,
      0xff,
    );
    const data = Uint8Array.of(1, 2, 3);
    await api.SCardWriteCache(context, bytes, -1, "Cached_ContainerMap", data);
    data.fill(0);
    const text = "{00112233-4455-6677-8899-aabbccddeeff}";
    const read = await api.SCardReadCache(context, text, 0xffff_ffff, "Cached_ContainerMap");
    expect([...read.data]).toEqual([1, 2, 3]);
    const other = api.SCardReadCache(context, text.replace("0011", "1100"), 0, "Cached_ContainerMap");
    await expect(other).rejects.toEqual(error("cache-item-not-found"));
  });
});

describe("readers as devices", () => {
  it.each([
    ["usb", undefined, SCARD_READER_TYPE_USB],
    ["vendor", 0x0020_0003, SCARD_READER_TYPE_VENDOR],
    [undefined, 0x0020_0003, SCARD_READER_TYPE_USB],
    [undefined, 0x00f3_0000, SCARD_READER_TYPE_VENDOR],
  ] as const)("type %s on channel %s is %d", async (type, channelId, deviceTypeId) => {
    const { api, context, port } = await subsystem();
    port.device = { ...port.device, type, channelId };
    expect(await api.SCardGetDeviceTypeId(context, "Reader A")).toEqual({ deviceTypeId });
  });

  it("one that goes while it is asked is left out", async () => {
    const { api, context, port } = await subsystem();
    port.describing = new SmartCardError("reader-unavailable", "gone");
    const listing = api.SCardListReadersWithDeviceInstanceId(context, "instance:a");
    await expect(listing).rejects.toEqual(error("no-readers-available"));
  });
});

describe("the audit log", () => {
  it("has what is reported, with the reader whose card is connected", async () => {
    const { runtime, api, context, names, database } = await machine();
    await api.SCardAudit(context, SCARD_AUDIT_CHV_FAILURE);
    await api.SCardConnect(context, names[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await runtime.advance(1000);
    await api.SCardAudit(context, SCARD_AUDIT_CHV_SUCCESS, { card: "Key" });
    await api.SCardConnect(context, names[1], SCARD_SHARE_DIRECT, 0);
    await api.SCardAudit(context, SCARD_AUDIT_CHV_SUCCESS);
    const [time, who] = [1_700_000_000_000, "program (pid 7)"];
    expect(database.audit.entries()).toEqual([
      { time, event: "chv-failure", reader: undefined, card: undefined, who },
      { time: time + 1000, event: "chv-success", reader: names[0], card: "Key", who },
      { time: time + 1000, event: "chv-success", reader: undefined, card: undefined, who },
    ]);
  });

  it("needs a clock", async () => {
    const { api, context } = await subsystem();
    expect(await returned(api.SCardAudit(context, SCARD_AUDIT_CHV_SUCCESS))).toBe(0x8010_0022);
  });
});
