// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { cardState, findName, settledState } from "./reports.ts";

describe("the name of a reader", () => {
  it("is the one that is written like that, or else without regard to case", () => {
    expect(findName(["READER", "Reader"], "Reader")).toBe("Reader");
    expect(findName(["READER"], "Reader")).toBe("READER");
    expect(findName(["Another"], "Reader")).toBeUndefined();
  });
});

describe("the state of a card", () => {
  it.each([
    ["negotiable", "t1", "specific"],
    ["negotiable", undefined, "negotiable"],
    ["specific", "t0", "specific"],
    ["specific", undefined, "negotiable"],
    ["powered", "t1", "powered"],
    ["present", undefined, "swallowed"],
    ["swallowed", undefined, "swallowed"],
    ["absent", undefined, "absent"],
  ] as const)("%s with protocol %s is told as %s", (told, protocol, state) => {
    expect(settledState(told, protocol)).toBe(state);
  });

  it.each([
    [1, "unknown"],
    [2, "absent"],
    [4, "present"],
    [0x0c, "swallowed"],
    [0x14, "powered"],
    [0x34, "negotiable"],
    [0x54, "specific"],
    [0, "unknown"],
  ])("0x%x is %s", (bits, name) => {
    expect(cardState(bits)).toBe(name);
  });
});
