// SPDX-License-Identifier: MIT

import { createHmac, createPrivateKey, createPublicKey, diffieHellman, timingSafeEqual } from "node:crypto";

/** The heads of a private and a public key of X25519 in DER, before their 32 bytes. RFC 8410, 7 and 4. */
const PRIVATE_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b656e032100", "hex");

/** The cryptography that a bridge proves itself with. */
export const bridgeCrypto = {
  /** HMAC-SHA-256. */
  hmac: (key: Uint8Array, data: Uint8Array): Uint8Array =>
    new Uint8Array(createHmac("sha256", key).update(data).digest()),

  /** RFC 7748, 5. @throws Error where the result is zero: a point of low order */
  x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array {
    const der = Buffer.concat([PRIVATE_HEAD, scalar]);
    try {
      const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      const publicKey = createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, point]), format: "der", type: "spki" });
      return new Uint8Array(diffieHellman({ privateKey, publicKey }));
    } finally {
      der.fill(0);
    }
  },

  /** In the same time, wherever they differ. */
  isEqual: (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && timingSafeEqual(one, other),
};
