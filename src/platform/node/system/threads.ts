// SPDX-License-Identifier: MIT

/** How long a native call may last: it is answered at once, or another program may hold it up. */
export type CallKind = "prompt" | "patient";

/** koffi takes 256 calls at a time (max_async_calls) and throws for the next; others in this process need some too. */
const MAX_CALLS = 64;

/** The threads of Node's pool where UV_THREADPOOL_SIZE says nothing else. */
const DEFAULT_THREADS = 4;

interface Waiting {
  readonly kind: CallKind;
  readonly start: () => void;
}

/**
 * Limits the threads of blocking calls. Native calls run on the threads of Node's pool, usually four, which file access
 * and name look-ups use as well. A call blocked by another program occupies its thread meanwhile. So all such calls
 * together get one thread less than the pool has: calls that are answered at once, above all those of a connection with a
 * transaction, always find a thread, and the transaction can end.
 */
export class Threads {
  /** The threads of the pool. */
  readonly count: number;
  readonly #patientLimit: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #patient = 0;

  constructor(count: number) {
    this.count = count;
    this.#patientLimit = Math.max(1, count - 1);
  }

  /** Runs a call when there is a thread for it, in the order of the calls of its kind. */
  run<T>(kind: CallKind, call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        this.#running++;
        if (kind === "patient") this.#patient++;
        call()
          .finally(() => {
            this.#running--;
            if (kind === "patient") this.#patient--;
            this.#next();
          })
          .then(resolve, reject);
      };
      this.#waiting.push({ kind, start });
      this.#next();
    });
  }

  #next(): void {
    for (;;) {
      const at = this.#waiting.findIndex(({ kind }) => this.#hasRoom(kind));
      const [next] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (next === undefined) return;
      next.start();
    }
  }

  #hasRoom(kind: CallKind): boolean {
    return this.#running < MAX_CALLS && (kind === "prompt" || this.#patient < this.#patientLimit);
  }
}

/** How many threads the pool has: UV_THREADPOOL_SIZE, 1 to 1024. */
export function poolSize(setting: string | undefined): number {
  const count = Number.parseInt(setting ?? "", 10);
  // libuv takes anything else than a positive number for one thread.
  if (Number.isNaN(count)) return setting === undefined ? DEFAULT_THREADS : 1;
  return Math.min(Math.max(count, 1), 1024);
}
