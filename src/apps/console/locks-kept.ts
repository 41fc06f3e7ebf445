// SPDX-License-Identifier: MIT

import type { ControlResults, LockSpan } from "../daemon/index.ts";
import type { ShownLocks } from "./messages.ts";

/** What is over and kept for pages; what goes on and is told. */
const MAX_OVER = 500;
const MAX_OPEN = 256;

/** The locks of the daemon, for pages that have heard of some of them. */
export class LocksKept {
  #over: readonly { readonly number: number; readonly span: LockSpan }[] = [];
  #open: readonly LockSpan[] = [];
  /** How many are over, or were missed, since the console was started. */
  #last = 0;

  get last(): number {
    return this.#last;
  }

  /** What the daemon has told since it was asked before. */
  add({ missed, open, over }: Omit<ControlResults["locks"], "last">): void {
    this.#open = open.slice(0, MAX_OPEN);
    this.#last += missed;
    this.#over = [...this.#over, ...over.map((span) => ({ number: ++this.#last, span }))].slice(-MAX_OVER);
  }

  /** The daemon has ended: nothing goes on. */
  end(time: number): void {
    this.add({ open: [], over: this.#open.map((span) => ({ ...span, to: time })), missed: 0 });
  }

  /** What a page is told that knows all up to the entry `since`; undefined for one that knows nothing. */
  behind(since: number | undefined): ShownLocks {
    const over = this.#over.filter(({ number }) => number > (since ?? 0)).map(({ span }) => span);
    // What had gone before a page was opened it does not miss.
    return { open: this.#open, over, missed: since === undefined ? 0 : this.#last - since - over.length };
  }
}
