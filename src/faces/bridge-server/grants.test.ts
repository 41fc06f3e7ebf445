// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { maySee } from "./grants.ts";

it("a name with NUL is no reader: a manager in C would take what stands before it", () => {
  const all = () => [{ origin: "https://a.example", pairings: [] }];
  const origins = { all, withheld: () => ["Desk"], remember: async () => undefined };
  expect(maySee("https://a.example", "Desk\0x", origins)).toBe(false);
  expect(maySee("https://a.example", "desk", origins)).toBe(false);
  expect(maySee("https://a.example", "Lobby", origins)).toBe(true);
});
