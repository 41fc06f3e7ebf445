// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, equalBytes, zeroBytes } from "../../base/binary/index.ts";
import { encodeBerTlv } from "../../base/iso7816/index.ts";
import { withoutZeros } from "../../base/keys/index.ts";
import {
  bitLength,
  type CardCrypto,
  type CertifiedKey,
  isWorkingRsaKey,
  padForSignature,
  type RsaKey,
  rsaKeyFromPrimes,
  unpadDeciphered,
} from "../crypto/index.ts";
import type { KeyAlgorithm } from "./key-attributes.ts";

/** Tags of a public key. OpenPGP card 3.4.1, 7.2.14. */
const TAG_PUBLIC_KEY = 0x7f49;
const TAG_MODULUS = 0x81;
const TAG_EXPONENT = 0x82;
const TAG_POINT = 0x86;
/** What clients put in front of the bytes of a point on Curve25519. RFC 4880bis, 13.2. */
const POINT_NATIVE = 0x40;
const CURVE25519_BYTES = 32;
/** What an RSA key signs is at most 40 % of its modulus. OpenPGP card 3.4.1, 7.2.10.2. */
const RSA_INPUT_SHARE = 0.4;
/** Hashes that ECDSA signs: SHA-1 to SHA-512. */
const LEAST_DIGEST_BYTES = 20;
const MOST_DIGEST_BYTES = 64;

/** Parts of an RSA key as an import brings them. */
export interface RsaParts {
  readonly exponent: Uint8Array;
  readonly prime1: Uint8Array;
  readonly prime2: Uint8Array;
  readonly modulus?: Uint8Array | undefined;
}

/** A private key as it is saved. */
export type CardKeyImage =
  | { readonly prime1: Uint8Array; readonly prime2: Uint8Array; readonly exponent: Uint8Array }
  | { readonly secret: Uint8Array };

type Material =
  | { readonly kind: "rsa"; readonly rsa: RsaKey }
  | { readonly kind: "curve"; readonly secret: Uint8Array };

type CurveAlgorithm = Exclude<KeyAlgorithm, { readonly kind: "rsa" }>;

/** A private key with its algorithm, and what the card does with it. */
export class CardKey {
  readonly #library: CardCrypto;
  readonly #algorithm: KeyAlgorithm;
  readonly #material: Material;
  /** What belongs into 7F49. */
  readonly #publicParts: readonly { readonly tag: number; readonly value: Uint8Array }[];

  private constructor(library: CardCrypto, algorithm: KeyAlgorithm, material: Material) {
    this.#library = library;
    this.#algorithm = algorithm;
    this.#material = material;
    this.#publicParts = publicParts(library, algorithm, material);
  }

  static async generate(library: CardCrypto, algorithm: KeyAlgorithm): Promise<CardKey> {
    switch (algorithm.kind) {
      case "rsa":
        return new CardKey(library, algorithm, { kind: "rsa", rsa: await library.generateRsa(algorithm.modulusBits) });
      case "ed25519":
        return new CardKey(library, algorithm, { kind: "curve", secret: library.ed25519.generate() });
      case "x25519":
        return new CardKey(library, algorithm, { kind: "curve", secret: library.x25519.generate() });
      case "ecdsa":
      case "ecdh":
        return new CardKey(library, algorithm, { kind: "curve", secret: library.curve(algorithm.curve).generate() });
    }
  }

  /**
   * An elliptic key from its secret number, most significant byte first; for Ed25519 from its seed.
   *
   * @returns undefined for a number that is not a key of this curve
   */
  static fromSecret(library: CardCrypto, algorithm: KeyAlgorithm, secret: Uint8Array): CardKey | undefined {
    if (algorithm.kind === "rsa") return undefined;
    const own = secretOf(library, algorithm, secret);
    return own && new CardKey(library, algorithm, { kind: "curve", secret: own });
  }

  /**
   * An RSA key from its primes.
   *
   * @returns undefined where they give no key of this length, or not the modulus that came with them
   */
  static fromPrimes(library: CardCrypto, algorithm: KeyAlgorithm, parts: RsaParts): CardKey | undefined {
    if (algorithm.kind !== "rsa") return undefined;
    const rsa = rsaKeyFromPrimes(parts.prime1, parts.prime2, parts.exponent);
    if (rsa === undefined || bitLength(rsa.n) !== algorithm.modulusBits) return undefined;
    const modulus = parts.modulus && withoutZeros(parts.modulus);
    if (modulus !== undefined && !equalBytes(modulus, rsa.n)) return undefined;
    if (!isWorkingRsaKey(library, rsa)) return undefined;
    return new CardKey(library, algorithm, { kind: "rsa", rsa });
  }

  /** The public key in its template 7F49. */
  publicTemplate(): Uint8Array {
    return encodeBerTlv([{ tag: TAG_PUBLIC_KEY, children: this.#publicParts }]);
  }

  /**
   * Signs: a DigestInfo with RSA, a hash with ECDSA, a message with Ed25519.
   *
   * @returns undefined for what this key does not sign
   */
  sign(input: Uint8Array): Uint8Array | undefined {
    const algorithm = this.#algorithm;
    const material = this.#material;
    if (material.kind === "rsa") return signRsa(this.#library, material.rsa, input);
    switch (algorithm.kind) {
      case "ed25519":
        return this.#library.ed25519.sign(material.secret, input);
      case "ecdsa":
      case "ecdh":
        if (input.length < LEAST_DIGEST_BYTES || input.length > MOST_DIGEST_BYTES) return undefined;
        return this.#library.curve(algorithm.curve).sign(material.secret, input);
      case "rsa":
      case "x25519":
        return undefined;
    }
  }

  /** Deciphers with RSA; undefined for another key, and for what was not made for this one. */
  decipher(input: Uint8Array): Uint8Array | undefined {
    const material = this.#material;
    if (material.kind !== "rsa") return undefined;
    const block = this.#library.rsaPrivate(material.rsa, input);
    if (block === undefined) return undefined;
    const plain = unpadDeciphered(block);
    zeroBytes(block);
    return plain;
  }

  /** The shared secret with the other side's public key, the x coordinate; undefined where there is none. */
  agree(point: Uint8Array): Uint8Array | undefined {
    const algorithm = this.#algorithm;
    const material = this.#material;
    if (material.kind !== "curve") return undefined;
    const { secret } = material;
    switch (algorithm.kind) {
      case "x25519":
        return this.#library.x25519.agree(secret, nativePoint(point));
      case "ecdsa":
      case "ecdh":
        return this.#library.curve(algorithm.curve).agree(secret, point);
      case "rsa":
      case "ed25519":
        return undefined;
    }
  }

  /** As certificates have it. It is this key's own secret, not a copy. */
  certified(): CertifiedKey {
    const algorithm = this.#algorithm;
    const material = this.#material;
    if (material.kind === "rsa") return { algorithm: "rsa", material: material.rsa };
    const { secret } = material;
    switch (algorithm.kind) {
      case "ed25519":
      case "x25519":
        return { algorithm: algorithm.kind, material: secret };
      case "ecdsa":
      case "ecdh":
        return { algorithm: algorithm.curve, material: secret };
      case "rsa":
        throw new TypeError("an RSA key has no secret of a curve");
    }
  }

  /** Overwrites the secret: the key is used no more. */
  clear(): void {
    const material = this.#material;
    if (material.kind === "curve") zeroBytes(material.secret);
    else for (const part of privateParts(material.rsa)) zeroBytes(part);
  }

  /** Its secret: not for logs. */
  toImage(): CardKeyImage {
    const material = this.#material;
    if (material.kind === "rsa") {
      const { p, q, e } = material.rsa;
      return { prime1: copyBytes(p), prime2: copyBytes(q), exponent: copyBytes(e) };
    }
    const { secret } = material;
    return { secret: this.#algorithm.kind === "x25519" ? copyBytes(secret).reverse() : copyBytes(secret) };
  }
}

/** The secret as the curve's own arithmetic takes it. X25519 comes most significant byte first, unlike RFC 7748, 5. */
function secretOf(library: CardCrypto, algorithm: CurveAlgorithm, given: Uint8Array): Uint8Array | undefined {
  if (algorithm.kind === "ed25519") return given.length === CURVE25519_BYTES ? copyBytes(given) : undefined;
  if (algorithm.kind === "x25519") {
    return withoutZeros(given).length > CURVE25519_BYTES ? undefined : padded(given, CURVE25519_BYTES).reverse();
  }
  const curve = library.curve(algorithm.curve);
  const secret = withoutZeros(given).length > curve.bytes ? undefined : padded(given, curve.bytes);
  return secret !== undefined && curve.isPrivateKey(secret) ? secret : undefined;
}

function signRsa(library: CardCrypto, rsa: RsaKey, input: Uint8Array): Uint8Array | undefined {
  const { length } = rsa.n;
  if (input.length === 0 || input.length > length * RSA_INPUT_SHARE) return undefined;
  const block = padForSignature(input, length);
  return block && library.rsaPrivate(rsa, block);
}

function publicParts(
  library: CardCrypto,
  algorithm: KeyAlgorithm,
  material: Material,
): readonly { readonly tag: number; readonly value: Uint8Array }[] {
  if (material.kind === "rsa") {
    const { n, e } = material.rsa;
    return [
      { tag: TAG_MODULUS, value: n },
      { tag: TAG_EXPONENT, value: e },
    ];
  }
  return [{ tag: TAG_POINT, value: publicPoint(library, algorithm, material.secret) }];
}

function publicPoint(library: CardCrypto, algorithm: KeyAlgorithm, secret: Uint8Array): Uint8Array {
  switch (algorithm.kind) {
    case "ed25519":
      return library.ed25519.publicOf(secret);
    case "x25519":
      return library.x25519.publicOf(secret);
    case "ecdsa":
    case "ecdh":
      return library.curve(algorithm.curve).publicOf(secret);
    case "rsa":
      throw new TypeError("an RSA key has no point");
  }
}

function privateParts({ d, p, q, dp, dq, qinv }: RsaKey): readonly Uint8Array[] {
  return [d, p, q, dp, dq, qinv];
}

function nativePoint(point: Uint8Array): Uint8Array {
  return point.length === CURVE25519_BYTES + 1 && point[0] === POINT_NATIVE ? point.subarray(1) : point;
}

/** A number as bytes of a fixed length, which it fits. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const number = withoutZeros(bytes);
  return concatBytes(new Uint8Array(length - number.length), number);
}
