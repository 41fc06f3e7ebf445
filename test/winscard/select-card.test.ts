// SPDX-License-Identifier: MIT

// The dialog functions over the embedded manager, in simulated time: each mode, each criterion, each failure.

import { describe, expect, it } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import {
  type OPENCARD_SEARCH_CRITERIA,
  type OpenCardCheck,
  type OpenCardConnect,
  type OpenCardDisconnect,
  SC_DLG_FORCE_UI,
  SC_DLG_MINIMAL_UI,
  SC_DLG_NO_UI,
  SCARD_ALL_READERS,
  SCARD_LEAVE_CARD,
  SCARD_PROTOCOL_T1,
  SCARD_PROTOCOL_Tx,
  SCARD_PROTOCOL_UNDEFINED,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
  SCARD_STATE_UNPOWERED,
  SCARD_UNPOWER_CARD,
  SCARD_W_CANCELLED_BY_USER,
  type SCARDHANDLE,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { type ResourceManager, SmartCardError } from "../../src/port/index.ts";
import { DEMO_INTERFACE, type DialogWorld, demoAtr, dialogWorld, PlayedPicker } from "./dialog-world.ts";

/** What a promise fails with. */
async function failureOf(promise: Promise<unknown>): Promise<SmartCardError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (!(outcome instanceof SmartCardError)) throw new Error(`no failure of ours: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** The caller's three functions, and in which order they were called. */
function callbacks({ api, context }: DialogWorld, accepts: (reader: string) => boolean = () => true) {
  const calls: string[] = [];
  const readers = new Map<SCARDHANDLE, string>();
  const connect: OpenCardConnect = async (given, reader, cards, userData) => {
    calls.push(`connect ${reader} [${cards.join()}] ${String(userData)}`);
    expect(given).toBe(context);
    const { card } = await api.SCardConnect(given, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    readers.set(card, reader);
    return card;
  };
  const check: OpenCardCheck = (_, card, userData) => {
    const reader = readers.get(card) ?? "?";
    calls.push(`check ${reader} ${String(userData)}`);
    return accepts(reader);
  };
  const disconnect: OpenCardDisconnect = async (_, card, userData) => {
    calls.push(`disconnect ${readers.get(card)} ${String(userData)}`);
    await api.SCardDisconnect(card, SCARD_LEAVE_CARD);
  };
  return { calls, connect, check, disconnect, userData: "mine" };
}

describe("SC_DLG_MINIMAL_UI", () => {
  it("takes the only card that fits without a word, and names it", async () => {
    const { api, context, door, insert, picker } = await dialogWorld();
    await insert(door);
    expect(await api.SCardUIDlgSelectCard({ context })).toEqual({
      reader: "Door",
      card: "Demo",
      cardHandle: null,
      activeProtocol: SCARD_PROTOCOL_UNDEFINED,
    });
    expect(picker.isOpen).toBe(false);
  });

  it("connects with the share mode and the protocols, and the connection is the caller's", async () => {
    const { api, context, desk, insert } = await dialogWorld();
    await insert(desk);
    const chosen = await api.SCardUIDlgSelectCard({
      context,
      flags: SC_DLG_MINIMAL_UI,
      shareMode: SCARD_SHARE_EXCLUSIVE,
      preferredProtocols: SCARD_PROTOCOL_T1,
    });
    expect(chosen.activeProtocol).toBe(SCARD_PROTOCOL_T1);
    const { cardHandle } = chosen;
    if (cardHandle === null) throw new Error("no connection");
    expect((await api.SCardStatus(cardHandle)).readerNames).toEqual(["Desk"]);
    await api.SCardDisconnect(cardHandle, SCARD_LEAVE_CARD);
    expect(api.openHandles.cards).toBe(0);
  });

  it("connects with the caller's function instead, which is told the names", async () => {
    const world = await dialogWorld();
    const { api, context, desk, insert } = world;
    await insert(desk);
    const { calls, connect } = callbacks(world);
    const chosen = await api.SCardUIDlgSelectCard({ context, connect, userData: 7, shareMode: SCARD_SHARE_EXCLUSIVE });
    expect(calls).toEqual(["connect Desk [Demo] 7"]);
    expect(chosen).toMatchObject({ reader: "Desk", cardHandle: expect.any(Number), activeProtocol: 0 });
  });

  it("opens the dialog where no card fits", async () => {
    const { api, context, desk, insert, picker, runtime } = await dialogWorld();
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: no-card", "Door: no-card"]);
    await insert(desk);
    expect(picker.lines).toEqual(["Desk: fits (Demo)", "Door: no-card"]);
    picker.choose("Desk");
    expect(await choosing).toMatchObject({ reader: "Desk", card: "Demo" });
  });

  it("opens the dialog where several fit", async () => {
    const { api, context, desk, door, insert, picker, runtime } = await dialogWorld();
    await insert(desk);
    await insert(door);
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: fits (Demo)", "Door: fits (Demo)"]);
    picker.choose("Door");
    expect(await choosing).toMatchObject({ reader: "Door" });
  });
});

describe("SC_DLG_FORCE_UI", () => {
  it("opens the dialog even where one fits, with the caller's words", async () => {
    const { api, context, desk, insert, picker, runtime } = await dialogWorld();
    await insert(desk);
    const owner = { window: 1 };
    const look = { title: "My Select Card Title", searchDesc: "Insert it", owner, icon: "an icon" };
    const choosing = api.SCardUIDlgSelectCard({
      context,
      flags: SC_DLG_FORCE_UI,
      ...look,
      searchCriteria: { cardNames: "Demo\0Purse\0\0" },
    });
    await runtime.settle();
    expect(picker.request).toMatchObject({ ...look, cardNames: ["Demo", "Purse"] });
    picker.choose("Desk");
    await choosing;
  });

  it("has default texts if the caller passes none", async () => {
    const { api, context, picker, runtime } = await dialogWorld();
    const choosing = api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI, title: null });
    await runtime.settle();
    expect(picker.request).toMatchObject({ title: "Select Card:", searchDesc: "Please insert a smart card" });
    picker.choose(undefined);
    await failureOf(choosing);
  });
});

describe("SC_DLG_NO_UI", () => {
  it("takes the first card that fits", async () => {
    const { api, context, desk, door, insert, picker } = await dialogWorld();
    await insert(desk);
    await insert(door);
    expect(await api.SCardUIDlgSelectCard({ context, flags: SC_DLG_NO_UI })).toMatchObject({ reader: "Desk" });
    expect(picker.isOpen).toBe(false);
  });

  it("takes the first that can be connected, or fails as the first did", async () => {
    const { api, context, desk, door, insert } = await dialogWorld();
    await insert(desk);
    await insert(door);
    const held = await api.SCardConnect(context, "Desk", SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    const dialog = {
      context,
      flags: SC_DLG_NO_UI,
      shareMode: SCARD_SHARE_EXCLUSIVE,
      preferredProtocols: SCARD_PROTOCOL_Tx,
    };
    const first = await api.SCardUIDlgSelectCard(dialog);
    expect(first.reader).toBe("Door");
    // Desk is shared by another, and Door is now exclusive: neither can be had.
    expect((await failureOf(api.SCardUIDlgSelectCard(dialog))).code).toBe("sharing-violation");
    await api.SCardDisconnect(held.card, SCARD_LEAVE_CARD);
    expect((await api.SCardUIDlgSelectCard(dialog)).reader).toBe("Desk");
  });

  it("fails where no card fits, and says why none does", async () => {
    const { api, context, desk, door, insert } = await dialogWorld();
    const { code, message } = await failureOf(api.SCardUIDlgSelectCard({ context, flags: SC_DLG_NO_UI }));
    expect(code).toBe("no-smartcard");
    expect(message).toBe(
      'SCARD_E_NO_SMARTCARD: no card fits ("Desk": it has no card (any more); "Door": it has no card (any more))',
    );
    await insert(desk);
    const searchCriteria = { cardNames: ["Purse"] };
    const other = await failureOf(api.SCardUIDlgSelectCard({ context, flags: SC_DLG_NO_UI, searchCriteria }));
    expect(other.message).toContain('"Desk": its card is not one that is searched for');
    desk.unplug();
    door.unplug();
    const none = await failureOf(api.SCardUIDlgSelectCard({ context, flags: SC_DLG_NO_UI }));
    expect(none.code).toBe("no-readers-available");
  });
});

describe("the criteria", () => {
  const otherMask = { atr: Uint8Array.of(0x3b, 0x00), mask: Uint8Array.of(0xff, 0x00) };
  const demoMask = {
    atr: demoAtr.map((byte, at) => (at < 2 ? byte : 0)),
    mask: demoAtr.map((_, at) => (at < 2 ? 255 : 0)),
  };
  it.each<[string, OPENCARD_SEARCH_CRITERIA, boolean]>([
    ["nothing at all", {}, true],
    ["its name", { cardNames: "Demo" }, true],
    ["its name, in another case", { cardNames: ["dEMO"] }, true],
    ["one of two names", { cardNames: ["Purse", "Demo"] }, true],
    ["another name", { cardNames: ["Purse"] }, false],
    ["its interface", { interfaces: [DEMO_INTERFACE.toLowerCase()] }, true],
    ["its name and its interface", { cardNames: ["Demo"], interfaces: [DEMO_INTERFACE] }, true],
    ["an interface that it does not have", { interfaces: ["{00000000-0000-0000-0000-000000000001}"] }, false],
    ["its ATR", { atrMasks: [{ atr: demoAtr }] }, true],
    ["a part of its ATR", { atrMasks: [otherMask, demoMask] }, true],
    ["another ATR", { atrMasks: [otherMask] }, false],
    ["its name, but another ATR", { cardNames: ["Demo"], atrMasks: [otherMask] }, false],
    ["all groups", { groupNames: SCARD_ALL_READERS }, true],
    ["the group that its reader is in", { groupNames: ["Counters", "Doors"] }, true],
    ["a group that its reader is not in", { groupNames: "Counters" }, false],
  ])("a card fits %s", async (_, searchCriteria, fits) => {
    const { api, context, door, insert } = await dialogWorld();
    await api.SCardAddReaderToGroup(context, "Door", "Doors");
    await api.SCardAddReaderToGroup(context, "Desk", "Counters");
    await insert(door);
    const choosing = api.SCardUIDlgSelectCard({ context, flags: SC_DLG_NO_UI, searchCriteria });
    if (fits) expect(await choosing).toMatchObject({ reader: "Door", card: "Demo" });
    else expect((await failureOf(choosing)).code).toBe("no-smartcard");
  });

  it("search the default group where none is named", async () => {
    const { api, context, desk, door, insert } = await dialogWorld();
    await insert(desk);
    await insert(door);
    await api.SCardRemoveReaderFromGroup(context, "Desk", "SCard$DefaultReaders");
    expect(await api.SCardUIDlgSelectCard({ context })).toMatchObject({ reader: "Door" });
  });

  it("take a card that was not introduced, and have no name for it", async () => {
    const { api, context, database, desk, insert } = await dialogWorld();
    database.cardTypes.forget("Demo");
    await insert(desk);
    expect(await api.SCardUIDlgSelectCard({ context })).toMatchObject({ reader: "Desk", card: "" });
  });

  it("pass over a mute card, and one that another has for itself", async () => {
    const { api, context, desk, door, insert, picker, runtime } = await dialogWorld();
    desk.mute(true);
    await insert(desk);
    await insert(door);
    await api.SCardConnect(context, "Door", SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_Tx);
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: mute", "Door: exclusive (Demo)"]);
    picker.choose(undefined);
    await failureOf(choosing);
  });
});

describe("the check", () => {
  it("connects, checks and disconnects each card that fits, one after the other, before the choice", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert } = world;
    await insert(desk);
    await insert(door);
    const { calls, ...searchCriteria } = callbacks(world, (reader) => reader === "Door");
    const final: string[] = [];
    const connect: OpenCardConnect = async (given, reader) => {
      final.push(reader);
      return (await api.SCardConnect(given, reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_Tx)).card;
    };
    const chosen = await api.SCardUIDlgSelectCard({ context, searchCriteria, connect });
    expect(calls).toEqual([
      "connect Desk [Demo] mine",
      "check Desk mine",
      "disconnect Desk mine",
      "connect Door [Demo] mine",
      "check Door mine",
      "disconnect Door mine",
    ]);
    expect([chosen.reader, final, api.openHandles.cards]).toEqual(["Door", ["Door"], 1]);
  });

  it("connects by share mode and protocols where the caller has no functions, and leaves nothing open", async () => {
    const { api, context, desk, insert } = await dialogWorld();
    await insert(desk);
    const seen: unknown[] = [];
    const searchCriteria: OPENCARD_SEARCH_CRITERIA = {
      check: async (_, card) => seen.push(await api.SCardStatus(card)) > 0,
      shareMode: SCARD_SHARE_EXCLUSIVE,
      preferredProtocols: SCARD_PROTOCOL_T1,
    };
    expect(await api.SCardUIDlgSelectCard({ context, searchCriteria })).toMatchObject({ cardHandle: null });
    expect(seen).toMatchObject([{ readerNames: ["Desk"], protocol: SCARD_PROTOCOL_T1 }]);
    expect(api.openHandles.cards).toBe(0);
  });

  it("looks at a card once for each insertion, also while the dialog is open", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert, picker, runtime } = world;
    await insert(desk);
    let right = false;
    const { calls, ...searchCriteria } = callbacks(world, () => right);
    const choosing = api.SCardUIDlgSelectCard({ context, searchCriteria });
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: refused (Demo)", "Door: no-card"]);
    await insert(door);
    await api.SCardConnect(context, "Desk", SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await runtime.settle();
    expect(calls.filter((call) => call.startsWith("check"))).toEqual(["check Desk mine", "check Door mine"]);
    right = true;
    desk.remove();
    await insert(desk);
    expect(picker.lines).toEqual(["Desk: fits (Demo)", "Door: refused (Demo)"]);
    picker.choose("Desk");
    await choosing;
  });

  it("is not repeated because a card is powered down, which it may have been the cause of", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert, picker, runtime } = world;
    await insert(desk);
    const { calls, ...searchCriteria } = callbacks(world);
    const choosing = api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI, searchCriteria });
    await runtime.settle();
    const { card } = await api.SCardConnect(context, "Desk", SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await api.SCardDisconnect(card, SCARD_UNPOWER_CARD);
    await runtime.settle();
    const { readerStates } = await api.SCardGetStatusChange(context, 0, [{ reader: "Desk", currentState: 0 }]);
    expect((readerStates[0]?.eventState ?? 0) & SCARD_STATE_UNPOWERED).toBe(SCARD_STATE_UNPOWERED);
    // What happens elsewhere makes the search look at all readers again.
    door.unplug();
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: fits (Demo)"]);
    expect(calls.filter((call) => call.startsWith("check"))).toEqual(["check Desk mine"]);
    picker.choose(undefined);
    await failureOf(choosing);
  });

  it("passes over a card that it cannot connect to, and tries again when that may have changed", async () => {
    const { api, context, desk, door, insert, picker, runtime } = await dialogWorld();
    await insert(desk);
    await insert(door);
    const held = await api.SCardConnect(context, "Desk", SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    const searchCriteria: OPENCARD_SEARCH_CRITERIA = {
      check: () => true,
      shareMode: SCARD_SHARE_EXCLUSIVE,
      preferredProtocols: SCARD_PROTOCOL_Tx,
    };
    const choosing = api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI, searchCriteria });
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: unreachable (Demo)", "Door: fits (Demo)"]);
    expect(picker.shown.at(-1)?.[0]?.problem).toContain("SCARD_E_SHARING_VIOLATION");
    await api.SCardDisconnect(held.card, SCARD_LEAVE_CARD);
    await runtime.settle();
    expect(picker.lines[0]).toBe("Desk: fits (Demo)");
    picker.choose(undefined);
    await failureOf(choosing);
  });

  it("gives up a card that stays locked after a second", async () => {
    const { api, context, desk, insert, picker, runtime } = await dialogWorld();
    await insert(desk);
    const held = await api.SCardConnect(context, "Desk", SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await api.SCardBeginTransaction(held.card);
    const searchCriteria: OPENCARD_SEARCH_CRITERIA = {
      check: () => true,
      shareMode: SCARD_SHARE_SHARED,
      preferredProtocols: SCARD_PROTOCOL_Tx,
    };
    const choosing = api.SCardUIDlgSelectCard({ context, searchCriteria });
    await runtime.advance(999);
    expect(picker.isOpen).toBe(false);
    await runtime.advance(1);
    expect(picker.lines).toEqual(["Desk: unreachable (Demo)", "Door: no-card"]);
    picker.choose(undefined);
    await failureOf(choosing);
  });

  it("passes on what it throws itself, and leaves nothing open", async () => {
    const { api, context, desk, insert } = await dialogWorld();
    await insert(desk);
    const mistake = new TypeError("a mistake of the caller's");
    const searchCriteria: OPENCARD_SEARCH_CRITERIA = {
      check: () => Promise.reject(mistake),
      shareMode: SCARD_SHARE_SHARED,
      preferredProtocols: SCARD_PROTOCOL_Tx,
    };
    await expect(api.SCardUIDlgSelectCard({ context, searchCriteria })).rejects.toBe(mistake);
    expect(api.openHandles.cards).toBe(0);
  });
});

describe("the dialog", () => {
  it("follows readers that come and go, and cards", async () => {
    const { api, context, desk, door, insert, manager, picker, runtime } = await dialogWorld();
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    door.unplug();
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: no-card"]);
    await insert(desk);
    expect(picker.lines).toEqual(["Desk: fits (Demo)"]);
    desk.remove();
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: no-card"]);
    await manager.addReader(new VirtualReader({ name: "Gate", id: "gate", clock: runtime.clock }));
    await runtime.settle();
    expect(picker.lines).toEqual(["Desk: no-card", "Gate: no-card"]);
    picker.choose(undefined);
    await failureOf(choosing);
  });

  it.each(["windows", "pcsclite"] as const)("misses no reader that comes while it looks (%s)", async (profile) => {
    const { door, runtime } = await dialogWorld();
    door.unplug();
    const manager = new EmbeddedManager({ runtime, profile });
    await manager.addReader(new VirtualReader({ name: "First", id: "first", clock: runtime.clock }));
    let listings = 0;
    const client = manager.client({ name: "racing" });
    const racing: ResourceManager = {
      establishContext: async () => {
        const context = await client.establishContext();
        const listReaders = async (): Promise<string[]> => {
          const names = await context.listReaders();
          // After the last listing before the wait, and before the wait.
          if (++listings === 2) {
            await manager.addReader(new VirtualReader({ name: "Late", id: "late", clock: runtime.clock }));
          }
          return names;
        };
        return new Proxy(context, {
          get: (target, key) => {
            const value: unknown = key === "listReaders" ? listReaders : Reflect.get(target, key, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    };
    const picker = new PlayedPicker();
    const api = new WinSCard({ defaultManager: () => racing, picker });
    const { context } = await api.SCardEstablishContext(0);
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    expect(listings).toBeGreaterThan(1);
    expect(picker.lines).toEqual(["First: no-card", "Late: no-card"]);
    picker.choose(undefined);
    await failureOf(choosing);
  });

  it("that is closed by the person is SCARD_W_CANCELLED_BY_USER, and leaves no wait", async () => {
    const { api, context, manager, picker, runtime } = await dialogWorld();
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    picker.choose(undefined);
    expect(await failureOf(choosing)).toMatchObject({ code: "cancelled-by-user", rv: SCARD_W_CANCELLED_BY_USER });
    await picker.streamEnded;
    expect((await manager.inspect()).clients).toMatchObject([{ contexts: 1, statusWaits: 0 }]);
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("ends with its signal, and tells the picker", async () => {
    const { api, context, desk, insert, picker, runtime } = await dialogWorld();
    const caller = new AbortController();
    const choosing = api.SCardUIDlgSelectCard({ context }, { signal: caller.signal });
    await runtime.settle();
    caller.abort("enough");
    expect(await failureOf(choosing)).toMatchObject({ code: "cancelled", cause: "enough" });
    expect(picker.signal?.aborted).toBe(true);
    const late = api.SCardUIDlgSelectCard({ context }, { signal: caller.signal });
    expect((await failureOf(late)).code).toBe("cancelled");
    await insert(desk);
    const checked = new AbortController();
    const searchCriteria: OPENCARD_SEARCH_CRITERIA = {
      check: () => {
        checked.abort();
        return true;
      },
      shareMode: SCARD_SHARE_SHARED,
      preferredProtocols: SCARD_PROTOCOL_Tx,
    };
    const one = api.SCardUIDlgSelectCard({ context, searchCriteria }, { signal: checked.signal });
    expect((await failureOf(one)).code).toBe("cancelled");
  });

  it("ends with SCardCancel, and with the context", async () => {
    const first = await dialogWorld();
    const cancelled = first.api.SCardUIDlgSelectCard({ context: first.context });
    await first.runtime.settle();
    await first.api.SCardCancel(first.context);
    expect((await failureOf(cancelled)).code).toBe("cancelled");
    expect(first.picker.signal?.aborted).toBe(true);

    const second = await dialogWorld();
    const released = second.api.SCardUIDlgSelectCard({ context: second.context });
    await second.runtime.settle();
    await second.api.SCardReleaseContext(second.context);
    expect(["cancelled", "invalid-context"]).toContain((await failureOf(released)).code);
  });

  it("passes on what the picker fails with", async () => {
    const { api, context, picker, runtime } = await dialogWorld();
    const choosing = api.SCardUIDlgSelectCard({ context });
    await runtime.settle();
    const failure = new Error("the window could not be opened");
    picker.fail(failure);
    await expect(choosing).rejects.toBe(failure);
  });

  it.each([
    ["Desk", "card-unsupported"],
    ["Door", "no-smartcard"],
    ["Gate", "unknown-reader"],
  ])("refuses a choice that it did not offer: %s", async (choice, code) => {
    const { api, context, desk, insert, picker, runtime } = await dialogWorld();
    await insert(desk);
    const choosing = api.SCardUIDlgSelectCard({ context, searchCriteria: { cardNames: ["Purse"] } });
    await runtime.settle();
    picker.choose(choice);
    expect((await failureOf(choosing)).code).toBe(code);
  });

  it("that a call brings counts before that of the object", async () => {
    const { api, context, desk, insert, picker } = await dialogWorld();
    await insert(desk);
    const brought = { pick: async () => "Desk" };
    const dialog = { context, flags: SC_DLG_FORCE_UI };
    expect(await api.SCardUIDlgSelectCard(dialog, { picker: brought })).toMatchObject({ reader: "Desk" });
    expect(picker.isOpen).toBe(false);
  });

  it("that is needed and not there is an error which says what to pass", async () => {
    const { desk, insert, manager } = await dialogWorld();
    const api = new WinSCard({ defaultManager: () => manager.client({ name: "without" }) });
    const { context } = await api.SCardEstablishContext(0);
    const always = await failureOf(api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI }));
    expect(always.code).toBe("unsupported-feature");
    expect(always.message).toMatch(/SC_DLG_FORCE_UI requires it.*pass a CardPicker as `picker`/);
    const none = await failureOf(api.SCardUIDlgSelectCard({ context }));
    expect([none.code, none.message]).toEqual(["unsupported-feature", expect.stringContaining("none of 2 cards fit")]);
    await insert(desk);
    expect(await api.SCardUIDlgSelectCard({ context })).toMatchObject({ reader: "Desk" });
  });
});

describe("GetOpenCardName", () => {
  it("keeps the card connected that passes the check, and disconnects the others", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert, picker } = world;
    await insert(desk);
    await insert(door);
    const { calls, ...functions } = callbacks(world, (reader) => reader === "Door");
    const chosen = await api.GetOpenCardName({ context, cardNames: "Demo", ...functions });
    expect(calls).toEqual([
      "connect Desk [Demo] mine",
      "check Desk mine",
      "disconnect Desk mine",
      "connect Door [Demo] mine",
      "check Door mine",
    ]);
    expect(picker.isOpen).toBe(false);
    expect((await api.SCardStatus(chosen.cardHandle as SCARDHANDLE)).readerNames).toEqual(["Door"]);
    expect(api.openHandles.cards).toBe(1);
  });

  it("takes the first that passes without a dialog, and checks no other", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert } = world;
    await insert(desk);
    await insert(door);
    const { calls, ...functions } = callbacks(world);
    const chosen = await api.GetOpenCardName({ context, flags: SC_DLG_NO_UI, ...functions });
    expect([chosen.reader, calls]).toEqual(["Desk", ["connect Desk [Demo] mine", "check Desk mine"]]);
  });

  it("disconnects all before it asks the person, and connects to the one that is chosen", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert, picker, runtime } = world;
    await insert(desk);
    await insert(door);
    const { calls, ...functions } = callbacks(world);
    const choosing = api.GetOpenCardName({ context, title: "Old", ...functions });
    await runtime.settle();
    expect(picker.request?.title).toBe("Old");
    expect(calls.slice(4)).toEqual(["disconnect Desk mine", "disconnect Door mine"]);
    expect(api.openHandles.cards).toBe(0);
    picker.choose("Door");
    expect(await choosing).toMatchObject({ reader: "Door", cardHandle: expect.any(Number) });
    expect(calls.slice(6)).toEqual(["connect Door [Demo] mine"]);
  });

  it("leaves nothing connected where a later card's check goes wrong", async () => {
    const world = await dialogWorld();
    const { api, context, desk, door, insert } = world;
    await insert(desk);
    await insert(door);
    const mistake = new TypeError("a mistake of the caller's");
    const { calls, ...functions } = callbacks(world, (reader) => {
      if (reader === "Door") throw mistake;
      return true;
    });
    await expect(api.GetOpenCardName({ context, ...functions })).rejects.toBe(mistake);
    expect(calls.slice(4)).toEqual(["disconnect Door mine", "disconnect Desk mine"]);
    expect(api.openHandles.cards).toBe(0);
  });

  it("connects by share mode and protocols, or not at all", async () => {
    const { api, context, desk, insert } = await dialogWorld();
    await insert(desk);
    const shared = { shareMode: SCARD_SHARE_SHARED, preferredProtocols: SCARD_PROTOCOL_T1 };
    expect(await api.GetOpenCardName({ context, ...shared })).toMatchObject({ activeProtocol: SCARD_PROTOCOL_T1 });
    expect(await api.GetOpenCardName({ context })).toMatchObject({ reader: "Desk", cardHandle: null });
  });

  it("wants all three functions or none", async () => {
    const { api, context } = await dialogWorld();
    const { code } = await failureOf(api.GetOpenCardName({ context, check: () => true, shareMode: 2 }));
    expect(code).toBe("invalid-parameter");
  });
});

describe("invalid arguments", () => {
  it.each<[string, string, object]>([
    ["flags that contradict each other", "invalid-value", { flags: SC_DLG_NO_UI | SC_DLG_FORCE_UI }],
    ["flags that there are not", "invalid-value", { flags: 8 }],
    ["an unknown share mode", "invalid-value", { shareMode: 9, preferredProtocols: 3 }],
    ["no protocol where one is needed", "proto-mismatch", { shareMode: SCARD_SHARE_SHARED }],
    ["a check without a connection", "invalid-parameter", { searchCriteria: { check: () => true } }],
    ["connect without disconnect", "invalid-parameter", { searchCriteria: { connect: () => null } }],
    ["an unknown card", "unknown-card", { searchCriteria: { cardNames: ["Unknown"] } }],
    ["an interface that is not a GUID", "invalid-parameter", { searchCriteria: { interfaces: ["mine"] } }],
    ["an ATR without bytes", "invalid-atr", { searchCriteria: { atrMasks: [{ atr: new Uint8Array() }] } }],
    [
      "a mask of another length",
      "invalid-parameter",
      { searchCriteria: { atrMasks: [{ atr: demoAtr, mask: Uint8Array.of(255) }] } },
    ],
    ["a context that is not open", "invalid-context", { context: 1 }],
    ["connect that gives no handle", "not-ready", { connect: () => null }],
  ])("%s: %s", async (_, code, dialog) => {
    const { api, context, desk, insert } = await dialogWorld();
    await insert(desk);
    expect((await failureOf(api.SCardUIDlgSelectCard({ context, ...dialog }))).code).toBe(code);
    expect(api.openHandles.cards).toBe(0);
  });

  it("a direct connection goes without a protocol", async () => {
    const { api, context, desk, insert } = await dialogWorld();
    await insert(desk);
    const dialog = { context, shareMode: SCARD_SHARE_DIRECT };
    expect(await api.SCardUIDlgSelectCard(dialog)).toMatchObject({ cardHandle: expect.any(Number), activeProtocol: 0 });
  });
});
