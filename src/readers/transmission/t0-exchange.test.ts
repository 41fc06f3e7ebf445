// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { T0Exchange, type T0Step } from "./index.ts";

/** Feeds bytes in hexadecimal, and says what came of the last. */
function play(engine: T0Exchange, command: string, ...answers: readonly string[]): T0Step {
  let step = engine.transmit(hexBytes(command));
  for (const answer of answers) step = engine.received(hexBytes(answer));
  return step;
}

const sent = (step: T0Step): Uint8Array => (step.kind === "send" ? step.bytes : expect.unreachable(step.kind));

describe("T=0", () => {
  test("case 1: the header has P3 = 0, and SW1 SW2 come", () => {
    const engine = new T0Exchange();
    const step = engine.transmit(hexBytes("00 A4 04 00"));
    expect(step).toMatchObject({ kind: "send", bytes: hexBytes("00 A4 04 00 00"), expect: 2 });
    expect(engine.received(hexBytes("90 00"))).toEqual({ kind: "done", response: hexBytes("9000") });
  });

  test("case 2: data comes behind ACK", () => {
    const engine = new T0Exchange();
    expect(engine.transmit(hexBytes("00 B0 00 00 03"))).toMatchObject({ kind: "send", expect: 1 });
    expect(engine.received(hexBytes("B0"))).toEqual({ kind: "receive", expect: 5 });
    expect(engine.received(hexBytes("01 60 90"))).toEqual({ kind: "receive", expect: 2 });
    expect(engine.received(hexBytes("61 05"))).toEqual({ kind: "done", response: hexBytes("01 60 90 61 05") });
  });

  test("case 2: P3 = 0 stands for 256 bytes", () => {
    const engine = new T0Exchange();
    engine.transmit(hexBytes("00 B0 00 00 00"));
    expect(engine.received(hexBytes("B0"))).toEqual({ kind: "receive", expect: 258 });
    expect(engine.received(new Uint8Array(256).fill(0x90))).toEqual({ kind: "receive", expect: 2 });
    expect(engine.received(hexBytes("9000"))).toMatchObject({ kind: "done", response: { length: 258 } });
  });

  test("case 2: the card may answer with SW1 SW2 alone", () => {
    expect(play(new T0Exchange(), "00 B0 00 00 03", "6C", "02")).toEqual({ kind: "done", response: hexBytes("6C02") });
    expect(play(new T0Exchange(), "00 B0 00 00 03", "6C02")).toEqual({ kind: "done", response: hexBytes("6C02") });
  });

  test("case 3: data goes behind ACK", () => {
    const engine = new T0Exchange();
    expect(sent(engine.transmit(hexBytes("00 D6 00 00 03 01 02 03")))).toEqual(hexBytes("00 D6 00 00 03"));
    const step = engine.received(hexBytes("D6"));
    expect(step).toMatchObject({ kind: "send", bytes: hexBytes("01 02 03"), expect: 2 });
    expect(engine.received(hexBytes("9000"))).toEqual({ kind: "done", response: hexBytes("9000") });
  });

  test("complemented ACK: one byte at a time, in both directions", () => {
    const engine = new T0Exchange();
    engine.transmit(hexBytes("00 D6 00 00 03 01 02 03"));
    expect(engine.received(hexBytes("29"))).toMatchObject({ kind: "send", bytes: hexBytes("01"), expect: 1 });
    expect(engine.received(hexBytes("60"))).toEqual({ kind: "receive", expect: 1 });
    // The rest may go at once.
    expect(engine.received(hexBytes("D6"))).toMatchObject({ kind: "send", bytes: hexBytes("02 03"), expect: 2 });
    expect(engine.received(hexBytes("9000")).kind).toBe("done");
    engine.transmit(hexBytes("00 B0 00 00 02"));
    expect(engine.received(hexBytes("4F"))).toEqual({ kind: "receive", expect: 2 });
    expect(engine.received(hexBytes("AA 4F"))).toEqual({ kind: "receive", expect: 3 });
    expect(engine.received(hexBytes("BB 90 00"))).toEqual({ kind: "done", response: hexBytes("AABB9000") });
  });

  test("NULL asks for more time, and is no data", () => {
    expect(play(new T0Exchange(), "00 B0 00 00 01", "60", "60", "B0", "60", "60", "90", "00")).toEqual({
      kind: "done",
      response: hexBytes("60 90 00"),
    });
    expect(play(new T0Exchange(), "00 A4 00 00", "60", "60 90 00")).toEqual({
      kind: "done",
      response: hexBytes("9000"),
    });
  });

  test("SW1 may come in the middle: what came stays", () => {
    expect(play(new T0Exchange(), "00 D6 00 00 03 01 02 03", "29", "67 00")).toMatchObject({
      response: hexBytes("6700"),
    });
    expect(play(new T0Exchange(), "00 B0 00 00 03", "4F", "AA", "62 82")).toMatchObject({
      response: hexBytes("AA6282"),
    });
  });

  test("one session goes on from command to command", () => {
    const engine = new T0Exchange();
    for (let round = 0; round < 3; round++) expect(play(engine, "00 A4 00 00", "9000").kind).toBe("done");
  });

  test.each([
    ["a byte that is no procedure byte", ["00"], "invalid-answer"],
    ["the ACK with programming voltage of old cards", ["B1"], "invalid-answer"],
    ["bytes behind SW2", ["90 00 00"], "invalid-answer"],
    ["SW1 SW2 twice", ["90 00 90 00"], "invalid-answer"],
    ["ACK without end", ["B0 AA BB", "B0 B0 B0", "B0 B0 B0"], "invalid-answer"],
    ["NULL without end", ["60 60 60", "60 60 60"], "too-many-extensions"],
  ])("fails for a hostile card: %s", (_, answers, code) => {
    const engine = new T0Exchange({ maxWaitExtensions: 4 });
    expect(play(engine, "00 B0 00 00 02", ...answers)).toMatchObject({ kind: "failed", code, recovery: "warm-reset" });
    expect(engine.transmit(hexBytes("00 A4 00 00"))).toMatchObject({ code: "reset-needed", recovery: "warm-reset" });
  });

  test("more data than the command has is never sent, whatever the card acknowledges", () => {
    const engine = new T0Exchange();
    let step = engine.transmit(hexBytes("00 D6 00 00 02 01 02"));
    const bytes: number[] = [];
    for (let round = 0; round < 20 && (step.kind === "send" || step.kind === "receive"); round++) {
      if (step.kind === "send") bytes.push(...step.bytes);
      step = engine.received(hexBytes("29"));
    }
    expect(bytes).toEqual([...hexBytes("00 D6 00 00 02 01 02")]);
    expect(step).toMatchObject({ kind: "failed", code: "invalid-answer" });
  });

  test.each([
    ["timeout", "no-answer"],
    ["parity", "invalid-answer"],
  ] as const)("a %s needs a reset", (why, code) => {
    const engine = new T0Exchange();
    engine.transmit(hexBytes("00 A4 00 00"));
    expect(engine.failed(why)).toMatchObject({ kind: "failed", code, recovery: "warm-reset" });
  });

  test("the caller's ceiling of time ends NULL bytes", () => {
    const engine = new T0Exchange();
    let overdue = false;
    engine.transmit(hexBytes("00 A4 00 00"), { isOverdue: () => overdue });
    expect(engine.received(hexBytes("60")).kind).toBe("receive");
    overdue = true;
    expect(engine.received(hexBytes("60"))).toMatchObject({ code: "overdue", recovery: "warm-reset" });
  });

  test.each([
    ["no byte", ""],
    ["three bytes", "00 A4 00"],
    ["P3 that says more", "00 D6 00 00 03 01 02"],
    ["P3 that says less", "00 D6 00 00 01 01 02"],
    ["a Le behind the data", "00 A4 00 00 02 3F 00 00"],
    ["an extended length", "00 B0 00 00 00 01 00"],
    ["more than 255 bytes of data", `00 D6 00 00 FF ${"00".repeat(256)}`],
    ["INS 6X", "00 60 00 00"],
    ["INS 9X", "00 9F 00 00 00"],
  ])("nothing is sent for a command that T=0 cannot carry: %s", (_, command) => {
    const engine = new T0Exchange();
    expect(engine.transmit(hexBytes(command))).toMatchObject({
      kind: "failed",
      code: "invalid-command",
      recovery: "go-on",
    });
    expect(play(engine, "00 A4 00 00", "9000").kind).toBe("done");
  });

  test("no copy of a command that may hold a PIN is left", () => {
    const engine = new T0Exchange();
    const header = sent(engine.transmit(hexBytes("00 20 00 01 04 31 32 33 34")));
    const data = sent(engine.received(hexBytes("20")));
    expect(data).toEqual(hexBytes("31 32 33 34"));
    engine.received(hexBytes("9000"));
    expect([header, data]).toEqual([new Uint8Array(5), new Uint8Array(4)]);
  });

  test("calls that cannot come now, and arguments of another kind, are refused", () => {
    const engine = new T0Exchange();
    expect(() => engine.received(hexBytes("9000"))).toThrow("T0Exchange.received: no exchange is under way");
    expect(() => engine.failed("timeout")).toThrow("T0Exchange.failed: no exchange is under way");
    engine.transmit(hexBytes("00 A4 00 00"));
    expect(() => engine.transmit(hexBytes("00 A4 00 00"))).toThrow("an exchange is under way");
    expect(() => new T0Exchange({ maxWaitExtensions: -1 })).toThrow(RangeError);
    expect(() => new T0Exchange().transmit("00A4" as never)).toThrow(TypeError);
  });
});

test("any card that keeps to clause 10 is understood, however its bytes are cut", () => {
  const choices = fc.infiniteStream(fc.nat({ max: 99 }));
  const data = fc.uint8Array({ maxLength: 255 });
  fc.assert(
    fc.property(
      fc.constantFrom(0xa4, 0xb0, 0xd6, 0x00, 0xff),
      fc.boolean(),
      data,
      choices,
      (instruction, goes, bytes, draws) => {
        const draw = (): number => draws.next().value ?? 0;
        const header = [0x00, instruction, 0x01, 0x02, bytes.length];
        const outgoing = goes ? [...bytes] : [];
        const incoming = goes ? [] : Array.from({ length: bytes.length || 256 }, (_, index) => index ^ 0x60);
        // A card, as the bytes that it sends and the number of bytes that it takes in between.
        const status = [0x61, draw()];
        const nulls = (): number[] => (draw() < 20 ? [0x60] : []);
        const got: number[] = [];
        const engine = new T0Exchange();
        let step = engine.transmit(Uint8Array.from([...header, ...outgoing]));
        let queue: number[] = [];
        for (;;) {
          if (step.kind === "send") got.push(...step.bytes);
          if (step.kind === "done" || step.kind === "failed") break;
          if (queue.length === 0) {
            const left = outgoing.length - (got.length - 5);
            const come = draw() < 30 ? 1 : incoming.length;
            const moves = goes ? left > 0 : incoming.length > 0;
            queue = moves
              ? [
                  ...nulls(),
                  (goes ? draw() < 30 : come === 1) ? instruction ^ 0xff : instruction,
                  ...incoming.splice(0, come),
                ]
              : [...nulls(), ...status];
          }
          // A reader may give more than what was expected at least, and less.
          step = engine.received(Uint8Array.from(queue.splice(0, 1 + (draw() % 40))));
        }
        const all = Array.from({ length: bytes.length || 256 }, (_, index) => index ^ 0x60);
        expect(step).toEqual({ kind: "done", response: Uint8Array.from([...(goes ? [] : all), ...status]) });
        expect(got).toEqual([...header, ...outgoing]);
      },
    ),
  );
});
