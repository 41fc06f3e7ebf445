// SPDX-License-Identifier: MIT

import type { Clock } from "../../port/index.ts";

/** What a failed write says: the code of the system, such as `ENOSPC`. */
type WriteError = { readonly code?: string | undefined; readonly message: string };

/** Where the lines of a log go. */
export interface LogTarget {
  /** Writes some of the bytes, at least one, and says how many; never blocks the caller. */
  write(bytes: Uint8Array, done: (error: WriteError | null, written: number) => void): void;
}

/** Limits of a log. */
export interface LogLimits {
  /** With so many bytes unwritten, because nothing reads them, further lines are dropped. */
  readonly unwrittenBytes: number;
  /** So many bytes are written at once, or one line. */
  readonly batchBytes: number;
  /** After so long a full pipe is tried again, in milliseconds. */
  readonly fullRetryMs: number;
  /** After so long a target that has failed is tried again, in milliseconds. */
  readonly failedRetryMs: number;
}

/** The limits in force where none are given. */
const defaultLogLimits: LogLimits = {
  unwrittenBytes: 1024 * 1024,
  batchBytes: 65_536,
  fullRetryMs: 100,
  failedRetryMs: 1000,
};

/** Lines on their way, and those that were lost before them and are told with them. */
interface Batch {
  bytes: Uint8Array;
  readonly lines: number;
  readonly lost: number;
}

const LINE_FEED = 0x0a;

/**
 * Writes lines, in their order, to something that may fail: a full disk, a closed terminal, a pipe that is full. A
 * failure loses lines and nothing else. They are counted, and told as soon as something can be written again.
 */
export class LogSink {
  readonly #target: LogTarget;
  readonly #clock: Clock;
  readonly #limits: LogLimits;
  readonly #lostLine: (count: number, reason: string) => string;
  readonly #encoder = new TextEncoder();
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #batch: Batch | undefined;
  #writing = false;
  #cancelRetry: (() => void) | undefined;
  #lost = 0;
  #reason = "";
  #midLine = false;
  #ended: (() => void) | undefined;
  #over = false;

  /** @param lostLine the line that tells how many lines were lost, and why */
  constructor(
    target: LogTarget,
    options: {
      readonly clock: Clock;
      readonly lostLine: (count: number, reason: string) => string;
      readonly limits?: Partial<LogLimits>;
    },
  ) {
    this.#target = target;
    this.#clock = options.clock;
    this.#lostLine = options.lostLine;
    this.#limits = { ...defaultLogLimits, ...options.limits };
  }

  /** Lines that were lost and not told yet. */
  get lost(): number {
    return this.#lost + (this.#batch?.lost ?? 0);
  }

  /** Whether the system has not finished a write that it was given: it may never do. */
  get writing(): boolean {
    return this.#writing;
  }

  /** Takes a line, its line break among it. Never throws, never waits. */
  write(line: string): void {
    const bytes = this.#encoder.encode(line);
    if (this.#queuedBytes + bytes.length > this.#limits.unwrittenBytes) {
      this.#lost++;
      this.#reason ||= "too much is unwritten";
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#next();
  }

  /** What is not written yet, for a last try before the process ends by force. */
  unwritten(): Uint8Array {
    return joined([...(this.#batch ? [this.#batch.bytes] : []), ...this.#queue]);
  }

  /** Settles when everything is written, or `waitMs` milliseconds are over; a failure is not tried again. */
  async end(waitMs: number): Promise<void> {
    if (!this.#writing) this.#resume();
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(waitMs, "log-end", resolve);
      this.#ended = () => {
        cancel();
        resolve();
      };
    });
    // A pipe that is still full is not tried again: that would keep the process alive for ever.
    this.#over = true;
    this.#cancelRetry?.();
  }

  get #isIdle(): boolean {
    return this.#batch === undefined && this.#queue.length === 0;
  }

  #resume(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#next();
  }

  #next(): void {
    if (this.#writing || this.#cancelRetry !== undefined) return;
    this.#batch ??= this.#takeBatch();
    if (this.#batch === undefined) {
      this.#ended?.();
      return;
    }
    this.#writing = true;
    const batch = this.#batch;
    this.#target.write(batch.bytes, (error, written) => {
      this.#writing = false;
      if (error !== null) this.#failed(batch, error);
      else this.#wrote(batch, written);
    });
  }

  #takeBatch(): Batch | undefined {
    if (this.#queue.length === 0) return undefined;
    const pieces: Uint8Array[] = [];
    const lost = this.#lost;
    if (lost > 0) {
      const line = this.#lostLine(lost, this.#reason);
      pieces.push(this.#encoder.encode(this.#midLine ? `\n${line}` : line));
      this.#lost = 0;
      this.#reason = "";
    }
    let lines = 0;
    for (let size = 0; size < this.#limits.batchBytes; lines++) {
      const line = this.#queue.shift();
      if (line === undefined) break;
      pieces.push(line);
      size += line.length;
      this.#queuedBytes -= line.length;
    }
    return { bytes: joined(pieces), lines, lost };
  }

  #wrote(batch: Batch, written: number): void {
    if (written > 0) this.#midLine = batch.bytes[written - 1] !== LINE_FEED;
    batch.bytes = batch.bytes.subarray(written);
    if (batch.bytes.length === 0) this.#batch = undefined;
    this.#next();
  }

  #failed(batch: Batch, error: WriteError): void {
    const isFull = error.code === "EAGAIN" || error.code === "EINTR";
    if (!isFull) {
      this.#lost += batch.lines + batch.lost;
      this.#reason = error.code ?? error.message;
      this.#batch = undefined;
      if (this.#ended !== undefined) {
        this.#ended();
        return;
      }
    }
    if (this.#over) return;
    const waitMs = isFull ? this.#limits.fullRetryMs : this.#limits.failedRetryMs;
    this.#cancelRetry = this.#clock.schedule(waitMs, "log-retry", () => {
      this.#cancelRetry = undefined;
      this.#next();
    });
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
