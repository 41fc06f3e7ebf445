// SPDX-License-Identifier: MIT

import { kindOf, quoteWord } from "../base/binary/index.ts";
import { SmartCardError } from "./error.ts";

/** Bytes of a GUID. */
export const GUID_BYTES = 16;

const form = /^\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$/i;

/**
 * A GUID as Windows prints it: `{50DD5230-BA8A-11D1-BF5D-0000F805F530}`. Braces may be missing and either case is
 * understood.
 *
 * @throws invalid-parameter where the text is not a GUID
 */
export function normalizeGuid(text: string): string {
  const digits = typeof text === "string" ? form.exec(text)?.[1] : undefined;
  if (digits === undefined) {
    const given = typeof text === "string" ? quoteWord(text) : kindOf(text);
    throw new SmartCardError(
      "invalid-parameter",
      `${given} is not a GUID, such as {01234567-89AB-CDEF-0123-456789ABCDEF}`,
    );
  }
  return `{${digits.toUpperCase()}}`;
}
