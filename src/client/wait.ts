// SPDX-License-Identifier: MIT

import { type CancelTimer, type Clock, checkWait, SmartCardError, Wait, type WaitOptions } from "../pcsc/index.ts";

/** A failure of ours, for anything that is thrown. */
export function asFailure(error: unknown): SmartCardError {
  return error instanceof SmartCardError ? error : new SmartCardError("internal-error", String(error));
}

/** Waits for a while. @throws timeout (the deadline comes before its end), cancelled */
export function pause(clock: Clock, operation: string, ms: number, options: WaitOptions): Promise<void> {
  checkWait(operation, options);
  return new Promise((resolve, reject) => {
    let cancelTimer: CancelTimer | undefined;
    const wait = new Wait({ clock, operation }, options, (error) => {
      cancelTimer?.();
      reject(error);
    });
    cancelTimer = clock.schedule(ms, operation, () => {
      wait.over();
      resolve();
    });
  });
}
