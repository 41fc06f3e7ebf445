// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { holdersDuring, LockHistory, type LockSpan } from "./lock-history.ts";

const a = { name: "gpg", pid: 1 };
const b = { name: "browser", pid: 2 };
const c = { name: "gpg", pid: 3 };

const span = (client: typeof a, kind: LockSpan["kind"], from: number, to?: number, reader = "Desk"): LockSpan => {
  return { reader, client, kind, from, ...(to !== undefined && { to }) };
};

it("has what is over, and of what goes on what was told last", () => {
  const history = new LockHistory();
  history.told({ open: [span(a, "held", 2), span(b, "waited", 4)], over: [span(c, "held", 1, 2)], missed: 0 });
  history.told({ open: [span(b, "held", 7)], over: [span(a, "held", 2, 7), span(b, "waited", 4, 7)], missed: 3 });
  expect(history.spans).toEqual([
    span(c, "held", 1, 2),
    span(a, "held", 2, 7),
    span(b, "waited", 4, 7),
    span(b, "held", 7),
  ]);
  expect(history.missed).toBe(3);
  history.clear();
  expect([history.spans, history.missed]).toEqual([[], 0]);
});

it("tells behind whom a client waited: all others that held the lock meanwhile", () => {
  const wait = span(b, "waited", 4, 9);
  const others = [
    span(a, "held", 1, 4),
    span(c, "held", 6),
    span(a, "held", 4, 6),
    span(b, "held", 2, 5),
    span(a, "held", 9),
    span(c, "held", 5, 6, "Shelf"),
    span(c, "waited", 4, 6),
  ];
  expect(holdersDuring(wait, [wait, ...others], 10)).toEqual([a, c]);
});

it("keeps 500 spans", () => {
  const history = new LockHistory();
  for (let time = 0; time < 1000; time++)
    history.told({ open: [], over: [span(a, "held", time, time + 1)], missed: 0 });
  expect(history.spans).toHaveLength(500);
  expect(history.spans[0]?.from).toBe(500);
});
