// SPDX-License-Identifier: MIT

import { type BerTlv, decodeBerTlv, findBerTlv } from "../../base/iso7816/index.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";

/** Tags inside the KDF object. OpenPGP card 3.4.1, 4.3.2. */
const tags = { algorithm: 0x81, hash: 0x82, count: 0x83, saltPw1: 0x84, saltRc: 0x85, saltPw3: 0x86 } as const;
const TAG_HASH_PW1 = 0x87;
const TAG_HASH_PW3 = 0x88;

const KDF_NONE = 0x00;
/** Iterated and salted S2K. RFC 4880, 3.7.1.3. */
const KDF_ITERATED = 0x03;
/** Length of a hash by its number in RFC 4880, 9.4: SHA-256, SHA-512. */
const hashBytes: Readonly<Record<number, number>> = { 8: 32, 10: 64 };
const SALT_BYTES = 8;
const COUNT_BYTES = 4;

/** What the card reads in a KDF object. */
export interface KdfObject {
  readonly isOn: boolean;
  /** Hashes of the first passwords, where it has them. */
  readonly hashPw1: Uint8Array | undefined;
  readonly hashPw3: Uint8Array | undefined;
}

/**
 * Checks a KDF object before it is stored: an object that clients cannot use would lock all users out. Empty data, and the
 * algorithm 00, stand for no KDF.
 *
 * @returns undefined where the object is malformed
 */
export function checkKdf(data: Uint8Array): KdfObject | undefined {
  const none: KdfObject = { isOn: false, hashPw1: undefined, hashPw3: undefined };
  if (data.length === 0) return none;
  if (data.length > limits.specialBytes) return undefined;
  const decoded = decodeBerTlv(data);
  if (!decoded.ok) return undefined;
  const objects = decoded.value;
  const algorithm = one(objects, tags.algorithm, 1)?.[0];
  if (algorithm === KDF_NONE) return objects.length === 1 ? none : undefined;
  const hash = hashBytes[one(objects, tags.hash, 1)?.[0] ?? 0];
  if (algorithm !== KDF_ITERATED || hash === undefined) return undefined;
  const whole = one(objects, tags.count, COUNT_BYTES) && one(objects, tags.saltPw1, SALT_BYTES);
  const salts = [tags.saltRc, tags.saltPw3].every((tag) => isLength(objects, tag, SALT_BYTES));
  const hashes = [TAG_HASH_PW1, TAG_HASH_PW3].every((tag) => isLength(objects, tag, hash));
  if (whole === undefined || !salts || !hashes) return undefined;
  return { isOn: true, hashPw1: find(objects, TAG_HASH_PW1), hashPw3: find(objects, TAG_HASH_PW3) };
}

function find(objects: readonly BerTlv[], tag: number): Uint8Array | undefined {
  return findBerTlv(objects, tag)?.value;
}

/** An object that has to be there. */
function one(objects: readonly BerTlv[], tag: number, length: number): Uint8Array | undefined {
  const value = find(objects, tag);
  return value?.length === length ? value : undefined;
}

/** An object that may be missing. */
function isLength(objects: readonly BerTlv[], tag: number, length: number): boolean {
  const value = find(objects, tag);
  return value === undefined || value.length === length;
}
