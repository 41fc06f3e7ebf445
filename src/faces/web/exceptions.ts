// SPDX-License-Identifier: MIT

import {
  type ErrorCode,
  errorFromNumber,
  errorName,
  errorNumber,
  SmartCardError as PcscError,
} from "../../port/index.ts";
import { type DomExceptionName, domException, isDomException } from "./dom-exception.ts";
import type { SmartCardResponseCode } from "./idl.ts";
import { makeSmartCardError, responseCodes } from "./smart-card-error.ts";

/** The wait of an operation, whose end has an exception of its own. */
export interface EndOfWait {
  /** Aborted: its reason is what the promise is rejected with. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the deadline is one of this package, and not of the draft. */
  readonly isTimed?: boolean;
}

/** Draft, SmartCardError interface, steps 19 to 21 of the corresponding exception. */
const domExceptionNames: Partial<Record<ErrorCode, DomExceptionName>> = {
  "invalid-handle": "InvalidStateError",
  "service-stopped": "InvalidStateError",
  shutdown: "AbortError",
};

/**
 * The exception that corresponds to the code of a PC/SC call. Draft, SmartCardError interface.
 *
 * @param failure what the manager has thrown; it becomes the cause
 */
function correspondingException(failure: unknown, { isTimed = false, signal }: EndOfWait = {}): unknown {
  if (!(failure instanceof PcscError)) return exceptionOfOthers(failure);
  if (failure.code === "cancelled" && signal?.aborted) return signal.reason;
  if (failure.code === "timeout" && isTimed) return domException("TimeoutError", failure.message, failure);
  const code = pcscCode(failure.code);
  // Steps 2 to 17.
  if (isResponseCode(code)) {
    return makeSmartCardError(code, failure.message, { holder: failure.details.holder, cause: failure });
  }
  // Step 18.
  if (code === "invalid-parameter") return new TypeError(failure.message, { cause: failure });
  // Steps 19 to 22.
  return domException(domExceptionNames[code] ?? "UnknownError", failure.message, failure);
}

const ofManagers = new WeakSet();

/** {@link correspondingException}, remembered as one whose words are not of this room. */
export function exceptionOfManager(failure: unknown, wait?: EndOfWait): unknown {
  const exception = correspondingException(failure, wait);
  if (exception instanceof Error) ofManagers.add(exception);
  return exception;
}

/** Whether an exception has the words of a manager, or of what lies below it: they may name other programs and readers. */
export function isOfManager(exception: unknown): boolean {
  return exception instanceof Error && ofManagers.has(exception);
}

/** What PC/SC calls a failure for which Windows has a code of Win32: as pcsc-lite does, and so Chrome on ChromeOS. */
function pcscCode(code: ErrorCode): ErrorCode {
  if (errorName(code).startsWith("SCARD_")) return code;
  return errorFromNumber(errorNumber(code, "pcsclite"), "pcsclite") ?? code;
}

function isResponseCode(code: ErrorCode): code is ErrorCode & SmartCardResponseCode {
  return responseCodes.some((one) => one === code);
}

/** Managers throw a TypeError where bytes are asked for; what else comes is not of PC/SC. */
function exceptionOfOthers(failure: unknown): unknown {
  if (failure instanceof TypeError || isDomException(failure)) return failure;
  const message = failure instanceof Error ? failure.message : "the manager failed";
  return domException("UnknownError", message, failure);
}

/** The exception of an operation that the state of a context or connection does not allow. */
export function invalidState(message: string): Error {
  return domException("InvalidStateError", message);
}
