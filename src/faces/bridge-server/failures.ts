// SPDX-License-Identifier: MIT

import { errorName, ownError } from "../../port/index.ts";
import { SmartCardError } from "../web/index.ts";

/** An error as it goes to a page. */
export interface PageFailure {
  readonly error: "SmartCardError" | "TypeError" | "DOMException";
  readonly name: string;
  readonly message: string;
}

/** A message is cut there: it may repeat what the page has given. */
const MAX_MESSAGE = 300;

/**
 * An error of the Web Smart Card API for a page. Where a manager's error is its cause, only the name of the code is told: the manager's words may
 * name other programs and readers. A TypeError is about what the page itself has given.
 */
export function failureMessage(error: unknown): PageFailure {
  const cause = error instanceof Error ? ownError(error.cause) : undefined;
  const words = error instanceof Error ? error.message : "the service has failed";
  const isOwn = cause === undefined || error instanceof TypeError;
  const message = isOwn ? words.slice(0, MAX_MESSAGE) : `the call has failed with ${errorName(cause.code)}`;
  if (error instanceof SmartCardError) return { error: "SmartCardError", name: error.responseCode, message };
  if (error instanceof TypeError) return { error: "TypeError", name: "", message };
  if (error instanceof DOMException) return { error: "DOMException", name: error.name, message };
  return { error: "DOMException", name: "UnknownError", message: "the bridge has failed" };
}
