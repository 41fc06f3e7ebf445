// SPDX-License-Identifier: MIT

import type { ClientIdentity } from "../../port/index.ts";
import type { ShownLocks } from "../console/index.ts";
import { Ring } from "./ring.ts";

/** A time in which a client held a reader's lock, or waited for it or its holder. `to` is missing while it goes on. */
export type LockSpan = ShownLocks["open"][number];

const MAX_SPANS = 500;

/** Who held which lock, and who waited for it, as the daemon has told. */
export class LockHistory {
  readonly #over = new Ring<LockSpan>(MAX_SPANS);
  #open: readonly LockSpan[] = [];
  #missed = 0;

  /** All that is known: first what is over, oldest first. */
  get spans(): readonly LockSpan[] {
    return [...this.#over.items, ...this.#open];
  }

  /** How many are not in it that were over between two messages. */
  get missed(): number {
    return this.#missed;
  }

  /** What the daemon tells: what goes on, and what is over since. */
  told({ missed, open, over }: ShownLocks): void {
    this.#over.add(...over);
    this.#open = open;
    this.#missed += missed;
  }

  /** The console tells all anew. */
  clear(): void {
    this.#over.clear();
    this.#open = [];
    this.#missed = 0;
  }
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
