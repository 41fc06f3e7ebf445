// SPDX-License-Identifier: MIT

/** The field of Curve25519, and the A of its equation. RFC 7748, 4.1. */
const PRIME = 2n ** 255n - 19n;
const A = 486_662n;

/**
 * The point of Curve25519 that stands for 32 random bytes, as X25519 takes points: what multiple of another point it is, is not known. RFC 9380,
 * 6.7.1 (Elligator 2). Only one coordinate is needed, so its sign is not chosen.
 */
export function generatorFrom(random: Uint8Array): Uint8Array {
  const u = random.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n) & (2n ** 255n - 1n);
  const first = modulo(-A * power(1n + 2n * u * u, PRIME - 2n));
  const isOnCurve = power(first * (first * (first + A) + 1n), (PRIME - 1n) / 2n) <= 1n;
  let point = isOnCurve ? first : modulo(-first - A);
  return Uint8Array.from({ length: 32 }, () => {
    const byte = Number(point & 255n);
    point >>= 8n;
    return byte;
  });
}

function modulo(number: bigint): bigint {
  return ((number % PRIME) + PRIME) % PRIME;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = modulo(base), bits = exponent; bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}
