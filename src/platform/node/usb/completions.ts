// SPDX-License-Identifier: MIT

import { isMainThread } from "node:worker_threads";
import type { CancelTimer, Clock } from "../../../port/index.ts";
import type { Koffi } from "../koffi/index.ts";

/** A file with transfers under way. */
export interface Completing {
  readonly fd: number;
  /**
   * Takes those that have ended from the kernel.
   *
   * @param isLast nothing is told of the file after this: its device has gone
   */
  reap(isLast: boolean): void;
}

/** How often it looks where the signal does not reach: it only comes to the main thread. In milliseconds. */
const pollMs = { shortest: 1, longest: 16 } as const;

/** How often it looks besides the signals, should other code of this process have taken the listener off. */
const CHECK_MS = 1000;

/** What the completion of transfers is noticed by. */
export interface CompletionSource {
  /**
   * Calls `listener` when transfers of an open file have ended, until the returned function is called, which is before the file
   * is closed; a last time, with true, when its device has gone. Undefined where a file cannot be waited for.
   */
  watch?(fd: number, listener: (isLast: boolean) => void): (() => void) | undefined;
  /** Calls `listener` when transfers of any file may have ended, until the returned function is called. */
  listen(listener: () => void): () => void;
  /** False where `listen` tells nothing, and one has to look. */
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

/**
 * Node's own loop waits for the files themselves, through koffi: an answer costs one wait and no signal. A thread's loop would
 * have to be empty when the thread ends, and nothing tells when that is, so only the main thread's waits. Without that, signals.
 */
export function loopSource({ node }: Pick<Koffi, "node">, isMain: boolean = isMainThread): CompletionSource {
  const poll = node?.poll;
  if (typeof poll !== "function" || !isMain) return signalSource;
  return {
    ...signalSource,
    watch: (fd, listener) => {
      try {
        // A file of usbfs can be written where a transfer has ended: usbdev_poll in drivers/usb/core/devio.c.
        // Where the device has gone libuv tells an error, and waits no more.
        const handle = poll(fd, { writable: true }, (status) => listener(status < 0));
        handle.unref();
        return () => handle.close();
      } catch {
        return undefined;
      }
    },
  };
}

/** Has the open files look for transfers that have ended. */
export class Completions {
  readonly #clock: Clock;
  readonly #source: CompletionSource;
  /** Files that the loop waits for, and what ends that. */
  readonly #watched = new Map<Completing, () => void>();
  /** The others. */
  readonly #files = new Set<Completing>();
  #stopListening: (() => void) | undefined;
  #cancelTimer: CancelTimer | undefined;
  #pauseMs: number = pollMs.shortest;

  constructor(clock: Clock, source: CompletionSource = signalSource) {
    this.#clock = clock;
    this.#source = source;
  }

  /**
   * A file is open. It is told from now on: a signal that comes before the listener is there is lost.
   *
   * @returns how it is told: `watched`, as long as there is something to reap; or by a `signal` for each transfer
   */
  add(file: Completing): "watched" | "signal" {
    const stop = this.#source.watch?.(file.fd, (isLast) => file.reap(isLast));
    if (stop !== undefined) {
      this.#watched.set(file, stop);
      return "watched";
    }
    this.#files.add(file);
    this.#stopListening ??= this.#source.listen(() => this.#look());
    this.#startTimer();
    return "signal";
  }

  /** A transfer was ordered on a file that is not watched. */
  expect(): void {
    if (this.#source.tells || this.#pauseMs === pollMs.shortest) return;
    this.#stopTimer();
    this.#startTimer();
  }

  /** It is about to be closed. */
  delete(file: Completing): void {
    this.#watched.get(file)?.();
    this.#watched.delete(file);
    if (!this.#files.delete(file) || this.#files.size > 0) return;
    this.#stopTimer();
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #look(): void {
    for (const file of [...this.#files]) file.reap(false);
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
