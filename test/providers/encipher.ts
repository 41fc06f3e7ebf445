// SPDX-License-Identifier: MIT

import { createCipheriv } from "node:crypto";
import { decodeHex } from "../../src/base/binary/index.ts";

/** Bytes from hexadecimal text. */
export function bytes(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  if (!decoded.ok) throw new Error(hex);
  return decoded.value;
}

/** One block, enciphered with AES-128 by an independent implementation. */
export function encipher(key: string, block: Uint8Array): Uint8Array {
  return createCipheriv("aes-128-ecb", bytes(key), null).setAutoPadding(false).update(block);
}
