// SPDX-License-Identifier: MIT

import { bigEndianNumber, zeroBytes } from "../../base/binary/index.ts";
import { OPENPGP_KDF_ITERATED, openPgpHashes, openPgpKdfTags as tags } from "../../base/card-applications/index.ts";
import type { HashName } from "../../base/keys/index.ts";
import type { HostCrypto } from "../../port/index.ts";
import type { PinRole } from "./card-module.ts";
import { deepValue } from "./tlv-values.ts";

/** How passwords are hashed before the card gets them: the KDF object F9. OpenPGP card 3.4.1, 4.3.2. */
export interface Kdf {
  readonly hash: HashName;
  /** How many bytes are hashed: salt and password again and again. */
  readonly count: number;
  readonly salts: Readonly<Record<"user" | "unblock" | "admin", Uint8Array>>;
}

/** 65 MB, which is more than any program asks for: RFC 4880 codes counts up to that. */
const MOST_COUNT = 65_011_712;

/** Reads the KDF object; undefined where passwords go as they are. */
export function kdfIn(object: Uint8Array): Kdf | undefined {
  const value = (tag: number): Uint8Array | undefined => deepValue(object, tag);
  const hash = openPgpHashes[value(tags.hash)?.[0] ?? 0];
  const [count, salt] = [value(tags.count), value(tags.saltPw1)];
  if (
    value(tags.algorithm)?.[0] !== OPENPGP_KDF_ITERATED ||
    hash === undefined ||
    count?.length !== 4 ||
    salt === undefined
  )
    return undefined;
  // Where there is one salt it is that of all.
  const salts = { user: salt, unblock: value(tags.saltResettingCode) ?? salt, admin: value(tags.saltPw3) ?? salt };
  return { hash, count: Math.min(bigEndianNumber(count), MOST_COUNT), salts };
}

/** What the card gets in place of a password. */
export function kdfOutput(kdf: Kdf, role: PinRole, password: Uint8Array, library: HostCrypto): Uint8Array {
  const salt = kdf.salts[role === "signature" ? "user" : role];
  const once = salt.length + password.length;
  const input = new Uint8Array(Math.max(kdf.count, once));
  for (let at = 0; at < input.length; at += once) {
    input.set(salt.subarray(0, input.length - at), at);
    const left = input.length - at - salt.length;
    if (left > 0) input.set(password.subarray(0, left), at + salt.length);
  }
  try {
    return library.hash(kdf.hash, input);
  } finally {
    zeroBytes(input);
  }
}
