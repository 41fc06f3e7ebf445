// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";

/** The names of DOMExceptions that the Web Cryptography API knows. */
export type WebErrorName = "InvalidAccessError" | "NotSupportedError" | "OperationError" | "DataError";

/** What is used of the DOMException that Node and browsers have. */
declare const DOMException: new (message: string, name: string) => Error;

/** The error that a SubtleCrypto rejects with. @param cause why, where a card said it */
export function webError(name: WebErrorName, message: string, cause?: unknown): Error {
  const error = new DOMException(message, name);
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  return error;
}

/**
 * What a card does, with its errors as the Web Cryptography API names them: NotSupportedError where the card cannot do it,
 * OperationError for anything else. The card's own error is the cause.
 */
export async function onCard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException) throw error;
    const isLacking = error instanceof SmartCardError && error.code === "unsupported-feature";
    const message = error instanceof Error ? error.message : "the card's key cannot be used";
    throw webError(isLacking ? "NotSupportedError" : "OperationError", message, error);
  }
}
