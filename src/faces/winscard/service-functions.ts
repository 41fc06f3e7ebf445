// SPDX-License-Identifier: MIT

import { type AuditEvent, auditEvents } from "../../database/index.ts";
import { SmartCardError, type WaitOptions } from "../../port/index.ts";
import { dword, waitOf } from "./arguments.ts";
import { DeviceFunctions } from "./device-functions.ts";
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
export class ServiceFunctions extends DeviceFunctions {
  readonly #foundation: Foundation;
  /** One event for all, and how often it was given out. */
  #started: { readonly event: ManagerStartedEvent; readonly given: StartedEvent; count: number } | undefined;

  constructor(foundation: Foundation) {
    super(foundation);
    this.#foundation = foundation;
  }

  /**
   * Gives the event that is signalled once the default resource manager has started: `await event.wait()` waits for
   * it. All callers share it, and each must release it.
   *
   * @see SCardAccessStartedEvent function (winscard.h), Microsoft
   *
   * **Portability**: on Windows it is a handle for the wait functions. Here the manager is polled, after 100 ms at first
   * and 5 s at most; that takes a `clock` ({@link WinSCardOptions}).
   */
  readonly SCardAccessStartedEvent = async (): Promise<{ readonly event: StartedEvent }> => {
    this.#started ??= this.#newEvent();
    this.#started.count++;
    return { event: this.#started.given };
  };

  /**
   * Releases the event. After the last release, pending waits end with `cancelled`. Further calls do nothing.
   *
   * @see SCardReleaseStartedEvent function (winscard.h), Microsoft
   */
  readonly SCardReleaseStartedEvent = async (): Promise<void> => {
    if (this.#started === undefined) return;
    this.#started.count--;
    if (this.#started.count > 0) return;
    this.#started.event.release();
    this.#started = undefined;
  };

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
  readonly SCardAudit = async (context: SCARDCONTEXT, event: number, options: AuditOptions = {}): Promise<void> => {
    const database = await this.#foundation.databaseOf(this.#checked(context));
    const kind = auditEventOf(event);
    const [only, ...others] = this.#foundation.handles.cardsOf(context);
    const connected = others.length === 0 ? only?.reader : undefined;
    database.audit.append({
      time: this.#foundation.clock("audit").wallTime(),
      event: kind,
      reader: options.reader ?? connected,
      card: options.card,
      who: this.#foundation.program,
    });
  };

  /**
   * Does nothing, and is not needed: what the functions return is the caller's. It takes anything, so that C code ports
   * line by line.
   *
   * @see SCardFreeMemory function (winscard.h), Microsoft
   */
  readonly SCardFreeMemory = async (_context?: SCARDCONTEXT | null, _memory?: unknown): Promise<void> => {};

  #newEvent(): { readonly event: ManagerStartedEvent; readonly given: StartedEvent; count: number } {
    const clock = () => this.#foundation.clock("wait for the resource manager");
    const event = new ManagerStartedEvent(this.#foundation.defaultManager, clock);
    const wait = (limit: WaitOptions = {}): Promise<void> =>
      event.wait(waitOf(limit.timeoutMs, limit.signal, "wait for the resource manager"));
    return { event, given: { wait }, count: 0 };
  }

  #checked(context: SCARDCONTEXT): SCARDCONTEXT {
    this.#foundation.handles.context(context);
    return context;
  }
}

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
