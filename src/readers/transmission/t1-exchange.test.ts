// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { T1Exchange, type T1Options, type T1Step, t1OptionsOf } from "./index.ts";
import { encodeT1Block, type T1Block } from "./t1-block.ts";

const command = hexBytes("00 A4 04 00");
const success = hexBytes("9000");

function information(sequence: number, more: boolean, bytes: Uint8Array): T1Block {
  return { kind: "I", sequence, more, information: bytes };
}

/** An engine, and the card's blocks to it. */
class Line {
  readonly engine: T1Exchange;
  readonly #options: T1Options;

  constructor(options: Partial<T1Options> = {}) {
    this.#options = { ifsc: 32, edc: "lrc", ...options };
    this.engine = new T1Exchange(this.#options);
  }

  answer(block: T1Block, nad = this.#options.nad ?? 0): T1Step {
    const swapped = ((nad << 4) | (nad >> 4)) & 0xff;
    return this.engine.received(encodeT1Block(block, { nad: swapped, edc: this.#options.edc }));
  }
}

describe("T=1", () => {
  test("a session counts on from command to command", () => {
    const line = new Line();
    for (let round = 0; round < 4; round++) {
      const step = line.engine.transmit(command);
      expect(step).toMatchObject({ kind: "send", waitMultiplier: 1 });
      expect(step.kind === "send" && step.block[1]).toBe((round & 1) << 6);
      expect(line.answer(information(round & 1, false, success))).toEqual({ kind: "done", response: success });
    }
  });

  test("the waiting time is multiplied for the block after S(WTX response) only", () => {
    const line = new Line();
    line.engine.transmit(command);
    const wtx = (value: number): T1Step => line.answer({ kind: "S", about: "wtx", response: false, value });
    expect(wtx(5)).toMatchObject({ kind: "send", waitMultiplier: 5 });
    expect(line.engine.failed("timeout")).toMatchObject({ kind: "send", waitMultiplier: 1 });
    expect(wtx(255)).toMatchObject({ waitMultiplier: 255 });
    // No time at all cannot be meant, and the response repeats the request.
    const step = wtx(0);
    expect(step).toMatchObject({ waitMultiplier: 1 });
    expect(step.kind === "send" && step.block[3]).toBe(0);
  });

  test("blocks carry a CRC where the card wants one", () => {
    // Recorded between libccid and a card with CRC: S(IFS request) of FE and its response.
    const engine = new T1Exchange({ ifsc: 32, edc: "crc" });
    expect(engine.negotiateIfsd(0xfe)).toMatchObject({ kind: "send", block: hexBytes("00 C1 01 FE 54 4E") });
    expect(engine.received(hexBytes("00 E1 01 FE 57 75"))).toMatchObject({ kind: "done" });
    expect(engine.ifsd).toBe(254);
  });

  test("LEN may be 0 and 254, never 255", () => {
    const line = new Line({ ifsd: 254 });
    line.engine.transmit(command);
    expect(line.answer(information(0, true, new Uint8Array(254)))).toMatchObject({ kind: "send" });
    expect(line.answer(information(1, true, new Uint8Array(0)))).toMatchObject({ kind: "send" });
    const step = line.engine.received(encodeT1Block(information(0, true, new Uint8Array(255)), { nad: 0, edc: "lrc" }));
    expect(step.kind === "send" && step.block[1]).toBe(0x82);
    expect(line.answer(information(0, false, success))).toMatchObject({ kind: "done", response: { length: 256 } });
  });

  test("a block that is longer than IFSD is not taken", () => {
    const line = new Line();
    line.engine.transmit(command);
    const step = line.answer(information(0, false, new Uint8Array(33)));
    expect(step.kind === "send" && step.block[1]).toBe(0x82);
  });

  test.each([
    ["no byte", ""],
    ["less than a prologue", "00 00"],
    ["a length that says more", "00 00 03 90 00 93"],
    ["a length that says less", "00 00 01 90 00 91"],
    ["a reserved bit of an I-block", "00 01 02 90 00 93"],
    ["an R-block with information", "00 90 01 00 91"],
    ["an R-block with bit 6", "00 B0 00 B0"],
    ["an R-block with a reserved error", "00 93 00 93"],
    ["S(WTX request) without its byte", "00 C3 00 C3"],
    ["S(WTX request) with two bytes", "00 C3 02 01 01 C1"],
    ["S(IFS request) of 0", "00 C1 01 00 C0"],
    ["S(IFS request) of 255", "00 C1 01 FF 3F"],
    ["a reserved S-block", "00 C4 00 C4"],
    ["S(RESYNCH request) of the card", "00 C0 00 C0"],
    ["S(WTX response) of the card", "00 E3 01 01 E3"],
    ["another connection's block", "12 00 02 90 00 80"],
    ["the second block before the first", "00 40 02 90 00 D2"],
  ])("answers with an R-block for an error other than EDC: %s", (_, text) => {
    const engine = new T1Exchange({ ifsc: 32, edc: "lrc" });
    engine.transmit(command);
    expect(engine.received(hexBytes(text))).toMatchObject({ kind: "send", block: hexBytes("00 82 00 82") });
    expect(engine.received(hexBytes("00 00 02 90 00 92"))).toEqual({ kind: "done", response: success });
  });

  test.each([
    ["a wrong LRC", (engine: T1Exchange) => engine.received(hexBytes("00 00 02 90 00 93"))],
    ["a parity error", (engine: T1Exchange) => engine.failed("parity")],
  ])("answers with an R-block for an EDC error: %s", (_, fail) => {
    const engine = new T1Exchange({ ifsc: 32, edc: "lrc" });
    engine.transmit(command);
    expect(fail(engine)).toMatchObject({ kind: "send", block: hexBytes("00 81 00 81") });
  });

  test("node addresses change places, and their bits 4 and 8 are ignored", () => {
    const line = new Line({ nad: 0x21 });
    expect(line.engine.transmit(command)).toMatchObject({ block: { 0: 0x21 } });
    expect(line.engine.received(encodeT1Block(information(0, false, success), { nad: 0x9a, edc: "lrc" }))).toEqual({
      kind: "done",
      response: success,
    });
    const wrong = line.engine.transmit(command);
    expect(wrong.kind).toBe("send");
    expect(
      line.engine.received(encodeT1Block(information(1, false, success), { nad: 0x21, edc: "lrc" })),
    ).toMatchObject({
      kind: "send",
      block: { 1: 0x92 },
    });
  });
});

describe("a hostile card", () => {
  test("asks for more time without end", () => {
    const line = new Line({ maxWaitExtensions: 3 });
    line.engine.transmit(command);
    const wtx = (): T1Step => line.answer({ kind: "S", about: "wtx", response: false, value: 1 });
    for (let round = 0; round < 3; round++) expect(wtx().kind).toBe("send");
    expect(wtx()).toMatchObject({ code: "too-many-extensions", recovery: "go-on" });
    // The card is still at its command: the next one begins with S(RESYNCH request).
    expect(line.engine.transmit(command)).toMatchObject({ block: hexBytes("00 C0 00 C0") });
  });

  test("changes IFSC without end", () => {
    const line = new Line();
    let step = line.engine.transmit(command);
    let rounds = 0;
    for (; step.kind === "send" && rounds < 1000; rounds++) {
      step = line.answer({ kind: "S", about: "ifs", response: false, value: 1 + (rounds % 254) });
    }
    expect(step).toMatchObject({ code: "invalid-answer", recovery: "warm-reset" });
    expect(rounds).toBeLessThan(50);
  });

  test.each([
    ["full", 254, 65_538],
    ["short", 1, 65_538],
    ["empty", 0, 0],
  ])("chains without end, in %s blocks", (_, bytes, most) => {
    const line = new Line({ ifsd: 254 });
    let step = line.engine.transmit(command);
    let taken = 0;
    for (let round = 0; step.kind === "send"; round++) {
      step = line.answer(information(round & 1, true, new Uint8Array(bytes)));
      taken += bytes;
    }
    expect(step).toMatchObject({ code: "response-too-long", recovery: "go-on" });
    expect(taken).toBeLessThanOrEqual(most + bytes);
  });

  test("gives the longest response there is", () => {
    const line = new Line({ ifsd: 254 });
    let step = line.engine.transmit(command);
    for (let at = 0, round = 0; at < 65_538; round++) {
      const part = Uint8Array.from({ length: Math.min(254, 65_538 - at) }, (_, index) => at + index);
      at += part.length;
      step = line.answer(information(round & 1, at < 65_538, part));
    }
    expect(step).toMatchObject({ kind: "done", response: { length: 65_538, 0: 0, 65_537: 65_537 & 0xff } });
  });

  test("says for ever that it does not get our block", () => {
    const line = new Line();
    let step = line.engine.transmit(command);
    let rounds = 0;
    for (; step.kind === "send" && rounds < 1000; rounds++)
      step = line.answer({ kind: "R", sequence: 0, error: "edc" });
    expect(step).toMatchObject({ code: "invalid-answer", recovery: "warm-reset" });
    expect(rounds).toBeLessThan(20);
  });

  test("answers with less than SW1 SW2", () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(0x90)]) {
      const line = new Line();
      line.engine.transmit(command);
      expect(line.answer(information(0, false, bytes))).toMatchObject({
        code: "response-too-short",
        recovery: "go-on",
      });
      line.engine.transmit(command);
      expect(line.answer(information(1, false, success))).toEqual({ kind: "done", response: success });
    }
  });
});

describe("the caller", () => {
  test("has a ceiling of time", () => {
    const line = new Line();
    let overdue = false;
    line.engine.transmit(command, { isOverdue: () => overdue });
    const wtx = (): T1Step => line.answer({ kind: "S", about: "wtx", response: false, value: 1 });
    expect(wtx().kind).toBe("send");
    overdue = true;
    expect(wtx()).toMatchObject({ code: "overdue", recovery: "go-on" });
    // The next exchange has its own ceiling.
    expect(line.engine.transmit(command).kind).toBe("send");
  });

  test("gets the answer that came in time for it", () => {
    const line = new Line();
    let overdue = false;
    line.engine.transmit(command, { isOverdue: () => overdue });
    overdue = true;
    expect(line.answer(information(0, false, success))).toEqual({ kind: "done", response: success });
  });

  test("finds no copy of a command that may hold a PIN", () => {
    const line = new Line({ ifsc: 3 });
    const verify = hexBytes("00 20 00 01 04 31 32 33 34");
    const blocks: Uint8Array[] = [];
    let step = line.engine.transmit(verify);
    for (let sequence = 1; step.kind === "send" && blocks.length < 3; sequence ^= 1) {
      blocks.push(step.block);
      if (blocks.length < 3) step = line.answer({ kind: "R", sequence, error: "none" });
    }
    expect(blocks).toHaveLength(3);
    expect(blocks[2]).not.toEqual(new Uint8Array(7));
    line.answer(information(0, false, success));
    for (const block of blocks) expect(block).toEqual(new Uint8Array(7));
    expect(verify).toEqual(hexBytes("00 20 00 01 04 31 32 33 34"));
  });

  test("may clear its command as soon as the exchange has begun", () => {
    const line = new Line({ ifsc: 3, maxWaitExtensions: 0 });
    line.engine.transmit(command);
    line.answer({ kind: "S", about: "wtx", response: false, value: 1 });
    // This exchange begins with a resynchronisation, and its command goes later.
    const own = command.slice();
    line.engine.transmit(own);
    own.fill(0);
    const step = line.answer({ kind: "S", about: "resynch", response: true, value: undefined });
    expect(step.kind === "send" && step.block.slice(3, 6)).toEqual(command.slice(0, 3));
  });

  test("is told about calls that cannot come now", () => {
    const line = new Line();
    expect(() => line.engine.received(success)).toThrow("T1Exchange.received: no exchange is under way");
    expect(() => line.engine.failed("timeout")).toThrow("T1Exchange.failed: no exchange is under way");
    expect(line.engine.abort()).toMatchObject({ code: "cancelled", recovery: "go-on" });
    line.engine.transmit(command);
    expect(() => line.engine.transmit(command)).toThrow("an exchange is under way");
    expect(() => line.engine.negotiateIfsd(32)).toThrow("an exchange is under way");
  });

  test("starts with what the ATR says", () => {
    const optionsOf = (text: string): object => {
      const atr = decodeAtr(hexBytes(text));
      return atr.ok ? t1OptionsOf(atr.value) : expect.unreachable(atr.error.message);
    };
    expect(optionsOf("3B 80 81 71 FE 45 01 CA")).toEqual({ ifsc: 254, edc: "crc" });
    expect(optionsOf("3B 80 01 81")).toEqual({ ifsc: 32, edc: "lrc" });
    // Reserved values.
    expect(optionsOf("3B 80 81 11 00 10")).toEqual({ ifsc: 32, edc: "lrc" });
    expect(optionsOf("3B 80 81 11 FF EF")).toEqual({ ifsc: 254, edc: "lrc" });
    expect(() => optionsOf("3B 00")).toThrow("the card does not offer T=1");
  });

  test("is told about arguments of another kind", () => {
    const line = new Line();
    expect(line.engine.transmit(new Uint8Array(0))).toMatchObject({ code: "invalid-command", recovery: "go-on" });
    expect(() => line.engine.transmit("00A4" as never)).toThrow(TypeError);
    expect(() => line.engine.transmit(command, { isOverdue: true as never })).toThrow(TypeError);
    expect(() => line.engine.negotiateIfsd(0)).toThrow(RangeError);
    expect(() => line.engine.negotiateIfsd(255)).toThrow("T1Exchange.negotiateIfsd: bytes is 1 to 254, not 255");
    const wrong: Partial<T1Options>[] = [
      { ifsc: 0 },
      { ifsc: 255 },
      { ifsd: 255 },
      { nad: 256 },
      { nad: 0x80 },
      { nad: 0x11 },
    ];
    for (const options of wrong) expect(() => new Line(options), JSON.stringify(options)).toThrow(RangeError);
    expect(() => new Line({ edc: "xor" as never })).toThrow(TypeError);
    expect(() => new Line({ pin: 1 } as never)).toThrow(TypeError);
  });
});
