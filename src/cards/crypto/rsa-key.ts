// SPDX-License-Identifier: MIT

import { encodeHex, hexBytes } from "../../base/binary/index.ts";

/** A private RSA key, all numbers big-endian without leading zeros. RFC 8017, 3.2. */
export interface RsaKey {
  /** The modulus. */
  readonly n: Uint8Array;
  /** The public exponent. */
  readonly e: Uint8Array;
  /** The private exponent. */
  readonly d: Uint8Array;
  /** The prime factors of the modulus. */
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  /** d modulo p - 1, and modulo q - 1. */
  readonly dp: Uint8Array;
  readonly dq: Uint8Array;
  /** The inverse of q modulo p. */
  readonly qinv: Uint8Array;
}

/**
 * The key that two primes make: most cards import a key by its primes. Whether the factors are primes is not checked.
 *
 * @param p big-endian, with leading zeros or without
 * @param e the public exponent
 * @returns undefined where no key can be made of them: an even factor, the same twice, an exponent that has no inverse
 */
export function rsaKeyFromPrimes(p: Uint8Array, q: Uint8Array, e: Uint8Array): RsaKey | undefined {
  const [first, second, exponent] = [numberOf(p), numberOf(q), numberOf(e)];
  if (first < 3n || second < 3n || first === second || isEven(first) || isEven(second)) return undefined;
  if (exponent < 3n || isEven(exponent)) return undefined;
  const d = inverse(exponent, leastCommonMultiple(first - 1n, second - 1n));
  const qinv = inverse(second, first);
  if (d === undefined || qinv === undefined) return undefined;
  return {
    n: bytesOf(first * second),
    e: bytesOf(exponent),
    d: bytesOf(d),
    p: bytesOf(first),
    q: bytesOf(second),
    dp: bytesOf(d % (first - 1n)),
    dq: bytesOf(d % (second - 1n)),
    qinv: bytesOf(qinv),
  };
}

/** Bits of a big-endian number, for the size of a key. */
export function bitLength(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte) => byte !== 0);
  return at < 0 ? 0 : 8 * (bytes.length - at) - Math.clz32(bytes[at] ?? 0) + 24;
}

function isEven(value: bigint): boolean {
  return value % 2n === 0n;
}

function leastCommonMultiple(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y > 0n) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** The extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [r, nextR] = [modulus, value % modulus];
  let [t, nextT] = [0n, 1n];
  while (nextR > 0n) {
    const quotient = r / nextR;
    [r, nextR] = [nextR, r - quotient * nextR];
    [t, nextT] = [nextT, t - quotient * nextT];
  }
  if (r !== 1n) return undefined;
  return t < 0n ? t + modulus : t;
}

/** A big-endian number. */
export function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${encodeHex(bytes)}`);
}

function bytesOf(value: bigint): Uint8Array {
  const digits = value.toString(16);
  return hexBytes(digits.length % 2 === 0 ? digits : `0${digits}`);
}
