// SPDX-License-Identifier: MIT

import { isMainThread } from "node:worker_threads";
import type { CancelTimer, Clock } from "../../../port/index.ts";

/** A file with transfers under way: takes those that have ended from the kernel. */
export interface Completing {
  reap(): void;
}

/** How often it looks where the signal does not reach: it only comes to the main thread. In milliseconds. */
const pollMs = { shortest: 1, longest: 16 } as const;

/** How often it looks besides the signals, should other code of this process have taken the listener off. */
const CHECK_MS = 1000;

/** What the completion of transfers is noticed by. */
export interface CompletionSource {
  /** Calls `listener` when transfers may have ended, until the returned function is called. */
  listen(listener: () => void): () => void;
  /** False where it tells nothing, and one has to look. */
  readonly tells: boolean;
}

/**
 * The kernel sends a signal at the end of each transfer. Node's own loop waits for signals, so no thread waits for USB, and no
 * answer takes the way over another thread. SIGURG is ignored by default, so one that comes late does no harm.
 */
export const signalSource: CompletionSource = {
  tells: isMainThread,
  listen(listener) {
    if (!isMainThread) return () => undefined;
    process.on("SIGURG", listener);
    return () => void process.off("SIGURG", listener);
  },
};

/** Has the open files look for transfers that have ended. */
export class Completions {
  readonly #clock: Clock;
  readonly #source: CompletionSource;
  readonly #files = new Set<Completing>();
  #stopListening: (() => void) | undefined;
  #cancelTimer: CancelTimer | undefined;
  #pauseMs: number = pollMs.shortest;

  constructor(clock: Clock, source: CompletionSource = signalSource) {
    this.#clock = clock;
    this.#source = source;
  }

  /** A file is open. It is told from now on: a signal that comes before the listener is there is lost. */
  add(file: Completing): void {
    this.#files.add(file);
    this.#stopListening ??= this.#source.listen(() => this.#look());
    this.#startTimer();
  }

  /** A transfer was ordered. */
  expect(): void {
    if (this.#source.tells || this.#pauseMs === pollMs.shortest) return;
    this.#stopTimer();
    this.#startTimer();
  }

  /** It is closed. */
  delete(file: Completing): void {
    this.#files.delete(file);
    if (this.#files.size > 0) return;
    this.#stopTimer();
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #look(): void {
    for (const file of [...this.#files]) file.reap();
  }

  #startTimer(): void {
    if (this.#cancelTimer !== undefined) return;
    const pause = this.#source.tells ? CHECK_MS : this.#pauseMs;
    const look = (): void => {
      this.#cancelTimer = undefined;
      this.#pauseMs = Math.min(2 * this.#pauseMs, pollMs.longest);
      this.#look();
      if (this.#files.size > 0) this.#startTimer();
    };
    this.#cancelTimer = this.#clock.schedule(pause, "usb-transfers", look, { background: true });
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#pauseMs = pollMs.shortest;
  }
}
