// SPDX-License-Identifier: MIT

// Signals and timeouts, as scripts pass them and as managers take them.

import { kindOf } from "../../base/binary/index.ts";
import { abortSignal as checkAbortSignal, INFINITE, timeoutOfNumber, type WaitOptions } from "../../port/index.ts";
import type { EndOfWait } from "./exceptions.ts";
import type { SmartCardWaitOptions } from "./extensions.ts";
import type { Conversion } from "./web-idl.ts";

/** AbortSignal: an object of that interface, of this realm or another. */
export const abortSignal: Conversion<AbortSignal> = (value, place) => {
  try {
    return checkAbortSignal(value, { operation: place, path: "signal" });
  } catch (cause) {
    throw new TypeError(`${place} is ${kindOf(value)}; pass the signal of an AbortController`, { cause });
  }
};

/** Whole milliseconds of a DOMHighResTimeStamp, as the DWORD of a timeout; undefined for one that never passes. */
function timeoutOf(timeout: number | undefined): number | undefined {
  if (timeout === undefined) return undefined;
  return timeoutOfNumber(Math.min(Math.max(Math.trunc(timeout), 0), INFINITE));
}

/** The wait of an operation, and how its end is told. */
export function waitOf({ signal, timeout }: SmartCardWaitOptions): {
  readonly wait: WaitOptions;
  readonly end: EndOfWait;
} {
  const timeoutMs = timeoutOf(timeout);
  const wait = { ...(signal !== undefined && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
  return { wait, end: { signal, isTimed: timeoutMs !== undefined } };
}
