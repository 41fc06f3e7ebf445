// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import * as winscard from "../../src/faces/winscard/index.ts";
import {
  INFINITE,
  SCARD_LEAVE_CARD,
  SCARD_PROTOCOL_T1,
  SCARD_SCOPE_SYSTEM,
  SCARD_SCOPE_USER,
  SCARD_SHARE_SHARED,
  SCARD_STATE_CHANGED,
  SCARD_STATE_EMPTY,
  SCARD_STATE_INUSE,
  SCARD_STATE_PRESENT,
  SCARD_STATE_UNAWARE,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { atr, connected, error, Port, READER, returned, subsystem } from "./port.ts";

describe("contexts", () => {
  it("are opened with the manager that is passed in, or with the default one", async () => {
    const [standard, other] = [new Port(), new Port()];
    const api = new WinSCard({ defaultManager: async () => standard.manager });
    await api.SCardEstablishContext(SCARD_SCOPE_SYSTEM);
    expect([standard.take(), other.take()]).toEqual([[["establish", "system"]], []]);
    await api.SCardEstablishContext(SCARD_SCOPE_USER, { manager: other.manager });
    expect([standard.take(), other.take()]).toEqual([[], [["establish", "user"]]]);
  });

  it("stay what they are when the manager refuses", async () => {
    const { port, api } = await subsystem();
    port.failure = new SmartCardError("no-service", "no service");
    await expect(api.SCardEstablishContext(SCARD_SCOPE_USER)).rejects.toEqual(error("no-service"));
    expect(api.openHandles).toEqual({ contexts: 1, cards: 0 });
  });

  it("are valid until released, or until the manager has gone", async () => {
    const { port, api, context } = await subsystem();
    await expect(api.SCardIsValidContext(context)).resolves.toBeUndefined();
    port.valid = false;
    await expect(api.SCardIsValidContext(context)).rejects.toEqual(error("invalid-context"));
    await api.SCardReleaseContext(context);
    expect(await returned(api.SCardIsValidContext(context))).toBe(6);
  });

  it("take their cards with them", async () => {
    const { port, api, context, card } = await connected();
    await api.SCardReleaseContext(context);
    expect(port.take()).toEqual([["release"]]);
    await expect(api.SCardStatus(card)).rejects.toEqual(error("invalid-handle"));
    await expect(api.SCardReleaseContext(context)).rejects.toEqual(error("invalid-context"));
    expect(api.openHandles).toEqual({ contexts: 0, cards: 0 });
  });

  it("are gone from the table even where the manager fails to release them", async () => {
    const { port, api, context } = await connected();
    port.failure = new SmartCardError("service-stopped", "too late");
    await expect(api.SCardReleaseContext(context)).rejects.toEqual(error("service-stopped"));
    expect(api.openHandles).toEqual({ contexts: 0, cards: 0 });
  });

  it("leave nothing in the table, however often they come and go", async () => {
    const { api, context } = await subsystem();
    for (let round = 0; round < 200; round++) {
      const { context: other } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
      const { card } = await api.SCardConnect(other, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
      await api.SCardConnect(other, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
      if (round % 2 === 0) await api.SCardDisconnect(card, SCARD_LEAVE_CARD);
      await api.SCardReleaseContext(other);
    }
    expect(api.openHandles).toEqual({ contexts: 1, cards: 0 });
    await api.SCardReleaseContext(context);
  });

  it("take no card that comes when they have gone: the connection is ended, and nothing is left in the table", async () => {
    const { port, api, context } = await subsystem();
    let open: () => void = () => {};
    port.gate = new Promise((resolve) => {
      open = resolve;
    });
    const connecting = api.SCardConnect(context, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
    await api.SCardReleaseContext(context);
    open();
    await expect(connecting).rejects.toEqual(error("invalid-context"));
    expect(port.take().map(([name]) => name)).toEqual(["connect", "release", "disconnect"]);
    expect(api.openHandles).toEqual({ contexts: 0, cards: 0 });
  });
});

describe("SCardListReaders", () => {
  it("asks for groups given as a name, as a multi-string or as a list, and for all readers otherwise", async () => {
    const { port, api, context } = await subsystem();
    const asked: [string | string[] | null | undefined, string[] | undefined][] = [
      [undefined, undefined],
      [null, undefined],
      ["", undefined],
      [winscard.SCARD_ALL_READERS, undefined],
      ["scard$allreaders\0\0", undefined],
      ["A\0B\0\0", ["A", "B"]],
      ["A", ["A"]],
      [
        ["A", "B\0C"],
        ["A", "B", "C"],
      ],
    ];
    for (const [groups, expected] of asked) {
      expect(await api.SCardListReaders(context, groups)).toEqual({ readers: [READER] });
      expect(port.take()).toEqual([["listReaders", expected]]);
    }
  });

  it("fails without a reader, as in C", async () => {
    const { port, api, context } = await subsystem();
    port.readers = [];
    await expect(api.SCardListReaders(context)).rejects.toEqual(error("no-readers-available"));
    await expect(api.SCardListReaders(context, "A\0B\0\0")).rejects.toThrow("no reader is in A or B");
  });

  it("uses a temporary context without one, and leaves none behind", async () => {
    const { port, api } = await subsystem();
    expect(await api.SCardListReaders(null)).toEqual({ readers: [READER] });
    expect(port.take()).toEqual([["establish", "user"], ["listReaders", undefined], ["release"]]);
    port.readers = [];
    await expect(api.SCardListReaders(null)).rejects.toEqual(error("no-readers-available"));
    expect(await api.SCardListReaderGroups(null)).toEqual({ groups: ["SCard$DefaultReaders"] });
    expect(port.take().filter(([name]) => name === "release")).toHaveLength(2);
    expect(api.openHandles).toEqual({ contexts: 1, cards: 0 });
  });
});

describe("SCardGetStatusChange", () => {
  it("translates what is believed and what is, and hands the user's data back", async () => {
    const { port, api, context } = await subsystem();
    const userData = { window: 1 };
    port.reports = [
      { reader: READER, flags: { changed: true, present: true, inuse: true }, eventCount: 8, atr },
      { reader: "READER B", flags: { empty: true }, eventCount: 0xffff, atr: new Uint8Array() },
    ];
    const asked = [
      { reader: READER, currentState: 0x0007_0010, userData },
      { reader: "Reader B", currentState: SCARD_STATE_UNAWARE },
    ];
    const { readerStates } = await api.SCardGetStatusChange(context, INFINITE, asked);
    const queries = [
      { reader: READER, flags: { empty: true }, eventCount: 7 },
      { reader: "Reader B", flags: {}, eventCount: 0 },
    ];
    expect(port.take()).toEqual([["getStatusChange", queries, {}]]);
    const present = 0x0008_0000 + SCARD_STATE_CHANGED + SCARD_STATE_PRESENT + SCARD_STATE_INUSE;
    expect(readerStates).toEqual([
      { reader: READER, userData, currentState: 0x0007_0010, eventState: present, atr },
      {
        reader: "Reader B",
        currentState: 0,
        eventState: 0xffff_0000 + SCARD_STATE_EMPTY,
        atr: new Uint8Array(),
      },
    ]);
    expect(readerStates[0]?.userData).toBe(userData);
    expect(asked[0]).toEqual({ reader: READER, currentState: 0x0007_0010, userData });
  });

  it("passes the answer back in as it came, as the loops of C programs do", async () => {
    const { port, api, context } = await subsystem();
    port.reports = [
      { reader: READER, flags: { changed: true, empty: true }, eventCount: 0x9000, atr: new Uint8Array() },
    ];
    let { readerStates } = await api.SCardGetStatusChange(context, 0, [
      { reader: READER, currentState: SCARD_STATE_UNAWARE },
    ]);
    for (const state of readerStates) state.currentState = state.eventState;
    port.take();
    ({ readerStates } = await api.SCardGetStatusChange(context, 0, readerStates));
    const query = { reader: READER, flags: { changed: true, empty: true }, eventCount: 0x9000 };
    expect(port.take()).toEqual([["getStatusChange", [query], { timeoutMs: 0 }]]);
  });

  it("lets the port's timeout through, with the states at the end", async () => {
    const { port, api, context } = await subsystem();
    const states = [{ reader: READER, flags: { empty: true }, eventCount: 1, atr: new Uint8Array() }] as const;
    port.failure = new SmartCardError("timeout", "nothing happened", { readerStates: states });
    const waiting = api.SCardGetStatusChange(context, 5, [{ reader: READER, currentState: SCARD_STATE_EMPTY }]);
    await expect(waiting).rejects.toMatchObject({ rv: 0x8010_000a, details: { readerStates: states } });
  });
});
