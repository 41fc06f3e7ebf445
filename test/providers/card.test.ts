// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { VirtualReader } from "../../src/entry/cards.ts";
import {
  CSCard,
  CSCardCmd,
  CSCardISO7816,
  clsids,
  type IByteBuffer,
  SCARD_DISPOSITIONS,
  SCARD_PROTOCOLS,
  SCARD_SHARE_MODES,
  SCARD_STATES,
} from "../../src/faces/providers/index.ts";
import { EchoCard } from "../manager/world.ts";
import { failureOf } from "./failure-of.ts";
import { errorOf, rejectionOf, world } from "./world.ts";

const { EXCLUSIVE, SHARED } = SCARD_SHARE_MODES;
const { EJECT, LEAVE, RESET, UNPOWER } = SCARD_DISPOSITIONS;
const { RAW, T0, T1 } = SCARD_PROTOCOLS;

function hex(buffer: IByteBuffer | undefined): string {
  return buffer === undefined ? "none" : encodeHex(buffer.Read(100));
}

/** A card whose answers are given. */
class ScriptedCard extends EchoCard {
  readonly #answers: Uint8Array[];

  constructor(atr: string, ...answers: readonly (readonly number[])[]) {
    super(atr);
    this.#answers = answers.map((answer) => Uint8Array.from(answer));
  }

  override process(command: Uint8Array): Uint8Array {
    this.commands.push(command.slice());
    return this.#answers.shift() ?? Uint8Array.of(0x6f, 0x00);
  }
}

describe("a card", () => {
  test("is attached to by its reader, told of, and detached from", async () => {
    const { manager, name, program } = await world();
    const { factory, winscard } = program("program");
    const card = await factory.createInstance(clsids.CSCard);
    expect([card.CardHandle, card.Context]).toEqual([null, null]);
    await card.AttachByReader(name, SHARED, T0 | T1);
    expect(card.Protocol).toBe(T1);
    expect(await card.Status).toBe(SCARD_STATES.SPECIFICMODE);
    expect(hex(await card.Atr)).toBe("3B8180018080");
    expect(card.CardHandle).not.toBeNull();
    expect(card.Context).not.toBeNull();
    expect((await manager.inspect()).readers[0]?.connections).toHaveLength(1);
    await card.Detach();
    expect([card.CardHandle, card.Context]).toEqual([null, null]);
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });

  test("is attached to by a handle, which detaching ends", async () => {
    const { name, program } = await world();
    const { winscard } = program("program");
    const { context } = await winscard.SCardEstablishContext(0);
    const { card: handle } = await winscard.SCardConnect(context, name, 2, 2);
    const card = new CSCard(winscard);
    await card.AttachByHandle(handle);
    expect([card.CardHandle, card.Context, card.Protocol]).toEqual([handle, null, T1]);
    await card.Detach(RESET);
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 1 });
    expect(await rejectionOf(new CSCard(winscard).AttachByHandle(handle))).toBe("E_INVALIDARG");
  });

  test("is detached from when its block ends", async () => {
    const { name, program } = await world();
    const { winscard } = program("program");
    const card = new CSCard(winscard);
    await card.AttachByReader(name, EXCLUSIVE, T1);
    await card[Symbol.asyncDispose]();
    await card[Symbol.asyncDispose]();
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });

  test("by default is this program's own, with T=0", async () => {
    const { name, program } = await world();
    const { winscard } = program("program");
    const card = new CSCard(winscard);
    await card.AttachByReader(name);
    expect(card.Protocol).toBe(T0);
    const other = new CSCard(program("other").winscard);
    expect(await rejectionOf(other.AttachByReader(name, SHARED, T0))).toBe("SCARD_E_SHARING_VIOLATION");
  });
});

describe("before it is attached, and after it was detached, a card refuses", () => {
  const calls: readonly [string, (card: CSCard) => unknown][] = [
    ["Detach", (card) => card.Detach()],
    ["LockSCard", (card) => card.LockSCard()],
    ["ReAttach", (card) => card.ReAttach()],
    ["Transaction", (card) => card.Transaction(new CSCardCmd())],
    ["UnlockSCard", (card) => card.UnlockSCard()],
  ];
  test.each(calls)("%s", async (_, call) => {
    const { name, program } = await world();
    const card = new CSCard(program("program").winscard);
    expect(await rejectionOf(call(card) as Promise<void>)).toBe("SCARD_E_INVALID_HANDLE");
    await card.AttachByReader(name, SHARED, T1);
    await card.Detach();
    expect(await rejectionOf(call(card) as Promise<void>)).toBe("SCARD_E_INVALID_HANDLE");
  });

  test("its properties", async () => {
    const card = new CSCard((await world()).program("program").winscard);
    expect(failureOf(() => card.Protocol)).toBe("SCARD_E_INVALID_HANDLE");
    for (const property of ["Atr", "Status"] as const)
      expect(await rejectionOf(card[property])).toBe("SCARD_E_INVALID_HANDLE");
  });
});

describe("refused, with nothing changed", () => {
  const calls: readonly [string, string, (card: CSCard, name: string) => Promise<unknown>][] = [
    ["to detach with 4", "E_INVALIDARG", (card) => card.Detach(4 as never)],
    ["to unlock with 4", "E_INVALIDARG", (card) => card.UnlockSCard(4 as never)],
    ["to reattach in mode 3", "E_INVALIDARG", (card) => card.ReAttach(3 as never)],
    ["to reattach with 4", "E_INVALIDARG", (card) => card.ReAttach(SHARED, 4 as never)],
    ["to attach twice", "E_UNEXPECTED", (card, name) => card.AttachByReader(name, SHARED, T1)],
    ["to attach to a handle as well", "E_UNEXPECTED", (card) => card.AttachByHandle(card.CardHandle as never)],
    ["no command", "E_POINTER", (card) => card.Transaction(undefined as never)],
    ["a command that was not built", "E_INVALIDARG", (card) => card.Transaction(new CSCardCmd())],
    [
      "a node address",
      "E_INVALIDARG",
      (card) => card.Transaction(Object.assign(new CSCardCmd(), { InstructionId: 0xa4, Nad: 0x12 })),
    ],
  ];
  test.each(calls)("%s: %s", async (_, code, call) => {
    const { name, program } = await world();
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T1);
    await card.LockSCard();
    expect(await rejectionOf(call(card, name))).toBe(code);
    await card.UnlockSCard();
    await card.Detach();
  });

  const attaches: readonly [string, string, (card: CSCard, name: string) => Promise<void>][] = [
    ["no name", "E_INVALIDARG", (card) => card.AttachByReader("", SHARED, T1)],
    ["direct mode", "E_INVALIDARG", (card, name) => card.AttachByReader(name, 3 as never, T1)],
    ["no protocol", "E_INVALIDARG", (card, name) => card.AttachByReader(name, SHARED, 0)],
    ["protocol 4", "E_INVALIDARG", (card, name) => card.AttachByReader(name, SHARED, 4)],
    ["raw where the reader lacks it", "SCARD_E_NOT_READY", (card, name) => card.AttachByReader(name, SHARED, RAW)],
    ["a reader that is not there", "SCARD_E_UNKNOWN_READER", (card) => card.AttachByReader("none", SHARED, T1)],
  ];
  test.each(attaches)("to attach with %s: %s", async (_, code, attach) => {
    const { name, program } = await world();
    const { winscard } = program("program");
    const card = new CSCard(winscard);
    expect(await rejectionOf(attach(card, name))).toBe(code);
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
    await card.AttachByReader(name, SHARED, T1);
  });
});

describe("ReAttach", () => {
  test.each([
    ["T=0", T0, T0],
    ["T=1", T1, T1],
    ["both, of which T=0 was agreed on", T0 | T1, T0],
  ])("keeps the protocol: %s", async (_, preferred, agreed) => {
    const { manager, name, program } = await world();
    if (agreed !== preferred) {
      // Another program has brought the card to T=0 already.
      const context = await manager.establishContext();
      await context.connect(name, { shareMode: "shared", preferredProtocols: ["t0"] });
    }
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, preferred);
    expect(card.Protocol).toBe(agreed);
    for (const how of [LEAVE, RESET, UNPOWER]) {
      await card.ReAttach(SHARED, how);
      expect(card.Protocol).toBe(agreed);
    }
  });

  test("takes another of the protocols it was attached with, where the card was brought to that meanwhile", async () => {
    const { manager, name, program } = await world();
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T0 | T1);
    expect(card.Protocol).toBe(T1);
    const context = await manager.establishContext();
    const other = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    await other.reconnect({ shareMode: "shared", preferredProtocols: ["t0"], initialization: "reset" });
    expect(await rejectionOf(card.Status)).toBe("SCARD_W_RESET_CARD");
    await card.ReAttach(SHARED);
    expect(card.Protocol).toBe(T0);
  });

  test("with EJECT moves the card out", async () => {
    const { name, program, reader } = await world();
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T1);
    await card.ReAttach(SHARED, EJECT);
    expect(reader.card).toBeUndefined();
    expect(await rejectionOf(card.Status)).toBe("SCARD_W_REMOVED_CARD");
    await card.Detach();
  });

  test("with EJECT leaves the card in a reader that cannot eject, and others go on", async () => {
    const { manager, program, runtime } = await world();
    const fixed = new VirtualReader({ name: "Fixed", clock: runtime.clock, canEject: false });
    const name = await manager.addReader(fixed);
    fixed.insert(new EchoCard());
    await runtime.settle();
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T1);
    await card.ReAttach(SHARED, EJECT);
    expect(fixed.card).toBeDefined();
    const other = new CSCard(program("other").winscard);
    await other.AttachByReader(name, SHARED, T1);
    await other.LockSCard({ timeoutMs: 0 });
    await other.UnlockSCard();
  });

  test("waits for other programs as long as it is told", async () => {
    const { name, program, runtime } = await world();
    const [card, other] = [new CSCard(program("program").winscard), new CSCard(program("other").winscard)];
    for (const one of [card, other]) await one.AttachByReader(name, SHARED, T1);
    await other.LockSCard();
    const late = rejectionOf(card.ReAttach(SHARED, LEAVE, { timeoutMs: 100 }));
    const sent = rejectionOf(card.Transaction(new CSCardISO7816().ReadBinary(0, 0, 0), { timeoutMs: 100 }));
    await runtime.advance(100);
    expect([await late, await sent]).toEqual(["SCARD_E_TIMEOUT", "SCARD_E_TIMEOUT"]);
  });
});

describe("a transaction", () => {
  test("sends the command that was built and brings the answer", async () => {
    const { card: chip, name, program } = await world();
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T0 | T1);
    const iso = new CSCardISO7816();
    const cmd = await card.Transaction(iso.SelectFile(0, 0x0c, Uint8Array.of(0x3f, 0x00)));
    expect(chip.commands.map((command) => encodeHex(command))).toEqual(["00A4000C023F00"]);
    expect(cmd.ReplyStatus).toBe(0x9000);
    expect(hex(cmd.ApduReply)).toBe("00A4000C023F00");
    expect(cmd.ApduReplyLength).toBe(7);
    expect(failureOf(() => cmd.ReplyNad)).toBe("E_ACCESSDENIED");
  });

  test("gives the card's no as an answer, not as an error", async () => {
    const { name, program } = await world({ card: new ScriptedCard("3B8180018080", [0x6a, 0x82]) });
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T1);
    const cmd = await card.Transaction(new CSCardISO7816().ReadBinary(0, 0, 4));
    expect([cmd.ReplyStatusSW1, cmd.ReplyStatusSW2, cmd.ApduReplyLength]).toEqual([0x6a, 0x82, 0]);
  });

  test("over T=0 fetches what the card holds ready, in the class of the command or in the alternate one", async () => {
    const chip = new ScriptedCard("3B00", [0x61, 0x02], [1, 2, 0x90, 0x00], [0x61, 0x02], [3, 4, 0x90, 0x00]);
    const { name, program } = await world({ card: chip });
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T0 | T1);
    expect(card.Protocol).toBe(T0);
    const cmd = new CSCardCmd();
    cmd.BuildCmd(0xa0, 0xa4, 0, 0, Uint8Array.of(0x3f, 0x00), 2);
    await card.Transaction(cmd);
    expect(hex(cmd.ApduReply)).toBe("0102");
    cmd.AlternateClassId = 0x80;
    await card.Transaction(cmd);
    expect(hex(cmd.ApduReply)).toBe("0304");
    // The virtual reader hands a T=0 command with data to the card as one that may be answered with 256 bytes.
    expect(chip.commands.map((command) => encodeHex(command))).toEqual([
      "A0A40000023F0000",
      "A0C0000002",
      "A0A40000023F0000",
      "80C0000002",
    ]);
  });

  test("over T=0 repeats a command whose length the card corrects, and sends long ones in envelopes", async () => {
    const chip = new ScriptedCard("3B00", [0x6c, 0x01], [7, 0x90, 0x00], [0x6d, 0x00], [0x90, 0x00], [0x69, 0x82]);
    const { name, program } = await world({ card: chip });
    const card = new CSCard(program("program").winscard);
    await card.AttachByReader(name, SHARED, T0);
    const cmd = new CSCardISO7816().ReadBinary(0, 0, 0);
    expect(hex((await card.Transaction(cmd)).ApduReply)).toBe("07");
    const long = new CSCardISO7816().UpdateBinary(0, 0, new Uint8Array(300));
    // A card that does not know ENVELOPE, and one that does.
    expect(await rejectionOf(card.Transaction(long))).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    long.AlternateClassId = 0x80;
    expect((await card.Transaction(long)).ReplyStatus).toBe(0x6982);
    expect(chip.commands.slice(-2).map((command) => encodeHex(command.subarray(0, 6)))).toEqual([
      "80C20000FF00",
      "80C200003400",
    ]);
  });
});

describe("exclusive access", () => {
  test("keeps others out, tells who has it, and goes to the next in turn", async () => {
    const { name, program, runtime } = await world({ profile: "pcsclite" });
    const [first, second] = ["first", "second"].map((who) => new CSCard(program(who).winscard));
    if (first === undefined || second === undefined) throw new Error("two programs");
    await first.AttachByReader(name, SHARED, T1);
    await second.AttachByReader(name, SHARED, T1);
    await first.LockSCard();
    const refused = errorOf(second.LockSCard({ timeoutMs: 100 }));
    await runtime.advance(100);
    const { hresultName, message } = await refused;
    expect(hresultName).toBe("SCARD_E_TIMEOUT");
    expect(message).toContain("first");
    const granted = second.LockSCard();
    await first.UnlockSCard(RESET);
    expect(await rejectionOf(granted)).toBe("SCARD_W_RESET_CARD");
    await second.ReAttach(SHARED);
    await second.LockSCard();
    await second.UnlockSCard();
    expect(await rejectionOf(second.UnlockSCard())).toBe("SCARD_E_NOT_TRANSACTED");
  });
});
