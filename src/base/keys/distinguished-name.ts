// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex, failure, type Result, success } from "../binary/index.ts";
import type { BerTlv } from "../iso7816/index.ts";
import { decodeBerTlv, encodeDataObject } from "../iso7816/index.ts";
import { der, objectIdentifier, sequence, utf8String } from "./der-values.ts";

/** Types of attributes by their short names. RFC 4514, 3; the others are those that certificates of people have. */
const attributeIds: Readonly<Record<string, string>> = {
  CN: "2.5.4.3",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  O: "2.5.4.10",
  OU: "2.5.4.11",
  C: "2.5.4.6",
  STREET: "2.5.4.9",
  DC: "0.9.2342.19200300.100.1.25",
  UID: "0.9.2342.19200300.100.1.1",
};
/** Short names that are read, and that RFC 4514 does not have for writing. */
const readIds: Readonly<Record<string, string>> = {
  ...attributeIds,
  SN: "2.5.4.4",
  SERIALNUMBER: "2.5.4.5",
  TITLE: "2.5.4.12",
  GN: "2.5.4.42",
  E: "1.2.840.113549.1.9.1",
  EMAILADDRESS: "1.2.840.113549.1.9.1",
};
/** A country has two letters, and its string is the plainest one. RFC 5280, A.1. */
const printable: ReadonlySet<string> = new Set(["2.5.4.6", "2.5.4.5"]);
const ascii: ReadonlySet<string> = new Set(["0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1"]);
const TELETEX_STRING = 0x14;
const BMP_STRING = 0x1e;
const texts: ReadonlySet<number> = new Set<number>([
  der.utf8String,
  der.printableString,
  der.ia5String,
  TELETEX_STRING,
]);

/** A name as RFC 4514 writes it, the last part first; undefined where the object is no name. */
export function nameText(name: BerTlv): string | undefined {
  if (name.tag !== der.sequence) return undefined;
  const parts: string[] = [];
  for (const set of name.children ?? []) {
    const attributes = set.tag === der.set ? set.children?.map(attributeText) : undefined;
    if (attributes === undefined || attributes.includes(undefined)) return undefined;
    parts.unshift(attributes.join("+"));
  }
  return parts.join(",");
}

function attributeText({ children = [] }: BerTlv): string | undefined {
  const [id, value] = children;
  if (id?.tag !== der.objectIdentifier || value === undefined) return undefined;
  const dotted = dottedOf(id.value);
  const short = Object.keys(attributeIds).find((name) => attributeIds[name] === dotted);
  return `${short ?? dotted}=${valueText(value)}`;
}

function valueText({ tag, value }: BerTlv): string {
  if (tag === BMP_STRING) return escaped(new TextDecoder("utf-16be").decode(value));
  if (texts.has(tag)) return escaped(new TextDecoder().decode(value));
  return `#${encodeHex(encodeDataObject(tag, value))}`;
}

/** RFC 4514, 2.4. */
function escaped(text: string): string {
  return text
    .replace(/["+,;<>\\]/g, "\\$&")
    .replaceAll("\0", "\\00")
    .replace(/^[ #]/, "\\$&")
    .replace(/ $/, "\\ ");
}

function dottedOf(id: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of id) {
    number = number * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...rest] = numbers;
  const top = Math.min(2, Math.trunc(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}

/**
 * Writes a name in DER.
 *
 * @param text as RFC 4514 has it: `CN=alice,O=Example`. What has no `=` is the common name
 */
export function encodeName(text: string): Result<Uint8Array> {
  if (text === "") return failure("it is empty", 0);
  if (!text.includes("=")) return success(sequence(relative([{ id: "2.5.4.3", value: text }])));
  const sets: Uint8Array[] = [];
  let attributes: Attribute[] = [];
  for (const { at, piece, separator } of pieces(text)) {
    const attribute = readAttribute(piece);
    if (typeof attribute === "string") return failure(attribute, at);
    attributes.push(attribute);
    if (separator === "+") continue;
    sets.unshift(relative(attributes));
    attributes = [];
  }
  return success(sequence(...sets));
}

interface Attribute {
  readonly id: string;
  /** Bytes where it is in DER already. */
  readonly value: string | Uint8Array;
}

/** What stands between commas and plus signs that are not escaped. */
function pieces(text: string): { readonly at: number; readonly piece: string; readonly separator: string }[] {
  return [...text.matchAll(/((?:[^\\,+]|\\.|\\$)*)(,|\+|$)/gsu)]
    .filter(({ index }, number) => number === 0 || index < text.length || /[,+]$/.test(text))
    .map(({ 1: piece = "", 2: separator = "", index }) => ({ at: index, piece, separator }));
}

/** One attribute, or what is wrong with it. */
function readAttribute(piece: string): Attribute | string {
  const [, type = "", value = ""] = /^ *([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+) *= *(.*)$/su.exec(piece) ?? [];
  if (type === "") return "a part is not TYPE=VALUE; write a comma in a value as \\,";
  const id = /^\d/.test(type) ? type : readIds[type.toUpperCase()];
  if (id === undefined) return `the type ${type} is not known; known: ${Object.keys(readIds).join(", ")}, or 2.5.4.3`;
  if (value.startsWith("#")) {
    const encoded = decodeHex(value.slice(1));
    const isOne = encoded.ok && decodeBerTlv(encoded.value).ok && encoded.value.length > 0;
    return isOne ? { id, value: encoded.value } : `the value of ${type} behind # is not DER in hexadecimal`;
  }
  const text = unescaped(value);
  if (text === undefined) return `the value of ${type} has a backslash before nothing that needs one`;
  if (text === "") return `the value of ${type} is empty`;
  if (id === attributeIds.C && !/^[A-Za-z]{2}$/.test(text)) return "the country C is two letters";
  return { id, value: text };
}

/** A value without its escapes: `\,` and `\2C`. Blanks at its end belong to the separator. */
function unescaped(value: string): string | undefined {
  const bytes: number[] = [];
  const plain = value.replace(/(?<!\\) +$/u, "");
  for (const [whole, pair, mark] of plain.matchAll(/\\([0-9A-Fa-f]{2})|\\([ "#+,;<=>\\])|[^\\]|\\/gsu)) {
    if (whole === "\\") return undefined;
    if (pair !== undefined) bytes.push(Number.parseInt(pair, 16));
    else bytes.push(...new TextEncoder().encode(mark ?? whole));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function relative(attributes: readonly Attribute[]): Uint8Array {
  const encoded = attributes.map(({ id, value }) =>
    sequence(objectIdentifier(id), typeof value === "string" ? stringOf(id, value) : value),
  );
  // DER sorts a SET OF by its encodings. X.690, 11.6.
  return encodeDataObject(der.set, ...encoded.toSorted((one, other) => (encodeHex(one) < encodeHex(other) ? -1 : 1)));
}

function stringOf(id: string, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (printable.has(id) && /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text)) return encodeDataObject(der.printableString, bytes);
  return ascii.has(id) ? encodeDataObject(der.ia5String, bytes) : utf8String(bytes);
}
