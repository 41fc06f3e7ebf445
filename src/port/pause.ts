// SPDX-License-Identifier: MIT

import { abortedError } from "./arguments.ts";
import type { Clock, ScheduleOptions } from "./runtime.ts";

/** How to pause. */
export interface PauseOptions extends ScheduleOptions {
  /** Ends the pause early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for a while. Resolves with true when the time has passed, with false as soon as the signal is aborted.
 *
 * @param delayMs milliseconds
 * @param name says what the pause is for, in traces
 */
export function pause(clock: Clock, delayMs: number, name: string, options: PauseOptions = {}): Promise<boolean> {
  const { signal, ...schedule } = options;
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const aborted = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.schedule(
      delayMs,
      name,
      () => {
        signal?.removeEventListener("abort", aborted);
        resolve(true);
      },
      schedule,
    );
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** Waits for a while. @throws cancelled (the signal is aborted before the end) */
export async function pauseOrFail(
  clock: Clock,
  delayMs: number,
  operation: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!(await pause(clock, delayMs, operation, { signal }))) throw abortedError(operation, signal);
}

/**
 * The outcome of work, or what `late` returns or throws where the work takes longer than `limitMs` milliseconds. The work is
 * not stopped; what comes of it later has no effect.
 *
 * @param name says what is waited for, in traces
 */
export function within<T>(clock: Clock, limitMs: number, name: string, work: Promise<T>, late: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(limitMs, name, () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    });
    work.finally(cancel).then(resolve, reject);
  });
}
