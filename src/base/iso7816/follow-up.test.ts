// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../binary/index.ts";
import { type CommandApdu, encodeCommand, type ResponseApdu } from "./apdu.ts";
import { followUp } from "./follow-up.ts";

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
