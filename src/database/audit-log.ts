// SPDX-License-Identifier: MIT

import { checkTextOf, isObject, refused } from "./arguments.ts";
import { type AuditEntry, auditEvents } from "./audit-entry.ts";
import { MAX_AUDIT_ENTRIES, MAX_AUDIT_TEXT_LENGTH } from "./limits.ts";
import type { Store } from "./store.ts";

/** The log of PIN verifications that programs report. Entries are only ever added; the last 10,000 are kept. */
export class AuditLog {
  readonly #store: Store;

  /** @internal A database makes it. */
  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Adds an entry, durably. Texts of more than 255 characters are cut.
   *
   * @throws invalid-parameter for an invalid event or time; and as {@link Store.update}
   * @see SCardAudit
   */
  append(entry: AuditEntry): void {
    if (!isObject(entry)) throw refused("entry", entry, "pass an object with time and event");
    if (typeof entry.event !== "string" || !Object.hasOwn(auditEvents, entry.event))
      throw refused("entry.event", entry.event, `give one of ${Object.keys(auditEvents).join(", ")}`);
    if (!Number.isFinite(entry.time)) throw refused("entry.time", entry.time, "give milliseconds since 1970");
    for (const name of ["reader", "card", "who"] as const) {
      if (entry[name] !== undefined) checkTextOf(`entry.${name}`, entry[name]);
    }
    this.#store.appendAudit(
      {
        time: Math.round(entry.time),
        event: entry.event,
        reader: cut(entry.reader),
        card: cut(entry.card),
        who: cut(entry.who),
      },
      MAX_AUDIT_ENTRIES,
    );
  }

  /** The last entries, oldest first: all that are kept, or `limit` of them. */
  entries(limit: number = MAX_AUDIT_ENTRIES): AuditEntry[] {
    if (typeof limit !== "number" || Number.isNaN(limit)) throw refused("limit", limit, "give a number of entries");
    return this.#store.readAudit(Math.min(limit, MAX_AUDIT_ENTRIES)).map((entry) => ({ ...entry }));
  }
}

function cut(text: string | undefined): string | undefined {
  // A log is shown on terminals, which interpret control characters; and half a surrogate pair cannot be stored.
  return text?.slice(0, MAX_AUDIT_TEXT_LENGTH).replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, "\u{fffd}");
}
