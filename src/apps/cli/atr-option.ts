// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { type AtrPattern, parseAtrExpression } from "../../database/index.ts";
import { UsageError } from "./options.ts";

/**
 * The ATRs that an option describes: an ATR, `ATR/MASK` where only the bits of the mask count, or an expression as
 * smartcard_list.txt has them (`3B 6. 00 0[1-3]`), which may stand for several.
 *
 * @throws UsageError that says what cannot be understood
 */
export function atrsOf(option: string, text: string): readonly AtrPattern[] {
  const slash = text.indexOf("/");
  if (slash >= 0) {
    const [atr, mask] = [text.slice(0, slash), text.slice(slash + 1)].map(decodeHex);
    if (!atr?.ok || !mask?.ok) throw new UsageError(`${option}: ATR and mask are two runs of hexadecimal digits`);
    if (atr.value.length !== mask.value.length) throw new UsageError(`${option}: ATR and mask differ in length`);
    return [{ atr: atr.value.map((byte, index) => byte & (mask.value[index] ?? 0)), mask: mask.value }];
  }
  const plain = decodeHex(text);
  if (plain.ok && plain.value.length > 0) return [{ atr: plain.value }];
  const parsed = parseAtrExpression(text);
  if (!parsed.ok) throw new UsageError(`${option}: ${parsed.error.message} (character ${parsed.error.offset + 1})`);
  return parsed.value;
}
