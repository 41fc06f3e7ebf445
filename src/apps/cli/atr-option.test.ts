// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { matchesAtr } from "../../database/index.ts";
import { atrsOf } from "./atr-option.ts";
import { UsageError } from "./options.ts";

describe("an ATR on the command line", () => {
  const matches = (text: string, ...atr: number[]): boolean => {
    return atrsOf("--atr", text).some((pattern) => matchesAtr(pattern, Uint8Array.from(atr)));
  };

  it("is bytes, all of which count", () => {
    expect(atrsOf("--atr", "3B 02:14-50")).toEqual([{ atr: Uint8Array.of(0x3b, 0x02, 0x14, 0x50) }]);
  });

  it("is bytes and a mask, and what the mask leaves out does not matter", () => {
    expect(matches("3B021450/FFFF00F0", 0x3b, 0x02, 0x99, 0x5f)).toBe(true);
    expect(matches("3B021450/FFFF00F0", 0x3b, 0x02, 0x14, 0x60)).toBe(false);
  });

  it("is an expression, which may stand for several", () => {
    expect(matches("3B 0. (14|15)", 0x3b, 0x0f, 0x15)).toBe(true);
    expect(matches("3B 0. (14|15)", 0x3b, 0x1f, 0x15)).toBe(false);
  });

  it.each(["", "card", "3B/", "3B0/FF", "3B02/FF", "3B (00"])('is not "%s"', (text) => {
    expect(() => atrsOf("--atr", text)).toThrow(UsageError);
  });
});
