// SPDX-License-Identifier: MIT

import { errorName, ownError } from "../../port/index.ts";
import { isOfManager, SmartCardError } from "../web/index.ts";

/** An error as it goes to a page. */
export interface PageFailure {
  readonly error: "SmartCardError" | "TypeError" | "DOMException";
  readonly name: string;
  readonly message: string;
}

/** A message is cut there: it may repeat what the page has given. */
const MAX_MESSAGE = 300;

/**
 * An error of the Web Smart Card API for a page. Of what a manager has thrown only the name of the code is told, and nothing where it has none: its words
 * may name other programs and readers. All other errors are about what the page itself has given, in words of this package.
 */
export function failureMessage(error: unknown): PageFailure {
  const message = wordsFor(error).slice(0, MAX_MESSAGE);
  if (error instanceof SmartCardError) return { error: "SmartCardError", name: error.responseCode, message };
  if (error instanceof TypeError) return { error: "TypeError", name: "", message };
  if (error instanceof DOMException) return { error: "DOMException", name: error.name, message };
  return { error: "DOMException", name: "UnknownError", message: "the bridge has failed" };
}

function wordsFor(error: unknown): string {
  if (error instanceof Error && !isOfManager(error)) return error.message;
  const cause = error instanceof Error ? ownError(error.cause) : undefined;
  return cause === undefined ? "the call has failed" : `the call has failed with ${errorName(cause.code)}`;
}
