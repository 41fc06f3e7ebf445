// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";

/** The error of a selection whose signal was aborted: the error that is the signal's reason, or `cancelled`. */
export function stoppedError({ reason }: AbortSignal): SmartCardError {
  if (reason instanceof SmartCardError) return reason;
  return new SmartCardError(
    "cancelled",
    "the caller gave the selection up",
    { operation: "select card" },
    { cause: reason },
  );
}

/**
 * What a function of the caller answers, which may take any time; when the signal is aborted before, the wait for it
 * ends, and what it answers later goes to `late`.
 *
 * @throws what the function throws; what {@link stoppedError} makes of the signal
 */
export async function unlessStopped<T>(
  signal: AbortSignal,
  run: () => T | Promise<T>,
  late: (value: T) => unknown = () => {},
): Promise<T> {
  if (signal.aborted) throw stoppedError(signal);
  const answer = (async () => run())();
  let stop = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      // A late failure has no caller left.
      answer.then(late).catch(() => {});
      reject(stoppedError(signal));
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([answer, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
