// SPDX-License-Identifier: MIT

import type { ClientIdentity } from "../../port/index.ts";
import type { ShownReport } from "../console/index.ts";
import { Ring } from "./ring.ts";

/** A time in which a client held a reader's lock, or waited for its turn. */
export interface LockSpan {
  readonly reader: string;
  readonly client: ClientIdentity;
  readonly kind: "held" | "waited";
  /** Milliseconds since 1970 UTC. */
  readonly from: number;
  /** Undefined while it goes on. */
  readonly to: number | undefined;
}

const MAX_SPANS = 500;
/** A lock that began so much earlier or later than the one before is another one, in milliseconds: times are measured anew in each report. */
const SAME_MS = 50;

/** Who held which lock, and who waited for it, as the daemon's reports tell: what is shorter than the time between two of them may be missing. */
export class LockHistory {
  readonly #over = new Ring<LockSpan>(MAX_SPANS);
  #open: readonly LockSpan[] = [];

  /** All that is known: first what is over, oldest first. */
  get spans(): readonly LockSpan[] {
    return [...this.#over.items, ...this.#open];
  }

  /** What the daemon tells at a time: what it does not tell any more is over. */
  report({ report, time }: ShownReport): void {
    const told = report.readers.flatMap(({ lock, name: reader, queue }): LockSpan[] => [
      ...(lock === undefined ? [] : [spanOf(reader, lock.client, "held", time - lock.heldMs)]),
      ...queue.map(({ client, waitingMs }) => spanOf(reader, client, "waited", time - waitingMs)),
    ]);
    const left = [...this.#open];
    this.#open = told.map((span) => {
      const place = left.findIndex((one) => isSameSpan(one, span));
      return place < 0 ? span : (left.splice(place, 1)[0] ?? span);
    });
    this.#over.add(...left.map((span) => ({ ...span, to: time })));
  }

  /** The daemon has gone: nothing goes on. */
  end(time: number): void {
    this.#over.add(...this.#open.map((span) => ({ ...span, to: time })));
    this.#open = [];
  }
}

function spanOf(reader: string, client: ClientIdentity, kind: LockSpan["kind"], from: number): LockSpan {
  return { reader, client, kind, from, to: undefined };
}

function isSameSpan(one: LockSpan, other: LockSpan): boolean {
  const isNear = Math.abs(one.from - other.from) <= SAME_MS;
  return one.reader === other.reader && one.kind === other.kind && isSameClient(one.client, other.client) && isNear;
}

function isSameClient(one: ClientIdentity, other: ClientIdentity): boolean {
  return one.pid === other.pid && one.name === other.name;
}

/** The clients that held a reader's lock while another one waited, in the order in which they held it. */
export function holdersDuring(wait: LockSpan, spans: readonly LockSpan[], now: number): readonly ClientIdentity[] {
  const { to = now } = wait;
  return spans
    .filter(({ client, from, kind, reader, to: end = now }) => {
      const isOther = kind === "held" && reader === wait.reader && !isSameClient(client, wait.client);
      return isOther && from < to && end > wait.from;
    })
    .toSorted((one, other) => one.from - other.from)
    .map(({ client }) => client);
}
