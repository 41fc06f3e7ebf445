// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import type { PeerCredentials, UnixConnection } from "../../platform/node/unix/index.ts";
import { Arrivals } from "./arrivals.ts";

/** Of a client that must not be looked at before its turn. */
function credentialsOf(uid: number): PeerCredentials {
  const tooEarly = (): never => {
    throw new Error("a client is not looked at before its turn");
  };
  return {
    pid: 1,
    uid,
    gid: 1,
    get groups() {
      return tooEarly();
    },
    get started() {
      return tooEarly();
    },
  };
}

function arrivals(perUser = 3) {
  const log: string[] = [];
  const works: (() => void)[] = [];
  const made = new Arrivals({
    inTurn: (uid, work) => {
      log.push(`${uid} waits`);
      works.push(work);
    },
    perUser,
    accept: ({ credentials }) => log.push(`${credentials?.uid} is let in`),
    refused: (uid, waiting) => log.push(`${uid} is refused beside ${waiting}`),
  });
  const arrive = (uid: number | undefined, isGone = false): void => {
    made.arrived({
      credentials: uid === undefined ? undefined : credentialsOf(uid),
      isGone,
      listen: () => {},
      send: () => {},
      unsentBytes: 0,
      close: (reason, how) => log.push(`${uid} is closed: ${reason}, at once: ${how?.atOnce}`),
      pause: () => {},
      resume: () => {},
    } satisfies UnixConnection);
  };
  const turn = (): void => works.shift()?.();
  return { arrive, log, turn };
}

it("let in in the user's turn, and not before", () => {
  const { arrive, log, turn } = arrivals();
  arrive(1000);
  expect(log).toEqual(["1000 waits"]);
  turn();
  expect(log).toEqual(["1000 waits", "1000 is let in"]);
});

it("are not looked at when they have gone by then", () => {
  const { arrive, log, turn } = arrivals();
  arrive(1000, true);
  turn();
  expect(log).toEqual(["1000 waits", "1000 is closed: the client has gone, at once: true"]);
});

it("of one user wait up to a number, which comes back; others are let in", () => {
  const { arrive, log, turn } = arrivals(2);
  for (let count = 0; count < 3; count++) arrive(1000);
  expect(log.slice(2)).toEqual([
    "1000 is closed: too many clients wait to be let in, at once: true",
    "1000 is refused beside 2",
  ]);
  log.length = 0;
  arrive(1001);
  turn();
  arrive(1000);
  expect(log).toEqual(["1001 waits", "1000 is let in", "1000 waits"]);
});

it.each([0, undefined])("of uid %s wait all, as they are bound by the total", (uid) => {
  const { arrive, log } = arrivals(2);
  for (let count = 0; count < 5; count++) arrive(uid);
  expect(log).toEqual(Array.from({ length: 5 }, () => `${uid} waits`));
});
