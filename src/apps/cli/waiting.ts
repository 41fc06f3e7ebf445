// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import type { Terminal } from "./terminal.ts";

/** A wait that the user, the end of the program, or a time limit can end. */
export interface Waiting {
  /** Aborted when the wait has to end. */
  readonly signal: AbortSignal;
  /** Whether it was the time given that ended it. */
  readonly timedOut: boolean;
}

/**
 * Runs a possibly long wait: until the program is asked to end, or for `limitMs` milliseconds. It keeps Node running
 * meanwhile, unlike a wait on a manager in this process.
 */
export async function waiting<T>(
  terminal: Terminal,
  limitMs: number | undefined,
  work: (wait: Waiting) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const wait = { signal: end.signal, timedOut: false };
  const stop = (): void => end.abort(terminal.stop.reason);
  terminal.stop.addEventListener("abort", stop, { once: true });
  if (terminal.stop.aborted) stop();
  const timeUp = (): void => {
    wait.timedOut = !end.signal.aborted;
    end.abort("timeout");
  };
  const cancelLimit = limitMs === undefined ? undefined : nodeClock.schedule(limitMs, "end of the wait", timeUp);
  const alive = setInterval(() => {}, 60_000);
  try {
    return await work(wait);
  } finally {
    clearInterval(alive);
    cancelLimit?.();
    terminal.stop.removeEventListener("abort", stop);
  }
}

/** Serves until the program is asked to end. */
export function untilStopped(terminal: Terminal): Promise<void> {
  return waiting(
    terminal,
    undefined,
    ({ signal }) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      }),
  );
}
