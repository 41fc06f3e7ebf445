// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { decodeClassByte, plainClassByte } from "./class-byte.ts";

describe("class bytes, ISO/IEC 7816-4:2005, 5.1.1, tables 2 and 3", () => {
  test.each([
    [0x00, 0, false, "none"],
    [0x03, 3, false, "none"],
    [0x05, 1, false, "proprietary"],
    [0x08, 0, false, "header-not-processed"],
    [0x1c, 0, true, "header-authenticated"],
    [0x40, 4, false, "none"],
    [0x4f, 19, false, "none"],
    [0x51, 5, true, "none"],
    [0x60, 4, false, "header-not-processed"],
    [0x7f, 19, true, "header-not-processed"],
  ])("%i is interindustry", (cla, channel, chaining, secureMessaging) => {
    expect(decodeClassByte(cla)).toEqual({ kind: "interindustry", channel, chaining, secureMessaging });
  });

  test.each([
    [0x20, "reserved"],
    [0x3f, "reserved"],
    [0x80, "proprietary"],
    [0xfe, "proprietary"],
    [0xff, "reader"],
  ])("%i is not", (cla, kind) => {
    expect(decodeClassByte(cla)).toEqual({ kind });
    expect(plainClassByte(cla)).toBe(cla);
  });

  test("the plain class byte keeps the channel and nothing else", () => {
    const interindustry = Array.from({ length: 128 }, (_, cla) => cla).filter((cla) => cla < 0x20 || cla >= 0x40);
    for (const cla of interindustry) {
      const { channel } = decodeClassByte(cla) as { channel: number };
      expect(decodeClassByte(plainClassByte(cla))).toEqual({
        kind: "interindustry",
        channel,
        chaining: false,
        secureMessaging: "none",
      });
    }
  });
});
