// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { waitOf } from "./arguments.ts";

describe("a timeout, which C has as a DWORD", () => {
  test("is at most what the machine's timers take, and none for INFINITE in either sign", () => {
    const limits = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, -2, 0xffff_ffff, -1];
    expect(limits.map((limit) => waitOf(limit, undefined, "wait").timeoutMs)).toEqual([
      0,
      1,
      0x7fff_ffff,
      0x7fff_ffff,
      0x7fff_ffff,
      0x7fff_ffff,
      undefined,
      undefined,
    ]);
    expect(waitOf(undefined, undefined, "wait")).toEqual({});
  });

  test("is refused where it is no number of 32 bits", () => {
    for (const limit of [0x1_0000_0000, -0x8000_0001, 0.5, Number.NaN]) {
      expect(() => waitOf(limit, undefined, "wait")).toThrow(/timeout .* is not a number of 32 bits/);
    }
  });
});
