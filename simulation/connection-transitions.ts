// SPDX-License-Identifier: MIT

import type { Call, ConnectionRecord } from "./records.ts";

/** The state of a connection, derived from its own calls. */
type ConnectionState = "usable" | "reset" | "removed" | "unavailable" | "closed";

const stateByError: Readonly<Record<string, ConnectionState>> = {
  "reset-card": "reset",
  "removed-card": "removed",
  "reader-unavailable": "unavailable",
  "invalid-handle": "closed",
};

/** Follows each connection from one state to the next. */
export class ConnectionTransitions {
  readonly #states = new WeakMap<ConnectionRecord, ConnectionState>();

  /** The state transition that a call shows; undefined without a change. */
  taken({ connection, operation, outcome }: Call): string | undefined {
    if (connection === undefined || outcome === undefined) return undefined;
    const before = this.#states.get(connection) ?? "usable";
    const next = stateAfter(before, operation, outcome);
    if (next === before) return undefined;
    this.#states.set(connection, next);
    return `connection ${before} -> ${next}`;
  }
}

function stateAfter(before: ConnectionState, operation: string, outcome: string): ConnectionState {
  // A call that was running may still succeed on a closed handle.
  if (before === "closed") return before;
  // A disconnect always ends the connection, except with invalid arguments.
  if (operation === "disconnect") return outcome === "invalid-value" ? before : "closed";
  if (operation === "reconnect") {
    if (outcome === "done") return "usable";
    // A reconnect without a card fails, and does not change the connection.
    return outcome === "reader-unavailable" || outcome === "invalid-handle"
      ? (stateByError[outcome] ?? before)
      : before;
  }
  return stateByError[outcome] ?? before;
}
