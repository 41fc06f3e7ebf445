// SPDX-License-Identifier: MIT

import { createHash } from "node:crypto";
import type { CardCrypto } from "../../../cards/crypto/index.ts";
import type { Random } from "../../../port/index.ts";
import { nodeBlockCipher } from "../runtime/index.ts";
import { edwards25519, ellipticCurve, montgomery25519 } from "./elliptic-curves.ts";
import { generateRsa, rsaPrivate } from "./rsa.ts";

/**
 * What the applications of a card calculate with: Node's own cryptography, and `@noble/curves` for elliptic curves, because
 * Node signs no digest that was made elsewhere.
 *
 * @param random where keys of elliptic curves and challenges come from. RSA keys are made with the randomness of Node's own
 * library.
 */
export function makeCardCrypto(random: Random): CardCrypto {
  return {
    randomBytes: (length) => random.bytes(length),
    blockCipher: nodeBlockCipher,
    hash: (name, data) => new Uint8Array(createHash(name).update(data).digest()),
    generateRsa,
    rsaPrivate,
    curve: (name) => ellipticCurve(name, random),
    ed25519: edwards25519(random),
    x25519: montgomery25519(random),
  };
}
