// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import {
  atrTimings,
  buildAtr,
  decodeAtr,
  decodeBerTlv,
  encodeBerTlv,
  encodeCommand,
  encodePps,
  encodeSimpleTlv,
} from "./index.ts";

const atr = decodeAtr(buildAtr({}));
const value = Uint8Array.of(0x31, 0x32);
const command = { cla: 0, ins: 0x20, p1: 0, p2: 1 };

/** Functions that take an object, each with a member that is misspelt. */
const misspelt: Readonly<Record<string, readonly [run: (given: never) => unknown, given: object, member: string]>> = {
  encodeCommand: [encodeCommand, { ...command, dta: value }, "dta"],
  decodeBerTlv: [(limits) => decodeBerTlv(value, limits), { deph: 1 }, "deph"],
  encodeBerTlv: [(object) => encodeBerTlv([object]), { tag: 0x80, vlaue: value }, "vlaue"],
  encodeSimpleTlv: [(object) => encodeSimpleTlv([object]), { tag: 1, value, length: 2 }, "length"],
  encodePps: [encodePps, { protocol: 1, pps0: 0x11 }, "pps0"],
  buildAtr: [buildAtr, { historical: value }, "historical"],
  atrTimings: [(setting) => (atr.ok ? atrTimings(atr.value, setting) : undefined), { clock: 1 }, "clock"],
};

describe.each(Object.entries(misspelt))("%s", (name, [run, given, member]) => {
  it("refuses a member that there is not, which it would ignore", () => {
    expect(() => run(given as never)).toThrow(TypeError);
    expect(() => run(given as never)).toThrow(new RegExp(`^${name}: .* has no member "${member}"; it may have `));
  });

  it("refuses a value that is not an object, and does not repeat it", () => {
    for (const other of [null, "31323334", 5, [1], value]) {
      expect(() => run(other as never)).toThrow(new RegExp(`^${name}: .* is .*; pass an object with `));
      expect(() => run(other as never)).not.toThrow(/3132/);
    }
  });
});

describe("decodeBerTlv", () => {
  it("takes no limit that nothing is beyond of", () => {
    for (const depth of ["x", Number.NaN, 1.5, -1, Number.POSITIVE_INFINITY, null]) {
      expect(() => decodeBerTlv(value, { depth } as never)).toThrow(RangeError);
    }
    expect(decodeBerTlv(Uint8Array.of(0x61, 0x02, 0x61, 0x00), { depth: 0 }).ok).toBe(false);
    expect(decodeBerTlv(Uint8Array.of(0x80, 0x00), { depth: undefined, objects: 1 } as never).ok).toBe(true);
  });
});
