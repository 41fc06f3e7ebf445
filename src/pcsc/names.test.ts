// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { checkName } from "./names.ts";

describe("a name is refused", () => {
  test.each([
    ["", "is empty"],
    ["a".repeat(256), "more than 255 characters"],
    ["a\0b", "control characters"],
    ["a\u001b[31m", "control characters"],
    ["a\u2028b", "control characters"],
    ["a\ud800", "half a surrogate pair"],
    [undefined as unknown as string, "is not a text"],
  ])("%j: it %s", (name, why) => {
    expect(() => checkName(name, "card")).toThrow(expect.objectContaining({ code: "invalid-parameter" }));
    expect(() => checkName(name, "card")).toThrow(why);
  });

  test("and others are not", () => {
    for (const name of ["a", "a".repeat(255), "Reader (é) 00", "💳"])
      expect(() => checkName(name, "card")).not.toThrow();
  });
});
