// SPDX-License-Identifier: MIT

export {
  bytes,
  type FieldValues,
  f64,
  fixed,
  list,
  optional,
  record,
  text,
  truths,
  u8,
  u32,
  type WireField,
  word,
} from "./fields.ts";
