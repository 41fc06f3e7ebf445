// SPDX-License-Identifier: MIT

import { SmartCardError as PortError } from "../../port/index.ts";

/** An error in words that a page may show. Errors of the APIs that are used here never hold what was typed in. */
export function wordsOf(error: unknown): string {
  const code = error instanceof PortError ? error.code : (error as { readonly responseCode?: string }).responseCode;
  const words = error instanceof Error ? error.message : "it has failed";
  return code === undefined ? words : `${words} (${code})`;
}
