// SPDX-License-Identifier: MIT

import { encodeResponse, statusWordFamilies, statusWords } from "../../base/iso7816/index.ts";

/** The status words of ISO/IEC 7816-4:2005, 5.1.3, by name. */
export const sw: typeof statusWords & typeof statusWordFamilies = { ...statusWords, ...statusWordFamilies };

/** Result of a command inside a card: response data, if any, and a status word. */
export interface Answer {
  readonly status: number;
  readonly data?: Uint8Array;
}

/** An answer without data. */
export function status(word: number): Answer {
  return { status: word };
}

/** Writes an answer as a response APDU. */
export function encodeAnswer(answer: Answer): Uint8Array {
  return encodeResponse(answer.data ?? new Uint8Array(0), answer.status);
}
