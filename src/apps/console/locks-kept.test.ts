// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import type { LockSpan } from "../daemon/index.ts";
import { LocksKept } from "./locks-kept.ts";

const span = (from: number, to?: number): LockSpan => {
  return { reader: "Desk", client: { name: "gpg", pid: 1 }, kind: "held", from, ...(to !== undefined && { to }) };
};

it("a page is told what it does not know, and what it has missed", () => {
  const kept = new LocksKept();
  kept.add({ open: [span(3)], over: [span(1, 2)], missed: 0 });
  expect(kept.behind(undefined)).toEqual({ open: [span(3)], over: [span(1, 2)], missed: 0 });
  const known = kept.last;
  kept.add({ open: [], over: [span(3, 4), span(5, 6)], missed: 7 });
  expect(kept.behind(known)).toEqual({ open: [], over: [span(3, 4), span(5, 6)], missed: 7 });
  expect(kept.behind(undefined).missed).toBe(0);
  expect(kept.behind(kept.last)).toEqual({ open: [], over: [], missed: 0 });
});

it("nothing goes on when the daemon has ended", () => {
  const kept = new LocksKept();
  kept.add({ open: [span(3)], over: [], missed: 0 });
  kept.end(9);
  expect(kept.behind(undefined)).toEqual({ open: [], over: [span(3, 9)], missed: 0 });
});

it("500 are kept", () => {
  const kept = new LocksKept();
  for (let from = 0; from < 1000; from++) kept.add({ open: [], over: [span(from, from + 1)], missed: 0 });
  expect(kept.behind(400)).toMatchObject({ missed: 100, over: { length: 500, 0: { from: 500 } } });
});
