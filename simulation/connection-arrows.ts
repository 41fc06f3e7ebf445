// SPDX-License-Identifier: MIT

import type { Call, ConnectionRecord } from "./records.ts";

/** How a connection stands, as its own calls tell. */
type Standing = "usable" | "reset" | "removed" | "unavailable" | "closed";

const told: Readonly<Record<string, Standing>> = {
  "reset-card": "reset",
  "removed-card": "removed",
  "reader-unavailable": "unavailable",
  "invalid-handle": "closed",
};

/** Follows each connection from one standing to the next. */
export class ConnectionArrows {
  readonly #standings = new WeakMap<ConnectionRecord, Standing>();

  /** The arrow that a call has shown to be taken; undefined where the connection stands as before. */
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
  // A call that was under way may still succeed on a handle that is over.
  if (before === "closed") return before;
  // A disconnect ends the connection however it ends, but for terms that mean nothing.
  if (operation === "disconnect") return outcome === "invalid-value" ? before : "closed";
  if (operation === "reconnect") {
    if (outcome === "done") return "usable";
    // A reconnect that finds no card says so, and leaves the connection as it was.
    return outcome === "reader-unavailable" || outcome === "invalid-handle" ? (told[outcome] ?? before) : before;
  }
  return told[outcome] ?? before;
}
