// SPDX-License-Identifier: MIT

import { defaultServerLimits } from "../../faces/pcsclite-server/index.ts";
import { freeDescriptors } from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** So many clients above the limit are accepted and told that the daemon is too busy; further ones are disconnected. */
const TURNED_AWAY_AT_ONCE = 256;

/** Descriptors that are kept for the listeners, the control socket, readers, cards and the log. */
const KEPT_DESCRIPTORS = 24;

/** With room for fewer clients there is no service. */
const LEAST_SESSIONS = 4;

/** How many connections are let in for so many clients: some more, to be told that there is no room. */
export function connectionsFor(sessions: number): number {
  return sessions + Math.min(sessions, TURNED_AWAY_AT_ONCE);
}

/**
 * How many clients there can be: each takes a descriptor, and some are kept for all else. Fewer than configured are told in
 * the log.
 *
 * @throws no-memory where there is no room for any client
 */
export function sessionsIn({ limits }: DaemonConfig, log: Log): number {
  const { sessions } = { ...defaultServerLimits, ...limits };
  const free = freeDescriptors();
  if (free === undefined || free >= sessions + TURNED_AWAY_AT_ONCE + KEPT_DESCRIPTORS) return sessions;
  // As many again are let in to be told that there is no room.
  const room = Math.min(sessions, Math.floor((free - KEPT_DESCRIPTORS) / 2));
  const remedy = "raise the limit (ulimit -n, or LimitNOFILE= of the unit)";
  if (room < LEAST_SESSIONS) {
    const message = `this process may open ${Math.max(free, 0)} more files, which is too few for clients: ${remedy}`;
    throw new SmartCardError("no-memory", message);
  }
  const message = `there is room for ${room} clients, not ${sessions}: this process may open ${free} more files`;
  log.write("warn", message, { remedy });
  return room;
}

/** The limits that one part of the daemon knows. */
export function pick(limits: DaemonConfig["limits"], known: object): object {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => name in known));
}
