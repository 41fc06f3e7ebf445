// SPDX-License-Identifier: MIT

import { type AuditEvent, auditEvents } from "../../database/index.ts";
import { SmartCardError, type WaitOptions } from "../../port/index.ts";
import { dword, waitOf } from "./arguments.ts";
import type { InDatabase } from "./database-choice.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import { ManagerStartedEvent, type StartedEvent } from "./started-event.ts";

/** Options of SCardAudit that C does not have. */
export interface AuditOptions {
  /** Name of the reader; by default that of the only connected card in the context. */
  readonly reader?: string;
  /** Name of the card's type. */
  readonly card?: string;
}

/** The functions about the service itself: whether it has started, its audit log, its memory. */
export function serviceFunctions(foundation: Foundation, inDatabase: InDatabase) {
  /** One event for all, and how often it was given out. */
  let started: { readonly event: ManagerStartedEvent; readonly given: StartedEvent; count: number } | undefined;

  function newEvent(): NonNullable<typeof started> {
    const clock = () => foundation.clock("wait for the resource manager");
    const event = new ManagerStartedEvent(foundation.defaultManager, clock);
    const wait = (limit: WaitOptions = {}): Promise<void> =>
      event.wait(waitOf(limit.timeoutMs, limit.signal, "wait for the resource manager"));
    return { event, given: { wait }, count: 0 };
  }

  return {
    /**
     * Gives the event that is signalled once the default resource manager has started: `await event.wait()` waits for
     * it. All callers share it, and each must release it.
     *
     * @see SCardAccessStartedEvent function (winscard.h), Microsoft
     *
     * **Portability**: on Windows it is a handle for the wait functions. Here the manager is polled, after 100 ms at first
     * and 5 s at most; that takes a `clock` ({@link WinSCardOptions}).
     */
    SCardAccessStartedEvent: async (): Promise<{ readonly event: StartedEvent }> => {
      started ??= newEvent();
      started.count++;
      return { event: started.given };
    },

    /**
     * Releases the event. After the last release, pending waits end with `cancelled`. Further calls do nothing.
     *
     * @see SCardReleaseStartedEvent function (winscard.h), Microsoft
     */
    SCardReleaseStartedEvent: async (): Promise<void> => {
      if (started === undefined) return;
      started.count--;
      if (started.count > 0) return;
      started.event.release();
      started = undefined;
    },

    /**
     * Writes into the audit log of the smart card database that a PIN was accepted or refused. When it has returned the
     * entry is durable. `scard audit` shows the log; the last 10,000 entries are kept.
     *
     * @param event SCARD_AUDIT_CHV_SUCCESS or SCARD_AUDIT_CHV_FAILURE.
     * @throws invalid-parameter (no such event), unsupported-feature (the WinSCard object has no clock), invalid-context;
     * and what keeps the database from being changed
     * @see SCardAudit function (winscard.h), Microsoft
     *
     * **Portability**: Windows writes to its own log, Microsoft-Windows-SmartCard-Audit/Authentication.
     */
    SCardAudit: async (context: SCARDCONTEXT, event: number, options: AuditOptions = {}): Promise<void> => {
      foundation.handles.context(context);
      const kind = auditEventOf(event);
      const [only, ...others] = foundation.handles.cardsOf(context);
      const connected = others.length === 0 ? only?.reader : undefined;
      const reader = options.reader ?? connected;
      const verification = { succeeded: kind === "chv-success", reader, card: options.card };
      await inDatabase(context, (database) => database.audit(verification));
    },

    /**
     * Does nothing, and is not needed: what the functions return is the caller's. It takes anything, so that C code ports
     * line by line.
     *
     * @see SCardFreeMemory function (winscard.h), Microsoft
     */
    SCardFreeMemory: async (_context?: SCARDCONTEXT | null, _memory?: unknown): Promise<void> => {},
  };
}

export type ServiceFunctions = Readonly<ReturnType<typeof serviceFunctions>>;

function auditEventOf(event: number): AuditEvent {
  const number = dword(event, "audit event", "audit");
  const names = Object.keys(auditEvents) as AuditEvent[];
  const name = names.find((candidate) => auditEvents[candidate].number === number);
  if (name !== undefined) return name;
  const allowed = Object.values(auditEvents).map((row) => `${row.name} (${row.number})`);
  throw new SmartCardError("invalid-parameter", `event ${number} is not one of ${allowed.join(", ")}`, {
    operation: "audit",
  });
}
