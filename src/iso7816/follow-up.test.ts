// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../binary/index.ts";
import { type CommandApdu, encodeCommand, type ResponseApdu } from "./apdu.ts";
import { beginExchange, type ExchangeStep, followUp, maxFollowUpRounds, stepExchange } from "./follow-up.ts";

function command(cla: number, le: number | undefined = 256): CommandApdu {
  return { cla, ins: 0xb0, p1: 1, p2: 2, data: new Uint8Array(0), le, extended: false };
}

function response(sw: number, data: Uint8Array = new Uint8Array(0)): ResponseApdu {
  return { data, sw1: sw >> 8, sw2: sw & 0xff, sw };
}

describe("followUp", () => {
  test.each([0x9000, 0x6282, 0x63c2, 0x6a82, 0x6700, 0x9110, 0x9f10])("%i ends the exchange", (sw) => {
    expect(followUp(command(0), response(sw))).toEqual({ kind: "done" });
  });

  test.each([
    ["the basic channel", 0x00, 0x6110, "00C0000010"],
    ["256 bytes", 0x00, 0x6100, "00C0000000"],
    ["a chained command", 0x10, 0x6105, "00C0000005"],
    ["secure messaging on channel 3", 0x0f, 0x6105, "03C0000005"],
    ["channel 19, chained, with secure messaging", 0x7f, 0x6105, "4FC0000005"],
    ["GSM's class", 0xa0, 0x6105, "A0C0000005"],
    ["the reader", 0xff, 0x6105, "FFC0000005"],
  ])("61xx asks for GET RESPONSE: %s", (_, cla, sw, hex) => {
    const next = followUp(command(cla), response(sw));
    expect(next.kind === "get-response" && encodeHex(encodeCommand(next.command))).toBe(hex);
  });

  test.each([
    [0x6c08, "00B0010208"],
    [0x6c00, "00B0010200"],
  ])("6Cxx repeats the same command with Le corrected", (sw, hex) => {
    const next = followUp(command(0), response(sw));
    expect(next.kind === "repeat" && encodeHex(encodeCommand(next.command))).toBe(hex);
  });

  test("6Cxx keeps data and the form of the length fields", () => {
    const long: CommandApdu = { ...command(0), data: new Uint8Array(300), le: 65_536, extended: true };
    const next = followUp(long, response(0x6c08));
    expect(next.kind === "repeat" && next.command).toEqual({ ...long, le: 8 });
  });
});

describe("an exchange", () => {
  function send(step: ExchangeStep): { hex: string; step: Extract<ExchangeStep, { kind: "send" }> } {
    if (step.kind !== "send") throw new Error(step.kind);
    return { hex: encodeHex(encodeCommand(step.command)), step };
  }

  test("6Cxx, then 61xx twice, then the end: data is joined", () => {
    const repeat = send(stepExchange(beginExchange(command(0)), response(0x6c04)));
    expect(repeat.hex).toBe("00B0010204");
    const first = send(stepExchange(repeat.step.exchange, response(0x6102, Uint8Array.of(1, 2))));
    expect(first.hex).toBe("00C0000002");
    const second = send(stepExchange(first.step.exchange, response(0x6c01, Uint8Array.of(99))));
    expect(second.hex).toBe("00C0000001");
    expect(stepExchange(second.step.exchange, response(0x9000, Uint8Array.of(3)))).toEqual({
      kind: "done",
      response: { data: Uint8Array.of(1, 2, 3), sw1: 0x90, sw2: 0x00, sw: 0x9000 },
    });
  });

  test("an error at the end keeps the data before it", () => {
    const first = send(stepExchange(beginExchange(command(0)), response(0x6100, Uint8Array.of(1))));
    expect(stepExchange(first.step.exchange, response(0x6282))).toMatchObject({
      response: { data: Uint8Array.of(1), sw: 0x6282 },
    });
  });

  test.each([
    [0x6101, 0x6101],
    [0x6c01, 0x6c02],
  ])("a card that answers %i and %i for ever is given up after a number of rounds", (odd, even) => {
    let exchange = beginExchange(command(0));
    for (let round = 1; round < maxFollowUpRounds; round++) {
      exchange = send(stepExchange(exchange, response(round % 2 === 1 ? odd : even))).step.exchange;
    }
    expect(stepExchange(exchange, response(even))).toEqual({
      kind: "failed",
      reason: "no final response after 1024 commands",
    });
  });

  test("a card that asks for the Le that it was given has answered", () => {
    const repeated = send(stepExchange(beginExchange(command(0)), response(0x6c05)));
    expect(repeated.hex).toMatch(/05$/);
    expect(stepExchange(repeated.step.exchange, response(0x6c05))).toMatchObject({
      kind: "done",
      response: { sw: 0x6c05 },
    });
  });

  test("65,536 bytes of data are taken, and not one more", () => {
    const half = new Uint8Array(32_768);
    const first = send(stepExchange(beginExchange(command(0)), response(0x6100, half)));
    expect(stepExchange(first.step.exchange, response(0x9000, half))).toMatchObject({ kind: "done" });
    expect(stepExchange(first.step.exchange, response(0x9000, new Uint8Array(32_769)))).toEqual({
      kind: "failed",
      reason: "more than 65536 bytes of response data",
    });
  });

  test("property: data cut into portions anywhere comes out whole", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 256 }), { minLength: 1, maxLength: 20 }), (portions) => {
        let exchange = beginExchange(command(0));
        let step: ExchangeStep | undefined;
        portions.forEach((portion, index) => {
          step = stepExchange(exchange, response(index + 1 < portions.length ? 0x6100 : 0x9000, portion));
          if (step.kind === "send") exchange = step.exchange;
        });
        const whole = portions.flatMap((portion) => [...portion]);
        expect(step?.kind === "done" && [...step.response.data]).toEqual(whole);
      }),
    );
  });
});
