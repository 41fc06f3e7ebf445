// SPDX-License-Identifier: MIT

import { createCipheriv, createDecipheriv } from "node:crypto";
import type { BlockCipher, CipherAlgorithm } from "../../../cards/software-card/index.ts";
import { byteString, SmartCardError, word } from "../../../port/index.ts";

/** OpenSSL's names of one block at a time, and how long the key is there. */
const names: Readonly<Record<string, string>> = {
  aes16: "aes-128-ecb",
  aes24: "aes-192-ecb",
  aes32: "aes-256-ecb",
  "3des24": "des-ede3-ecb",
};

/**
 * The ciphers of a card's keys, from the cryptography that Node is built with.
 *
 * @param key 16, 24 or 32 bytes for AES; 16 or 24 for triple DES
 * @throws unsupported-feature where it does not have the cipher: triple DES is missing in some builds that keep to FIPS
 * 140
 * @throws invalid-value for another algorithm, and for a key of another length; TypeError for a key that is no Uint8Array
 */
export function nodeBlockCipher(algorithm: CipherAlgorithm, key: Uint8Array): BlockCipher {
  word({ aes: 0, "3des": 0 }, "algorithm")(algorithm, { operation: "nodeBlockCipher", path: "algorithm" });
  byteString(key, { operation: "nodeBlockCipher", path: "key" });
  // With two keys, the first is also the third.
  const whole = algorithm === "3des" && key.length === 16 ? Uint8Array.of(...key, ...key.subarray(0, 8)) : key;
  const name = names[`${algorithm}${whole.length}`];
  if (name === undefined) {
    throw new SmartCardError("invalid-value", `${algorithm} does not take a key of ${key.length} bytes`);
  }
  try {
    const encipher = createCipheriv(name, whole, null).setAutoPadding(false);
    const decipher = createDecipheriv(name, whole, null).setAutoPadding(false);
    return {
      blockBytes: algorithm === "3des" ? 8 : 16,
      encrypt: (block) => new Uint8Array(encipher.update(block)),
      decrypt: (block) => new Uint8Array(decipher.update(block)),
    };
  } catch (cause) {
    throw missing(name, cause);
  }
}

function missing(name: string, cause: unknown): SmartCardError {
  return new SmartCardError("unsupported-feature", `this machine has no cipher ${name}`, {}, { cause });
}
