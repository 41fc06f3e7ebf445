// SPDX-License-Identifier: MIT

import { ComError } from "./com-error.ts";

/** Largest number of a code or a key that P2 has room for. ISO/IEC 7816-4:2013, table 90. */
const MAX_REFERENCE = 31;

/** The number of a code. @throws E_INVALIDARG */
export function checkReference(reference: number): number {
  if (Number.isInteger(reference) && reference >= 0 && reference <= MAX_REFERENCE) return reference;
  throw new ComError("E_INVALIDARG", `ref is not right; give a whole number from 0 to ${MAX_REFERENCE}`);
}
