// SPDX-License-Identifier: MIT

import type { Call, ConnectionRecord } from "./records.ts";

/** The state of a connection, derived from its own calls. */
type Standing = "usable" | "reset" | "removed" | "unavailable" | "closed";

const told: Readonly<Record<string, Standing>> = {
  "reset-card": "reset",
  "removed-card": "removed",
  "reader-unavailable": "unavailable",
  "invalid-handle": "closed",
};

/** Follows each connection from one state to the next. */
export class ConnectionTransitions {
  readonly #standings = new WeakMap<ConnectionRecord, Standing>();

  /** The state transition that a call shows; undefined without a change. */
  taken({ connection, operation, outcome }: Call): string | undefined {
    if (connection === undefined || outcome === undefined) return undefined;
    const before = this.#standings.get(connection) ?? "usable";
    const next = standingAfter(before, operation, outcome);
    if (next === before) return undefined;
    this.#standings.set(connection, next);
    return `connection ${before} -> ${next}`;
  }
}

function standingAfter(before: Standing, operation: string, outcome: string): Standing {
  // A call that was running may still succeed on a closed handle.
  if (before === "closed") return before;
  // A disconnect always ends the connection, except with invalid arguments.
  if (operation === "disconnect") return outcome === "invalid-value" ? before : "closed";
  if (operation === "reconnect") {
    if (outcome === "done") return "usable";
    // A reconnect without a card fails, and does not change the connection.
    return outcome === "reader-unavailable" || outcome === "invalid-handle" ? (told[outcome] ?? before) : before;
  }
  return told[outcome] ?? before;
}
