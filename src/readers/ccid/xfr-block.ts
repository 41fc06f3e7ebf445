// SPDX-License-Identifier: MIT

import { type Clock, SmartCardError } from "../../port/index.ts";
import type { CcidLimits } from "./limits.ts";
import type { CcidLink, ExchangeOptions } from "./link.ts";
import type { CcidAnswer, CcidCommand } from "./messages.ts";
import { failureOf, slotErrors } from "./slot-errors.ts";

/** One slot of a device, as the parts of its driver use it. */
export interface SlotAccess {
  readonly link: CcidLink;
  readonly slot: number;
  readonly clock: Clock;
  readonly limits: CcidLimits;
}

/** What a slot answers while something else goes on in it. */
const busyErrors: ReadonlySet<number> = new Set([slotErrors.slotBusy, slotErrors.busyWithAutoSequence]);

/**
 * Sends a command, again for a while where the slot says that it is busy: it has not taken the command then. A slot is busy
 * after an abort that it does not know, and while it activates a card on its own.
 */
export async function exchangeWhenFree(
  { clock, limits, link, slot }: SlotAccess,
  command: CcidCommand,
  options: ExchangeOptions,
): Promise<CcidAnswer> {
  let end: number | undefined;
  for (;;) {
    const answer = await link.exchange(slot, command, options);
    const isBusy = answer.status === "failed" && busyErrors.has(answer.error) && answer.icc !== "absent";
    if (!isBusy) return answer;
    const now = clock.now();
    end ??= now + limits.busyMs;
    if (now >= end) return answer;
    await sleep(clock, limits.busyPauseMs, options.signal);
  }
}

/** How often a reader is asked for its first answer: one that has just got its power may lose some. */
const FIRST_ATTEMPTS = 3;

/**
 * The slot status, from a reader that may just have got its power.
 *
 * @throws reader-unavailable when it does not answer, however often it is asked
 */
export async function firstSlotStatus(access: SlotAccess, operation: string, signal: AbortSignal): Promise<CcidAnswer> {
  const { commandMs } = access.limits;
  const options = { operation, waitMs: commandMs, endMs: commandMs, signal };
  for (let attempt = 1; ; attempt++) {
    try {
      return await access.link.exchange(access.slot, { name: "get-slot-status" }, options);
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "comm-error") throw error;
      if (attempt < FIRST_ATTEMPTS) continue;
      throw failureOf("reader-unavailable", `the reader does not answer: ${error.reason}`, operation, error);
    }
  }
}

/** Waits on the clock; the end of the signal ends the wait. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(ms, "ccid pause", end);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
