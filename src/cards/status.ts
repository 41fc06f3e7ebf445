// SPDX-License-Identifier: MIT

import { encodeResponse } from "../iso7816/index.ts";

/** The status words of the cards in this room. ISO/IEC 7816-4:2005, 5.1.3. */
export const sw = {
  success: 0x9000,
  /** Warning: nothing was done, as there was nothing to do. */
  nothingToDo: 0x6200,
  /** End of file or record reached before Ne bytes were read, or a search that found nothing. */
  endOfFile: 0x6282,
  /** The selected file is deactivated. */
  deactivated: 0x6283,
  /** The selected file is terminated. */
  terminated: 0x6285,
  /** 63Cx: a counter, of tries left here, in the last four bits. */
  counter: 0x63c0,
  wrongLength: 0x6700,
  channelNotSupported: 0x6881,
  secureMessagingNotSupported: 0x6882,
  incompatibleFile: 0x6981,
  securityNotSatisfied: 0x6982,
  methodBlocked: 0x6983,
  conditionsNotSatisfied: 0x6985,
  noCurrentFile: 0x6986,
  wrongData: 0x6a80,
  functionNotSupported: 0x6a81,
  fileNotFound: 0x6a82,
  recordNotFound: 0x6a83,
  notEnoughMemory: 0x6a84,
  wrongP1P2: 0x6a86,
  wrongLcForP1P2: 0x6a87,
  referenceNotFound: 0x6a88,
  fileExists: 0x6a89,
  dfNameExists: 0x6a8a,
  /** Wrong P1-P2, for an offset: it lies outside the file. */
  wrongOffset: 0x6b00,
  /** 6Cxx: the right Le in the last byte. */
  wrongLe: 0x6c00,
  wrongInstruction: 0x6d00,
  wrongClass: 0x6e00,
} as const;

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
