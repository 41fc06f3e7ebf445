// SPDX-License-Identifier: MIT

import {
  bitString,
  der,
  derTrue,
  type Extension,
  objectIdentifier,
  sequence,
  smallInteger,
} from "../../base/keys/index.ts";
import { onlyObject, readDataObjects } from "../software-card/index.ts";
import type { CardCrypto } from "./card-crypto.ts";

const KEY_USAGE = "2.5.29.15";
const SERIAL_BYTES = 16;

/** A serial number that is random and positive, and has all its bytes. RFC 5280, 4.1.2.2. */
export function randomSerialNumber(library: CardCrypto): Uint8Array {
  const number = library.randomBytes(SERIAL_BYTES);
  number[0] = ((number[0] ?? 0) & 0x3f) | 0x40;
  return number;
}

/** The extensions of a certificate authority that signs at most so many levels of others. RFC 5280, 4.2.1. */
export function authorityExtensions(pathLength: number): readonly Extension[] {
  return [
    { id: "2.5.29.19", critical: true, value: sequence(derTrue(), smallInteger(pathLength)) },
    // Digital signature, keyCertSign, cRLSign.
    { id: KEY_USAGE, critical: true, value: bitString(Uint8Array.of(0x86), 1) },
  ];
}

/** Uses of a key. RFC 5280, 4.2.1.3. */
export const keyUsages = {
  digitalSignature: 0x80,
  nonRepudiation: 0x40,
  keyEncipherment: 0x20,
  keyAgreement: 0x08,
} as const;

/** The extension that says what a key is for. */
export function keyUsageExtension(bits: number): Extension {
  return { id: KEY_USAGE, critical: true, value: bitString(Uint8Array.of(bits), Math.clz32(bits & -bits) ^ 31) };
}

const EXTENDED_KEY_USAGE = "2.5.29.37";
const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";

/** The extension that says that a key logs its holder in to servers. RFC 5280, 4.2.1.12. */
export const clientAuthentication: Extension = {
  id: EXTENDED_KEY_USAGE,
  value: sequence(objectIdentifier(CLIENT_AUTHENTICATION)),
};

/** Subject and validity of a certificate, in DER; undefined where it is not one. */
export function subjectAndValidity(
  encoded: Uint8Array,
): { readonly subject: Uint8Array; readonly validity: Uint8Array } | undefined {
  const [tbs] = children(encoded);
  if (tbs?.tag !== der.sequence) return undefined;
  const fields = readDataObjects(tbs.value) ?? [];
  // The version may be left out, and stands first where there is one.
  const [, , , validity, subject] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (validity?.tag !== der.sequence || subject?.tag !== der.sequence) return undefined;
  return { subject: sequence(subject.value), validity: sequence(validity.value) };
}

function children(encoded: Uint8Array): ReturnType<typeof readDataObjects> & object {
  const content = onlyObject(encoded, der.sequence);
  return (content && readDataObjects(content)) ?? [];
}
