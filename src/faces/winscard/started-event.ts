// SPDX-License-Identifier: MIT

import {
  type CancelTimer,
  type Clock,
  type ErrorCode,
  type ResourceManager,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";

/** The first and the longest pause between two polls, in milliseconds. Each is twice the last. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** The codes of a manager that does not run. One that refuses, or is busy, has started. */
const notStarted: readonly ErrorCode[] = ["no-service", "service-stopped"];
const refusals: readonly ErrorCode[] = ["server-too-busy", "security-violation", "no-memory"];

/** The event of the resource manager's start: SCardAccessStartedEvent returns it. */
export interface StartedEvent {
  /**
   * Waits until the resource manager has started; not at all where it has. The event stays signalled while the manager
   * runs, so each wait polls again.
   *
   * @param wait.timeoutMs milliseconds; 0 asks and does not wait, INFINITE or nothing waits for ever.
   * @throws timeout, cancelled (by the signal, or SCardReleaseStartedEvent), invalid-handle (it was released before),
   * unsupported-feature (the manager is not there, and the WinSCard object has no clock to wait by); and what else keeps
   * the manager from being asked
   */
  wait(wait?: WaitOptions): Promise<void>;
}

/** The event, over a manager that can only be polled. */
export class ManagerStartedEvent implements StartedEvent {
  readonly #manager: () => ResourceManager | Promise<ResourceManager>;
  readonly #clock: () => Clock;
  readonly #released = new AbortController();

  constructor(manager: () => ResourceManager | Promise<ResourceManager>, clock: () => Clock) {
    this.#manager = manager;
    this.#clock = clock;
  }

  /** Ends all waits. */
  release(): void {
    this.#released.abort();
  }

  readonly wait = async ({ timeoutMs, signal }: WaitOptions = {}): Promise<void> => {
    if (this.#released.signal.aborted) throw failure("invalid-handle", "the event was released");
    if (signal?.aborted === true) throw cancelled(signal);
    if (await this.#hasStarted()) return;
    if (timeoutMs === 0) throw failure("timeout", "the resource manager has not started");
    const clock = this.#clock();
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const leftMs = deadline - clock.now();
      if (leftMs <= 0) throw failure("timeout", `the resource manager did not start within ${timeoutMs} ms`);
      await this.#pause(clock, Math.min(pauseMs, leftMs), signal);
      if (await this.#hasStarted()) return;
    }
  };

  async #hasStarted(): Promise<boolean> {
    try {
      const manager = await this.#manager();
      await (await manager.establishContext()).release();
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (notStarted.includes(error.code)) return false;
      if (!refusals.includes(error.code)) throw error;
    }
    return true;
  }

  #pause(clock: Clock, pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
    const released = this.#released.signal;
    return new Promise((resolve, reject) => {
      let stop: CancelTimer = () => {};
      const over = (): void => {
        stop();
        signal?.removeEventListener("abort", abort);
        released.removeEventListener("abort", release);
      };
      const abort = (): void => {
        over();
        reject(cancelled(signal));
      };
      const release = (): void => {
        over();
        reject(failure("cancelled", "the event was released"));
      };
      // Either may have happened while the manager was asked.
      if (signal?.aborted === true) return abort();
      if (released.aborted) return release();
      signal?.addEventListener("abort", abort);
      released.addEventListener("abort", release);
      stop = clock.schedule(pauseMs, "look for the resource manager", () => {
        over();
        resolve();
      });
    });
  }
}

function failure(code: ErrorCode, message: string, cause?: unknown): SmartCardError {
  return new SmartCardError(code, message, { operation: "wait for the resource manager" }, { cause });
}

function cancelled(signal: AbortSignal | undefined): SmartCardError {
  return failure("cancelled", "the wait was given up", signal?.reason);
}
