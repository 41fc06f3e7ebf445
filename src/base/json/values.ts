// SPDX-License-Identifier: MIT

import { decodeHex } from "../binary/index.ts";
import type { JsonPlace } from "./place.ts";
import { type JsonSchema, type OptionalShape, Shape } from "./shape.ts";
import { byType, object } from "./structures.ts";

function scalar<T>(
  expected: string,
  is: (value: unknown) => value is T,
  keywords: JsonSchema,
  about?: string,
): Shape<T> {
  const schema = { ...(about !== undefined && { description: about }), ...keywords };
  return new Shape<T>({
    expected,
    read: (value, place) => (is(value) ? value : place.wrong(value, expected)),
    schema: () => schema,
  });
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Any value. */
export const anything: Shape<unknown> = scalar("a value", (value): value is unknown => value !== undefined, {});

/** `true` or `false`. */
export const truth: Shape<boolean> = scalar("true or false", (value) => typeof value === "boolean", {
  type: "boolean",
});

/** A whole number, both ends included. */
export function whole(least: number, most: number, about?: string): Shape<number> {
  const is = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return scalar(
    `a whole number from ${least} to ${most}`,
    is,
    { type: "integer", minimum: least, maximum: most },
    about,
  );
}

/** A time in milliseconds, with fractions: 0 or more. */
export const milliseconds: Shape<number> = scalar(
  "a time in milliseconds",
  (value): value is number => typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY,
  { type: "number", minimum: 0 },
);

/** Text of any length, also none. */
export const anyText: Shape<string> = scalar("text", isText, { type: "string" });

/** The member in which a document names its schema, for editors. It has no other effect. */
export const schemaMember: { readonly $schema: OptionalShape<string | undefined, string> } = {
  $schema: anyText.about("The JSON Schema of this file, for editors.").optional(),
};

/** Text of 1 to `most` characters. */
export function text(most: number, about?: string): Shape<string> {
  const is = (value: unknown): value is string => isText(value) && value.length >= 1 && value.length <= most;
  return scalar(`text of 1 to ${most} characters`, is, { type: "string", minLength: 1, maxLength: most }, about);
}

/** Text of a certain form. */
export function textLike(pattern: RegExp, expected: string, about?: string): Shape<string> {
  const is = (value: unknown): value is string => isText(value) && pattern.test(value);
  return scalar(expected, is, { type: "string", pattern: pattern.source }, about);
}

/** One of some words. */
export function words<const T extends string>(...known: readonly T[]): Shape<T> {
  const is = (value: unknown): value is T => known.some((word) => word === value);
  const schema = known.length === 1 ? { const: known[0] } : { enum: known };
  return scalar(`one of ${known.map((word) => JSON.stringify(word)).join(", ")}`, is, schema);
}

/** Bytes in a file: hexadecimal text, or text, which stands for its UTF-8. */
export type BytesSource = string | { readonly text: string };

/** Bytes of `least` to `most` in hexadecimal. */
export function hexadecimal(least: number, most: number): Shape<Uint8Array, string> {
  // What `decodeHex` reads: blanks, colons and hyphens between bytes, and a leading 0x.
  const pattern = `^(?:\\s*0[xX])?(?:[\\t-\\r :-]*[0-9A-Fa-f]{2}){${least},${most}}[\\t-\\r :-]*$`;
  return anyText.keywords({ pattern }).as((digits, place) => {
    const decoded = decodeHex(digits);
    if (decoded.ok) return sized(decoded.value, least, most, place);
    return place.problem(`${decoded.error.message}: write hexadecimal digits, or { "text": "…" } for text`);
  });
}

/** Bytes of `least` to `most`: hexadecimal text, or an object with `text`, which stands for its UTF-8. */
export function bytes(least: number, most: number, about?: string): Shape<Uint8Array, BytesSource> {
  const utf8 = object({ text: anyText.keywords({ minLength: Math.min(least, 1), maxLength: most }) });
  const either = byType('hexadecimal text such as "3F00", or { "text": "…" }', {
    string: hexadecimal(least, most),
    object: utf8.as((given, place) => sized(new TextEncoder().encode(given.text), least, most, place)),
  });
  return about === undefined ? either : either.about(about);
}

function sized(value: Uint8Array, least: number, most: number, place: JsonPlace): Uint8Array | undefined {
  if (value.length >= least && value.length <= most) return value;
  return place.problem(`has ${value.length} bytes; it takes ${least === most ? least : `${least} to ${most}`}`);
}
