// SPDX-License-Identifier: MIT

import { type ErrorDetails, SmartCardError } from "./error.ts";
import { STATUS_CHANGE } from "./vocabulary.ts";

/** Bounds of what a context could make grow, the same for every manager. */
export interface ContextLimits {
  /** Connections at once in one context. Stock pcscd serves 200 clients, and each connection of a client manager is one. */
  readonly connectionsPerContext: number;
  /** Outstanding waits in one context. */
  readonly waitsPerContext: number;
  /** Readers in one status query. */
  readonly queriesPerWait: number;
}

/** The limits in force where none are given. */
export const defaultContextLimits: ContextLimits = {
  connectionsPerContext: 1024,
  waitsPerContext: 1024,
  queriesPerWait: 4097,
};

/** The error for a wait above the limit. */
export function tooManyWaits(limit: number, details: ErrorDetails): SmartCardError {
  return new SmartCardError("server-too-busy", `the context has ${limit} outstanding waits, its limit`, details);
}

/** The error for a connection above the limit. */
export function tooManyConnections(limit: number, reader: string): SmartCardError {
  const details = { reader, operation: "connect" };
  return new SmartCardError("no-memory", `the context has ${limit} connections, its limit`, details);
}

/**
 * Checks a status query against the limits.
 *
 * @param waits the outstanding waits of the context
 * @throws server-too-busy (too many waits), no-memory (too many readers in the query)
 */
export function checkStatusWait(readers: number, waits: number, limits: ContextLimits): void {
  const operation = STATUS_CHANGE;
  if (waits >= limits.waitsPerContext) throw tooManyWaits(limits.waitsPerContext, { operation });
  if (readers <= limits.queriesPerWait) return;
  const message = `${readers} readers in one query; the limit is ${limits.queriesPerWait}`;
  throw new SmartCardError("no-memory", message, { operation });
}
