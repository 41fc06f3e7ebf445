// SPDX-License-Identifier: MIT

import type { ECDSA } from "@noble/curves/abstract/weierstrass.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from "@noble/curves/misc.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import type { CurveName, Ed25519, EllipticCurve, X25519 } from "../../../cards/crypto/index.ts";
import type { Random } from "../../../port/index.ts";

const curves: Readonly<Record<CurveName, ECDSA>> = {
  "P-256": p256,
  "P-384": p384,
  "P-521": p521,
  secp256k1,
  brainpoolP256r1,
  brainpoolP384r1,
  brainpoolP512r1,
};

/** The digest is signed as it is, and s is not halved as chains of blocks want it. */
const asGiven = { prehash: false, lowS: false } as const;
/** The first byte of a point that is not compressed. SEC 1, 2.3.3. */
const UNCOMPRESSED = 0x04;

/** One curve; new keys are made of bytes of `random`. */
export function ellipticCurve(name: CurveName, random: Random): EllipticCurve {
  const curve = curves[name];
  const { secretKey: bytes = 0, seed: seedBytes = 0 } = curve.lengths;
  const isPoint = (candidate: Uint8Array): boolean =>
    candidate.length === 1 + 2 * bytes &&
    candidate[0] === UNCOMPRESSED &&
    curve.utils.isValidPublicKey(candidate, false);
  return {
    bytes,
    generate: () => curve.utils.randomSecretKey(random.bytes(seedBytes)),
    isPrivateKey: (candidate) => candidate.length === bytes && curve.utils.isValidSecretKey(candidate),
    isPoint,
    publicOf: (privateKey) => curve.getPublicKey(privateKey, false),
    sign: (privateKey, digest) => curve.sign(digest, privateKey, { ...asGiven, format: "compact" }),
    verify(point, digest, signature) {
      if (!isPoint(point) || signature.length !== 2 * bytes) return false;
      return curve.verify(signature, digest, point, { ...asGiven, format: "compact" });
    },
    agree(privateKey, point) {
      if (!isPoint(point)) return undefined;
      return curve.getSharedSecret(privateKey, point, false).slice(1, 1 + bytes);
    },
  };
}

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

export function edwards25519(random: Random): Ed25519 {
  return {
    generate: () => random.bytes(KEY_BYTES),
    publicOf: (seed) => ed25519.getPublicKey(seed),
    sign: (seed, message) => ed25519.sign(message, seed),
    verify(publicKey, message, signature) {
      if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
      return ed25519.verify(signature, message, publicKey);
    },
  };
}

export function montgomery25519(random: Random): X25519 {
  return {
    generate: () => random.bytes(KEY_BYTES),
    publicOf: (privateKey) => x25519.getPublicKey(privateKey),
    agree(privateKey, publicKey) {
      if (publicKey.length !== KEY_BYTES) return undefined;
      try {
        return x25519.getSharedSecret(privateKey, publicKey);
      } catch {
        // All zeros.
        return undefined;
      }
    },
  };
}
