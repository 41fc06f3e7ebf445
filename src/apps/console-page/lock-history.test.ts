// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import type { ShownReport } from "../console/index.ts";
import { holdersDuring, LockHistory } from "./lock-history.ts";

const a = { name: "gpg", pid: 1 };
const b = { name: "browser", pid: 2 };

type Reader = ShownReport["report"]["readers"][number];

/** A report with one reader. */
function report(time: number, holder?: readonly [typeof a, number], waiter?: readonly [typeof a, number]): ShownReport {
  const daemon = { pid: 1, profile: "pcsclite", runningMs: 1, knowsClients: true, sessions: 1 };
  const reader: Reader = {
    ...{ name: "Desk", id: "desk", eventCount: 0, connections: [] },
    lock: holder && { client: holder[0], heldMs: holder[1], depth: 1, lastExchangeMs: undefined },
    queue: waiter === undefined ? [] : [{ client: waiter[0], operation: "begin", waitingMs: waiter[1] }],
  };
  return { time, readersLeftOut: 0, report: { daemon, clients: [], readers: [reader] } };
}

it("tells who held a lock, who waited behind whom, and what goes on", () => {
  const history = new LockHistory();
  history.report(report(5000, [a, 3000], [b, 1000]));
  history.report(report(6000, [a, 4001], [b, 1999]));
  expect(history.spans).toEqual([
    { reader: "Desk", client: a, kind: "held", from: 2000, to: undefined },
    { reader: "Desk", client: b, kind: "waited", from: 4000, to: undefined },
  ]);
  history.report(report(7000, [b, 500]));
  expect(history.spans).toEqual([
    { reader: "Desk", client: a, kind: "held", from: 2000, to: 7000 },
    { reader: "Desk", client: b, kind: "waited", from: 4000, to: 7000 },
    { reader: "Desk", client: b, kind: "held", from: 6500, to: undefined },
  ]);
  const [, waited] = history.spans;
  expect(waited && holdersDuring(waited, history.spans, 7000)).toEqual([a]);
});

it("tells one lock from the next of the same client", () => {
  const history = new LockHistory();
  history.report(report(5000, [a, 3000]));
  history.report(report(6000, [a, 100]));
  expect(history.spans.map(({ from, to }) => [from, to])).toEqual([
    [2000, 6000],
    [5900, undefined],
  ]);
});

it("nothing goes on when the daemon has gone", () => {
  const history = new LockHistory();
  history.report(report(5000, [a, 3000], [b, 10]));
  history.end(5500);
  expect(history.spans.map(({ to }) => to)).toEqual([5500, 5500]);
});

it("keeps 500 spans", () => {
  const history = new LockHistory();
  for (let time = 0; time < 1000; time++) history.report(report(time * 1000, [a, 1]));
  expect(history.spans).toHaveLength(501);
  expect(history.spans.at(-2)?.from).toBe(997_999);
});
