// SPDX-License-Identifier: MIT

export { bigEndianBytes, bigEndianNumber } from "./big-endian.ts";
export { concatBytes, copyBytes, equalBytes, zeroBytes } from "./bytes.ts";
export { checkBytes, isBytes, kindOf } from "./check-bytes.ts";
export { checkMembers } from "./check-members.ts";
export {
  checkFunction,
  checkList,
  checkObject,
  checkText,
  checkTruth,
  checkWhole,
  checkWord,
  shown,
} from "./check-values.ts";
export { ByteCursor, decoding } from "./cursor.ts";
export { decodeHex, encodeHex, hexByte, hexBytes, hexDword, hexWord } from "./hex.ts";
export { escapedJson, quoteUnlessBytes, quoteWord, withoutBytes } from "./quote.ts";
export { type DecodeError, failure, type Result, success } from "./result.ts";
export { SecretBytes, withSecret } from "./secret-bytes.ts";
export type { Layout } from "./struct.ts";
export {
  bytes,
  cstring,
  type Field,
  i32le,
  type Padding,
  pad,
  repeat,
  type Struct,
  type StructValue,
  struct,
  u8,
  u16be,
  u16le,
  u32be,
  u32le,
} from "./struct.ts";
