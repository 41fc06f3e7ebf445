// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { checkNewReaderName, isPseudoReader, readerNameProblem, SmartCardError } from "./index.ts";

describe("readerNameProblem", () => {
  it.each([
    "R",
    "R".repeat(127),
    `${"ä".repeat(63)}R`,
    "日".repeat(42),
    "Yubico YubiKey OTP+FIDO+CCID 00 00",
    "\\\\?PnP?\\",
    "a  b",
  ])("finds none with %s", (name) => {
    expect(readerNameProblem(name)).toBeUndefined();
    checkNewReaderName(name);
  });

  it.each([
    ["", /is empty/],
    ["R".repeat(128), /128 bytes/],
    ["ä".repeat(64), /128 bytes/],
    ["ä".repeat(80), /160 bytes/],
    ["a\nb", /control characters/],
    ["a\0", /control characters/],
    ["a\u2028b", /control characters or line breaks/],
    ["\ud83d", /surrogate/],
    [" a", /space/],
    ["a\u00a0", /space/],
    ["\\\\?PnP?\\Notification", /reserves/],
    ["\\\\?PNP?\\NOTIFICATION", /reserves/],
  ])("refuses %j", (name, problem) => {
    expect(readerNameProblem(name)).toMatch(problem);
    expect(() => checkNewReaderName(name)).toThrow(SmartCardError);
  });
});

it("knows the pseudo reader without regard to case", () => {
  expect(["\\\\?pnp?\\notification", "\\\\?PnP?\\Notification", "Reader"].map(isPseudoReader)).toEqual([
    true,
    true,
    false,
  ]);
});
