// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import type { ReaderInspection } from "../../port/index.ts";
import { LockLog } from "./lock-log.ts";

const gpg = { name: "gpg", pid: 1 };
const browser = { name: "browser", pid: 2, uid: 1000 };

/** A log whose monotonic clock is at 0 when it is 1,000,000 ms since 1970. */
function logOf() {
  const clock = { now: 0 };
  const log = new LockLog({ now: () => clock.now, wallTime: () => 1_000_000 + clock.now, schedule: () => () => {} });
  const told = (kind: string, by: typeof gpg, since: number, at: number): void => {
    clock.now = at;
    log.trace({ kind, by, since, at, reader: "Desk" });
  };
  return { clock, log, told };
}

it("tells from when to when a lock was held and waited for, and what goes on", () => {
  const { clock, log, told } = logOf();
  told("lock-freed", gpg, 10, 30.5);
  told("lock-waited", browser, 20, 30.5);
  log.trace({ kind: "lock-granted", at: 30.5, by: browser, reader: "Desk" });
  clock.now = 50;
  const reader: ReaderInspection = {
    ...{ name: "Desk", id: "desk", eventCount: 0, card: undefined, connections: [] },
    lock: { client: browser, heldMs: 19.5, depth: 1, lastExchangeMs: undefined },
    queue: [{ client: gpg, operation: "begin", waitingMs: 5 }],
  };
  expect(log.report(0, [reader, { ...reader, name: "Shelf", lock: undefined }])).toEqual({
    over: [
      { kind: "held", reader: "Desk", client: gpg, from: 1_000_010, to: 1_000_030.5 },
      { kind: "waited", reader: "Desk", client: browser, from: 1_000_020, to: 1_000_030.5 },
    ],
    open: [
      { kind: "held", reader: "Desk", client: browser, from: 1_000_030.5 },
      { kind: "waited", reader: "Desk", client: gpg, from: 1_000_045 },
    ],
    last: 2,
    missed: 0,
  });
  expect(log.report(1, []).over.map(({ kind }) => kind)).toEqual(["waited"]);
  expect(log.report(2, [])).toEqual({ over: [], open: [], last: 2, missed: 0 });
  // The number of a daemon before this one.
  expect(log.report(77, [])).toEqual({ over: [], open: [], last: 2, missed: 0 });
});

it("keeps 500, and tells how many are missing", () => {
  const { log, told } = logOf();
  for (let at = 1; at <= 2000; at++) told("lock-freed", gpg, at - 1, at);
  const { last, missed, over } = log.report(100, []);
  expect([over.length, last, missed]).toEqual([500, 2000, 1400]);
  expect([over[0]?.from, over.at(-1)?.to]).toEqual([1_001_500, 1_002_000]);
  expect(log.report(1990, []).over).toHaveLength(10);
});
