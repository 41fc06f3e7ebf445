// SPDX-License-Identifier: MIT

import { setTimeout as pause } from "node:timers/promises";
import type { WhoReport } from "../../src/apps/daemon/index.ts";
import type { Crowd, Violated } from "./crowd.ts";
import type { Director } from "./director.ts";
import { type Trend, trendOf } from "./memory.ts";

/** How long each client has for one more transaction after the last fault. */
const REVIVAL_BOUND_MS = 20_000;

/** How long the daemon has to forget those who have gone; it powers cards off five seconds after the last user. */
const FORGET_BOUND_MS = 15_000;

const LOOK_MS = 250;

/**
 * How much a warm daemon may grow by until its end, in KiB. The heap after a full collection is what is really kept; the
 * resident memory, which swings with what will be collected, is for leaks outside of the heap.
 */
const boundsKiB: Readonly<Record<"heap" | "resident", number>> = {
  heap: 4_096,
  resident: 12_288,
};

/** Faults have ended: every client must end a transaction. */
export async function allRevive(crowd: Crowd, violated: Violated, isOver: () => boolean): Promise<void> {
  const before = new Map(crowd.clients.map((client) => [client, client.turns]));
  const behind = (): number => crowd.clients.filter((client) => client.turns === before.get(client)).length;
  const until = performance.now() + REVIVAL_BOUND_MS;
  while (behind() > 0 && !isOver()) {
    if (performance.now() > until) {
      violated("revival", `${behind()} clients had no transaction within ${REVIVAL_BOUND_MS} ms without faults`);
      return;
    }
    await pause(LOOK_MS);
  }
}

/** Half of the clients end by themselves, the others are killed. */
export async function allLeave(crowd: Crowd): Promise<void> {
  const clients = [...crowd.clients];
  await Promise.all(clients.map((client, index) => (index % 2 === 0 ? crowd.dismiss(client) : crowd.kill(client))));
}

/** What is left of clients that have all gone, by the check that it violates. */
function remainsOf(report: WhoReport, director: Director, fdsAtStart: number): Map<string, string> {
  const remains = new Map<string, string>();
  const { clients, daemon, readers } = report;
  const fds = director.daemon.usage().fds;
  const told = (what: unknown): string => JSON.stringify(what);
  if (daemon.sessions > 0 || clients.length > 0) remains.set("clients", told({ sessions: daemon.sessions, clients }));
  for (const { card, connections, lock, name, queue } of readers) {
    if (lock !== undefined || queue.length > 0) remains.set("locks", `${name}: ${told({ lock, queue })}`);
    if (connections.length > 0) remains.set("handles", `${name}: ${told(connections)}`);
    if (card === undefined) remains.set("cards", `${name} has no card, and there is one in it`);
    else if (card.powered) remains.set("power", `the card in ${name} has power, and no client uses it`);
  }
  for (const [index, card] of director.cards.entries()) {
    if (card.powered) remains.set("power", `card ${index} was not told to go off`);
  }
  if (fds > fdsAtStart) remains.set("fds", `${fds}, and ${fdsAtStart} at the start: ${describe(director)}`);
  return remains;
}

function describe(director: Director): string {
  const counts: Record<string, number> = {};
  for (const kind of director.daemon.descriptors()) counts[kind] = (counts[kind] ?? 0) + 1;
  return JSON.stringify(counts);
}

/** All clients have gone: nothing of them may be left in the daemon. */
export async function nothingRemains(director: Director, fdsAtStart: number, violated: Violated): Promise<void> {
  const until = performance.now() + FORGET_BOUND_MS;
  for (;;) {
    // What a client did last may have been an ejection.
    await director.keepDeskCard();
    const remains = remainsOf(await director.daemon.who(), director, fdsAtStart);
    if (remains.size === 0) return;
    if (performance.now() > until) {
      for (const [check, what] of remains) violated(check, what);
      return;
    }
    await pause(LOOK_MS);
  }
}

/** How the memory of a daemon went; undefined where it did not live long enough to tell. */
export type Trends = Readonly<Record<keyof typeof boundsKiB, Trend | undefined>>;

/** No daemon may have grown with what it did. */
export function memoryIsBounded(director: Director, violated: Violated): Trends[] {
  return director.daemons.map((daemon, index) => {
    const trends = { heap: trendOf(daemon.heap, daemon.from), resident: trendOf(daemon.resident, daemon.from) };
    for (const name of ["heap", "resident"] as const) {
      const trend = trends[name];
      if (trend === undefined || trend.growthKiB <= boundsKiB[name]) continue;
      const { growthKiB, slopeKiB } = trend;
      const growth = `${Math.round(growthKiB)} KiB, ${Math.round(slopeKiB)} KiB with each 1000 calls`;
      violated("memory", `daemon ${index + 1} grew: ${name} by ${growth}`);
    }
    return trends;
  });
}
