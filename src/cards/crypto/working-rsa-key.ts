// SPDX-License-Identifier: MIT

import type { CardCrypto } from "./card-crypto.ts";
import { numberOf, type RsaKey } from "./rsa-key.ts";

/** A number that a key is tried with. */
const PROBE = 2;

/**
 * Whether the public operation undoes the private one. Numbers that are no primes give a key that does not calculate so.
 */
export function isWorkingRsaKey(library: Pick<CardCrypto, "rsaPrivate">, key: RsaKey): boolean {
  const probe = new Uint8Array(key.n.length);
  probe[probe.length - 1] = PROBE;
  try {
    const result = library.rsaPrivate(key, probe);
    return result !== undefined && raised(numberOf(result), numberOf(key.e), numberOf(key.n)) === BigInt(PROBE);
  } catch {
    return false;
  }
}

/** base to the exponent, modulo the modulus. */
function raised(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result * (bit === "1" ? base : 1n)) % modulus;
  }
  return result;
}
