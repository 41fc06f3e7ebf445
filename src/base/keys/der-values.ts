// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";
import { encodeDataObject } from "../iso7816/index.ts";

/** Tags of ASN.1. ITU-T X.680, 8.4; X.690, 8.1.2. */
export const der = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A number without leading zeros. */
export function withoutZeros(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  return from < 0 ? new Uint8Array(0) : bytes.subarray(from);
}

/** The value of an INTEGER: the number without leading zeros, and with one where it would be negative. */
export function integerValue(number: Uint8Array): Uint8Array {
  const digits = withoutZeros(number);
  const needsZero = digits.length === 0 || ((digits[0] ?? 0) & 0x80) !== 0;
  return needsZero ? concatBytes(Uint8Array.of(0), digits) : digits;
}

/** SEQUENCE of parts that are encoded already. */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDataObject(der.sequence, ...parts);
}

/** INTEGER of a number without sign. */
export function integer(number: Uint8Array): Uint8Array {
  return encodeDataObject(der.integer, integerValue(number));
}

/** INTEGER of a small number. */
export function smallInteger(number: number): Uint8Array {
  const bytes = [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff);
  return integer(Uint8Array.from(bytes));
}

/** OBJECT IDENTIFIER, written with dots. */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return encodeDataObject(der.objectIdentifier, Uint8Array.from([40 * first + second, ...rest].flatMap(septets)));
}

function septets(number: number): readonly number[] {
  const parts = [number & 0x7f];
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) parts.unshift((rest & 0x7f) | 0x80);
  return parts;
}

/** BIT STRING of whole bytes. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encodeDataObject(der.bitString, Uint8Array.of(unusedBits), bytes);
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return encodeDataObject(der.octetString, bytes);
}

/** UTF8String. */
export function utf8String(text: Uint8Array): Uint8Array {
  return encodeDataObject(der.utf8String, text);
}

/** BOOLEAN: true. DER leaves out what is false. */
export function derTrue(): Uint8Array {
  return encodeDataObject(der.boolean, Uint8Array.of(0xff));
}

/** NULL. */
export function derNull(): Uint8Array {
  return encodeDataObject(der.null);
}

/** A distinguished name that is a common name alone. RFC 5280, 4.1.2.4. */
export function commonName(name: string): Uint8Array {
  const value = utf8String(new TextEncoder().encode(name));
  return sequence(encodeDataObject(der.set, sequence(objectIdentifier("2.5.4.3"), value)));
}

/** A time: UTCTime to 2049, then GeneralizedTime. RFC 5280, 4.1.2.5. */
export function time(digits: string): Uint8Array {
  const isShort = digits.slice(0, 4) < "2050";
  const text = new TextEncoder().encode(`${isShort ? digits.slice(2) : digits}Z`);
  return encodeDataObject(isShort ? der.utcTime : der.generalizedTime, text);
}

/** An explicit tag of the context class. */
export function contextTag(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDataObject(0xa0 | number, concatBytes(...parts));
}
