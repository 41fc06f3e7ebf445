// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import {
  type CardInterfaces,
  type CardLink,
  ComError,
  CSCardManage,
  type ISCardManage,
  iso7816Interfaces,
  SCARD_DISPOSITIONS,
  SCARD_PROTOCOLS,
  SCARD_STATES,
  type WinSCardFunctions,
} from "../../src/faces/providers/index.ts";
import { apdu, stateOf, watched } from "../manager/world.ts";
import { failureOf } from "./failure-of.ts";
import { errorOf, type Program, rejectionOf, world } from "./world.ts";

const { EJECT, LEAVE, RESET, UNPOWER } = SCARD_DISPOSITIONS;

function manageOf({ winscard }: Program, interfaces: CardInterfaces = {}): CSCardManage {
  return new CSCardManage(winscard, interfaces);
}

describe("ISCardManage attaches", () => {
  test("to the card in a reader, in shared mode, and leaves nothing when it detaches", async () => {
    const { card, manager, name, program } = await world();
    const one = program("one");
    const manage = manageOf(one);
    await manage.AttachByIFD(name);
    expect(await manage.Status()).toEqual({ status: SCARD_STATES.SPECIFICMODE, protocol: SCARD_PROTOCOLS.T1 });
    expect((await manager.inspect()).readers[0]?.connections).toMatchObject([{ shareMode: "shared" }]);
    await manage.Detach();
    expect(one.winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
    expect(card.resets).toEqual(["cold"]);
  });

  test("to a handle, which detaching ends", async () => {
    const { name, program } = await world();
    const { winscard } = program("one");
    const { context } = await winscard.SCardEstablishContext(0);
    const { card } = await winscard.SCardConnect(context, name, 2, 3);
    const manage = new CSCardManage(winscard, {});
    await manage.AttachByHandle(card);
    await manage.SCardLock();
    await manage[Symbol.asyncDispose]();
    await manage[Symbol.asyncDispose]();
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 1 });
    expect(await rejectionOf(manage.AttachByHandle(card))).toBe("E_INVALIDARG");
  });

  test("to a handle, and to nothing else", async () => {
    const { name, program } = await world();
    const { winscard } = program("one");
    const { context } = await winscard.SCardEstablishContext(0);
    const manage = new CSCardManage(winscard, {});
    for (const none of [5, 0, -1, null, undefined, "handle", {}, context])
      expect(await rejectionOf(manage.AttachByHandle(none as never))).toBe("E_INVALIDARG");
    const { card } = await winscard.SCardConnect(context, name, 2, 3);
    await manage.AttachByHandle(card);
  });

  test("to a handle without waiting for another program, unless the signal says not to", async () => {
    const { name, program } = await world();
    const { winscard } = program("one");
    const { context } = await winscard.SCardEstablishContext(0);
    const { card } = await winscard.SCardConnect(context, name, 2, 3);
    const other = manageOf(program("two"));
    await other.AttachByIFD(name);
    await other.SCardLock();
    const manage = new CSCardManage(winscard, {});
    expect(await rejectionOf(manage.AttachByHandle(card, { signal: AbortSignal.abort() }))).toBe("SCARD_E_CANCELLED");
    await manage.AttachByHandle(card);
    expect(await rejectionOf(manage.Status({ timeoutMs: 0 }))).toBe("SCARD_E_TIMEOUT");
    expect(await rejectionOf(manage.Reconnect({ timeoutMs: 0 }))).toBe("SCARD_E_TIMEOUT");
    await other.SCardUnlock();
    await manage.Status();
  });

  test("to a handle whose card was reset, which Reconnect mends", async () => {
    const { name, program } = await world();
    const { winscard } = program("one");
    const { context } = await winscard.SCardEstablishContext(0);
    const { card } = await winscard.SCardConnect(context, name, 2, 3);
    const other = manageOf(program("two"));
    await other.AttachByIFD(name);
    await other.SCardLock();
    await other.SCardUnlock(RESET);
    const manage = new CSCardManage(winscard, {});
    await manage.AttachByHandle(card);
    expect(await rejectionOf(manage.Status())).toBe("SCARD_W_RESET_CARD");
    await manage.Reconnect();
    expect(await manage.Status()).toMatchObject({ protocol: SCARD_PROTOCOLS.T1 });
  });

  test("anew where its handle was disconnected by its owner", async () => {
    const { name, program } = await world();
    const { winscard } = program("one");
    const { context } = await winscard.SCardEstablishContext(0);
    const manage = new CSCardManage(winscard, {});
    for (let time = 0; time < 2; time++) {
      const { card } = await winscard.SCardConnect(context, name, 2, 3);
      await manage.AttachByHandle(card);
      await manage.Status();
      await winscard.SCardDisconnect(card, LEAVE);
    }
  });

  test("to an exclusive handle, which stays exclusive when it connects anew or resets the security state", async () => {
    const { manager, name, program } = await world();
    const { winscard } = program("one");
    const { context } = await winscard.SCardEstablishContext(0);
    const { card } = await winscard.SCardConnect(context, name, 1, 3);
    const manage = new CSCardManage(winscard, iso7816Interfaces());
    await manage.AttachByHandle(card);
    const modes = async () => (await manager.inspect()).readers[0]?.connections.map(({ shareMode }) => shareMode);
    await manage.Reconnect();
    expect(await modes()).toEqual(["exclusive"]);
    await manage.CreateCHVerification().ResetSecurityState();
    expect(await modes()).toEqual(["exclusive"]);
    expect(await rejectionOf(manageOf(program("two")).AttachByIFD(name))).toBe("SCARD_E_SHARING_VIOLATION");
  });

  test("anew, and what was selected under a lock from before counts as unknown", async () => {
    const { name, program } = await world();
    const manage = manageOf(program("one"), { others: [{ name: "link", create: (link) => link }] });
    await manage.AttachByIFD(name);
    const link = manage.CreateInterface(null, "link") as CardLink;
    await manage.SCardLock();
    // With Windows' rules the lock ends here.
    await manage.Reconnect();
    const { tenure } = link;
    await link.locked(async () => {});
    expect(link.tenure).not.toBe(tenure);
  });

  test("to a handle of functions that cannot tell how it was made, as a shared one", async () => {
    const { manager, name, program } = await world();
    // What is not of winscard.h is not among the functions that can be taken off.
    const winscard = { ...program("one").winscard };
    const { context } = await winscard.SCardEstablishContext(0);
    const manage = new CSCardManage(winscard as WinSCardFunctions, {});
    expect(await rejectionOf(manage.AttachByHandle(5 as never))).toBe("E_INVALIDARG");
    const { card } = await winscard.SCardConnect(context, name, 2, 3);
    await manage.AttachByHandle(card);
    await manage.Reconnect();
    expect((await manager.inspect()).readers[0]?.connections).toMatchObject([{ shareMode: "shared" }]);
  });

  test("to one card at a time", async () => {
    const { name, program } = await world();
    const manage = manageOf(program("one"));
    const attaching = manage.AttachByIFD(name);
    expect(await rejectionOf(manage.AttachByIFD(name))).toBe("E_UNEXPECTED");
    await attaching;
    expect(await rejectionOf(manage.AttachByHandle(1 as never))).toBe("E_UNEXPECTED");
  });

  test("not to a reader that is not there, or none", async () => {
    const { program } = await world();
    const manage = manageOf(program("one"));
    expect(await rejectionOf(manage.AttachByIFD("none"))).toBe("SCARD_E_UNKNOWN_READER");
    expect(await rejectionOf(manage.AttachByIFD(""))).toBe("E_INVALIDARG");
    expect(await rejectionOf(manage.AttachByIFD(7 as never))).toBe("E_INVALIDARG");
  });
});

describe("without a card, ISCardManage refuses", () => {
  const calls: readonly [string, (manage: ISCardManage) => Promise<unknown>][] = [
    ["Detach", (manage) => manage.Detach()],
    ["Reconnect", (manage) => manage.Reconnect()],
    ["SCardLock", (manage) => manage.SCardLock()],
    ["SCardUnlock", (manage) => manage.SCardUnlock(LEAVE)],
    ["Status", (manage) => manage.Status()],
  ];
  test.each(calls)("%s with SCARD_E_INVALID_HANDLE", async (_, call) => {
    expect(await rejectionOf(call(manageOf((await world()).program("one"))))).toBe("SCARD_E_INVALID_HANDLE");
  });

  const creations: readonly [string, (manage: ISCardManage) => unknown][] = [
    ["CreateCardAuth", (manage) => manage.CreateCardAuth()],
    ["CreateCHVerification", (manage) => manage.CreateCHVerification()],
    ["CreateFileAccess", (manage) => manage.CreateFileAccess()],
    ["CreateInterface", (manage) => manage.CreateInterface(null, "CryptoProvider")],
  ];
  test.each(creations)("%s with SCARD_E_ICC_CREATEORDER", async (_, create) => {
    const { name, program } = await world();
    const manage = manageOf(program("one"), {
      ...{ auth: make, verify: make, fileAccess: make },
      others: [{ name: "CryptoProvider", create: make }],
    });
    expect(failureOf(() => create(manage))).toBe("SCARD_E_ICC_CREATEORDER");
    await manage.AttachByIFD(name);
    expect(create(manage)).toBe(made);
    await manage.Detach();
    expect(failureOf(() => create(manage))).toBe("SCARD_E_ICC_CREATEORDER");
  });
});

const made = {} as never;
const make = (): never => made;
const GUID = "{0f0e0d0c-0b0a-0908-0706-050403020100}";

describe("interfaces", () => {
  test("that the card does not have are unsupported", async () => {
    const { name, program } = await world();
    const manage = manageOf(program("one"));
    await manage.AttachByIFD(name);
    expect(failureOf(() => manage.CreateCardAuth())).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    expect(failureOf(() => manage.CreateCHVerification())).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    expect(failureOf(() => manage.CreateFileAccess())).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    expect(failureOf(() => manage.CreateInterface(GUID))).toBe("E_NOINTERFACE");
    expect(failureOf(() => manage.CreateInterface(null, "CryptoProvider"))).toBe("E_NOINTERFACE");
  });

  test("of other kinds are created by GUID, or by name, with the caller's data", async () => {
    const { name, program } = await world();
    const manage = manageOf(program("one"), {
      others: [
        { guid: GUID.toUpperCase(), create: (_, userData) => ({ by: "GUID", userData }) },
        { name: "CryptoProvider", create: (_, userData) => ({ by: "name", userData }) },
      ],
    });
    await manage.AttachByIFD(name);
    expect(manage.CreateInterface(GUID, null, 7)).toEqual({ by: "GUID", userData: 7 });
    expect(manage.CreateInterface(null, "cryptoprovider")).toEqual({ by: "name", userData: null });
    expect(failureOf(() => manage.CreateInterface(null))).toBe("E_INVALIDARG");
    expect(failureOf(() => manage.CreateInterface("{1}", "CryptoProvider"))).toBe("E_INVALIDARG");
  });

  test("end with the attachment that they were created for", async () => {
    const { name, program } = await world();
    const manage = manageOf(program("one"), { others: [{ name: "link", create: (link) => link }] });
    await manage.AttachByIFD(name);
    const link = manage.CreateInterface(null, "link") as { status(): Promise<unknown> };
    await link.status();
    await manage.Detach();
    await manage.AttachByIFD(name);
    expect(await rejectionOf(link.status())).toBe("SCARD_E_INVALID_HANDLE");
  });
});

describe("SCardLock", () => {
  test("keeps every other program out until SCardUnlock, and goes to the next in turn", async () => {
    const { name, program, runtime } = await world();
    const order: string[] = [];
    const programs = ["one", "two", "three", "four"].map((who) => ({ who, manage: manageOf(program(who)) }));
    for (const { manage } of programs) await manage.AttachByIFD(name);
    const locks = programs.map(async ({ who, manage }) => {
      await manage.SCardLock();
      order.push(who);
    });
    for (const [index, { manage }] of programs.entries()) {
      await locks[index];
      await runtime.settle();
      expect(order).toHaveLength(index + 1);
      await manage.SCardUnlock(LEAVE);
    }
    expect(order).toEqual(["one", "two", "three", "four"]);
  });

  test("nests: the card is the next one's after as many unlocks", async () => {
    const { card, name, program, runtime } = await world();
    const one = manageOf(program("one"));
    const two = manageOf(program("two"));
    await one.AttachByIFD(name);
    await two.AttachByIFD(name);
    await one.SCardLock();
    await one.SCardLock();
    const waiting = watched(two.SCardLock());
    await one.SCardUnlock(LEAVE);
    await runtime.settle();
    expect(await stateOf(waiting)).toBe("pending");
    await one.SCardUnlock(LEAVE);
    expect(await stateOf(waiting)).toBe("fulfilled");
    expect(card.resets).toEqual(["cold"]);
  });

  const nested: readonly [string, readonly SCARD_DISPOSITIONS[], readonly string[]][] = [
    ["an inner RESET", [RESET, LEAVE], ["cold", "warm"]],
    ["an inner UNPOWER", [UNPOWER, RESET, LEAVE], ["cold", "cold"]],
    ["an outer RESET", [LEAVE, RESET], ["cold", "warm"]],
    ["no more than LEAVE", [LEAVE, LEAVE], ["cold"]],
  ];
  test.each(nested)("does at the last unlock what the strongest one asked for: %s", async (_, unlocks, resets) => {
    const { card, name, program } = await world();
    const [one, two] = [manageOf(program("one")), manageOf(program("two"))];
    await one.AttachByIFD(name);
    await two.AttachByIFD(name);
    for (const __ of unlocks) await one.SCardLock();
    for (const [index, disposition] of unlocks.entries()) {
      expect(card.resets).toEqual(["cold"]);
      await one.SCardUnlock(disposition);
      if (index < unlocks.length - 1)
        expect(await rejectionOf(two.SCardLock({ timeoutMs: 0 }))).toBe("SCARD_E_TIMEOUT");
    }
    expect(card.resets).toEqual(resets);
    if (resets.length === 1) await two.Status();
    else expect(await rejectionOf(two.Status())).toBe("SCARD_W_RESET_CARD");
  });

  test("moves the card out at the last unlock where an inner one asked for EJECT", async () => {
    const { name, program, reader } = await world();
    const one = manageOf(program("one"));
    await one.AttachByIFD(name);
    await one.SCardLock();
    await one.SCardLock();
    await one.SCardUnlock(EJECT);
    expect(reader.card).toBeDefined();
    await one.SCardUnlock(LEAVE);
    expect(reader.card).toBeUndefined();
  });

  test("says who has the card where it cannot be had in time, and can be given up", async () => {
    const { name, program, runtime } = await world({ profile: "pcsclite" });
    const [one, two] = [manageOf(program("holder")), manageOf(program("two"))];
    await one.AttachByIFD(name);
    await two.AttachByIFD(name);
    await one.SCardLock();
    const late = errorOf(two.SCardLock({ timeoutMs: 1000 }));
    const giveUp = new AbortController();
    const given = rejectionOf(two.SCardLock({ signal: giveUp.signal }));
    giveUp.abort();
    expect(await given).toBe("SCARD_E_CANCELLED");
    await runtime.advance(1000);
    const error = await late;
    expect(error).toMatchObject({ hresult: 0x8010_000a, hresultName: "SCARD_E_TIMEOUT" });
    expect(error.message).toContain("holder is in a transaction since 1.0 s");
    expect(error.cause).toMatchObject({
      code: "timeout",
      details: { holder: { client: "holder", transaction: true } },
    });
  });

  test("that is undone by a removal or a reset says so", async () => {
    const { manager, name, program, reader } = await world({ profile: "pcsclite" });
    const one = manageOf(program("one"));
    await one.AttachByIFD(name);
    const context = await manager.client({ name: "other" }).establishContext();
    const other = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    await other.disconnect("reset");
    expect(await rejectionOf(one.SCardLock())).toBe("SCARD_W_RESET_CARD");
    await one.Reconnect();
    await one.SCardLock();
    reader.remove();
    expect(await rejectionOf(one.SCardUnlock(LEAVE))).toBe("SCARD_W_REMOVED_CARD");
    expect(await rejectionOf(one.Status())).toBe("SCARD_W_REMOVED_CARD");
    expect(await rejectionOf(one.Reconnect())).toBe("SCARD_E_NO_SMARTCARD");
    reader.unplug();
    expect(await rejectionOf(one.Status())).toBe("SCARD_E_READER_UNAVAILABLE");
    await one.Detach();
  });
});

describe("SCardUnlock", () => {
  const dispositions: readonly [string, SCARD_DISPOSITIONS, readonly string[]][] = [
    ["LEAVE", LEAVE, ["cold"]],
    ["RESET", RESET, ["cold", "warm"]],
    ["UNPOWER", UNPOWER, ["cold", "cold"]],
  ];
  test.each(dispositions)(
    "with %s does that to the card, and the other program learns of it",
    async (_, how, resets) => {
      const { card, name, program } = await world();
      const one = manageOf(program("one"));
      const two = manageOf(program("two"));
      await one.AttachByIFD(name);
      await two.AttachByIFD(name);
      await one.SCardLock();
      await one.SCardUnlock(how);
      expect(card.resets).toEqual(resets);
      if (how === LEAVE) await two.Status();
      else expect(await rejectionOf(two.Status())).toBe("SCARD_W_RESET_CARD");
    },
  );

  test("with EJECT moves the card out", async () => {
    const { name, program, reader } = await world();
    const one = manageOf(program("one"));
    await one.AttachByIFD(name);
    await one.SCardLock();
    await one.SCardUnlock(EJECT);
    expect(reader.card).toBeUndefined();
    expect(await rejectionOf(one.Status())).toBe("SCARD_W_REMOVED_CARD");
  });

  test.each([4, -1, 0.5, Number.NaN, "0", null])(
    "refuses %s with E_INVALIDARG and leaves the lock as it was",
    async (bad) => {
      const { name, program, runtime } = await world();
      const one = manageOf(program("one"));
      const two = manageOf(program("two"));
      await one.AttachByIFD(name);
      await two.AttachByIFD(name);
      await one.SCardLock();
      const waiting = watched(two.SCardLock());
      expect(await rejectionOf(one.SCardUnlock(bad as never))).toBe("E_INVALIDARG");
      await runtime.settle();
      expect(await stateOf(waiting)).toBe("pending");
      await one.SCardUnlock();
      expect(await stateOf(waiting)).toBe("fulfilled");
    },
  );

  test("without a lock is an error, also where another program has one", async () => {
    const { name, program } = await world({ profile: "pcsclite" });
    const one = manageOf(program("one"));
    const two = manageOf(program("two"));
    await one.AttachByIFD(name);
    await two.AttachByIFD(name);
    expect(await rejectionOf(one.SCardUnlock(LEAVE))).toBe("SCARD_E_NOT_TRANSACTED");
    await two.SCardLock();
    expect(await rejectionOf(one.SCardUnlock(LEAVE))).toMatch(/^SCARD_E_(NOT_TRANSACTED|SHARING_VIOLATION)$/);
    await two.SCardUnlock(LEAVE);
  });

  test("is what Detach does to a lock that is left", async () => {
    const { card, name, program } = await world({ profile: "pcsclite" });
    const one = manageOf(program("one"));
    const two = manageOf(program("two"));
    await one.AttachByIFD(name);
    await two.AttachByIFD(name);
    await one.SCardLock();
    await one.SCardLock();
    const waiting = watched(two.SCardLock());
    await one.Detach();
    expect(await stateOf(waiting)).toBe("fulfilled");
    expect(card.resets).toEqual(["cold"]);
  });
});

test("an error that is not from the manager is not a ComError either", async () => {
  const { name, program } = await world();
  const manage = manageOf(program("one"), {
    verify: () => {
      throw new RangeError("a bug of the provider");
    },
  });
  await manage.AttachByIFD(name);
  expect(() => manage.CreateCHVerification()).toThrow(RangeError);
  const sent = program("two").winscard;
  expect(await sent.SCardTransmit(1 as never, null, apdu).catch((error: unknown) => error)).not.toBeInstanceOf(
    ComError,
  );
});
