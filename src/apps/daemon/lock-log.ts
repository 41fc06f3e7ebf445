// SPDX-License-Identifier: MIT

import type { ClientIdentity, Clock, ReaderInspection, TraceEvent } from "../../port/index.ts";
import type { ControlResults, LockSpan } from "./control-results.ts";

/** What is over and kept. */
const MAX_SPANS = 500;

const kinds: Readonly<Record<string, LockSpan["kind"]>> = { "lock-freed": "held", "lock-waited": "waited" };

interface Kept {
  readonly kind: LockSpan["kind"];
  readonly reader: string;
  readonly client: ClientIdentity;
  readonly from: number;
  readonly to: number;
}

/** Who held which lock and who waited for it, from when to when, as the manager has told it. */
export class LockLog {
  readonly #clock: Clock;
  #kept: Kept[] = [];
  /** How many are over so far. */
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the trace of the manager. */
  trace({ at, by, kind, reader, since }: TraceEvent): void {
    const known = kinds[kind];
    if (known === undefined || by === undefined || reader === undefined || since === undefined) return;
    const to = this.#clock.wallTime();
    this.#kept.push({ kind: known, reader, client: by, from: to - (at - since), to });
    this.#last++;
    // Half as many again at times, so that not each one moves all.
    if (this.#kept.length >= MAX_SPANS * 1.5) this.#kept = this.#kept.slice(-MAX_SPANS);
  }

  /** What is over behind the entry `since`, and what goes on. */
  report(since: number, readers: readonly ReaderInspection[]): ControlResults["locks"] {
    const wanted = Math.max(0, this.#last - since);
    const over = wanted === 0 ? [] : this.#kept.slice(-Math.min(wanted, MAX_SPANS));
    return {
      over: over.map(({ client, ...span }) => ({ ...span, client: named(client) })),
      open: readers.flatMap((reader) => this.#openAt(reader)),
      last: this.#last,
      missed: wanted - over.length,
    };
  }

  #openAt({ lock, name: reader, queue }: ReaderInspection): LockSpan[] {
    if (lock === undefined) return [];
    const now = this.#clock.wallTime();
    const waits = queue.map(({ client, waitingMs }) => span("waited", reader, client, now - waitingMs));
    return [span("held", reader, lock.client, now - lock.heldMs), ...waits];
  }
}

function span(kind: LockSpan["kind"], reader: string, client: ClientIdentity, from: number): LockSpan {
  return { kind, reader, client: named(client), from };
}

/** The name of a client is looked up when it is wanted. */
function named({ name, pid, uid }: ClientIdentity): LockSpan["client"] {
  return { name, ...(pid !== undefined && { pid }), ...(uid !== undefined && { uid }) };
}
