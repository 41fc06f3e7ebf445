// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { nearest } from "./index.ts";

const known = ["timeoutMs", "signal", "shareMode", "preferredProtocols", "socket", "name", "id"];

test.each([
  ["timeout", "timeoutMs"],
  ["sokcet", "socket"],
  ["nmae", "name"],
  ["sharemode", "shareMode"],
  ["share", "shareMode"],
  ["protocols", undefined],
  ["preferredProtocol", "preferredProtocols"],
  ["timeoutMsec", "timeoutMs"],
  ["sginal", "signal"],
  ["i", "id"],
  ["xyz", undefined],
  ["", undefined],
  ["a".repeat(100_000), undefined],
])("%s is near %s", (word, expected) => {
  expect(nearest(word, known)).toBe(expected);
});

test("of two that are near it is the nearer one", () => {
  expect(nearest("sharde", ["direct", "shared", "sharing"])).toBe("shared");
  expect(nearest("anything", [])).toBeUndefined();
});
