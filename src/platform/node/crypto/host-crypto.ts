// SPDX-License-Identifier: MIT

import { createHash } from "node:crypto";
import { gunzipSync, inflateSync } from "node:zlib";
import type { HostCrypto, Random } from "../../../port/index.ts";
import { nodeBlockCipher } from "../runtime/index.ts";

/** What a client of cards calculates with: Node's own cryptography. @param random where padding comes from */
export function makeHostCrypto(random: Random): HostCrypto {
  return {
    randomBytes: (length) => random.bytes(length),
    hash: (name, data) => new Uint8Array(createHash(name).update(data).digest()),
    blockCipher: nodeBlockCipher,
    unpack(format, data, mostBytes) {
      const unpacked = format === "gzip" ? gunzipSync : inflateSync;
      try {
        return new Uint8Array(unpacked(data, { maxOutputLength: mostBytes }));
      } catch {
        // Damaged, or too long.
        return undefined;
      }
    },
  };
}
