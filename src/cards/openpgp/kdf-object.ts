// SPDX-License-Identifier: MIT

import {
  OPENPGP_KDF_ITERATED,
  OPENPGP_KDF_NONE,
  openPgpHashes,
  openPgpKdfTags as tags,
} from "../../base/card-applications/index.ts";
import { type BerTlv, decodeBerTlv, findBerTlv } from "../../base/iso7816/index.ts";
import { hashBytes } from "../../base/keys/index.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";

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
  if (algorithm === OPENPGP_KDF_NONE) return objects.length === 1 ? none : undefined;
  const hashName = openPgpHashes[one(objects, tags.hash, 1)?.[0] ?? 0];
  const hash = hashName && hashBytes[hashName];
  if (algorithm !== OPENPGP_KDF_ITERATED || hash === undefined) return undefined;
  const whole = one(objects, tags.count, COUNT_BYTES) && one(objects, tags.saltPw1, SALT_BYTES);
  const salts = [tags.saltResettingCode, tags.saltPw3].every((tag) => isLength(objects, tag, SALT_BYTES));
  const hashes = [tags.hashPw1, tags.hashPw3].every((tag) => isLength(objects, tag, hash));
  if (whole === undefined || !salts || !hashes) return undefined;
  return { isOn: true, hashPw1: find(objects, tags.hashPw1), hashPw3: find(objects, tags.hashPw3) };
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
