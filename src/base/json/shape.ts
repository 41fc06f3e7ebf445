// SPDX-License-Identifier: MIT

import { type Result, success } from "../binary/index.ts";
import { type JsonNote, JsonPlace, type JsonProblem } from "./place.ts";

/** A JSON Schema (draft 07), or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Gives a schema that stands once in a document a name, and returns the reference to it. */
export type SchemaReference = (name: string, schema: () => JsonSchema) => JsonSchema;

/** How a value is read and described. */
export interface ShapeForm<T> {
  /** What should be there, for messages: `a whole number from 1 to 15`. */
  readonly expected: string;
  /** Reads a value, or what is right of it; everything wrong is recorded at `place` and left out. */
  readonly read: (value: unknown, place: JsonPlace) => T | undefined;
  /** The JSON Schema. What it refuses is never read without a problem; what it accepts can break a further rule. */
  readonly schema: (reference: SchemaReference) => JsonSchema;
}

/** A shape, as those around it use it. */
export interface AnyShape<T = unknown, S = unknown> extends ShapeForm<T> {
  /** For the compiler alone: what a program gets, and what stands in the file. */
  readonly types: { readonly value: T; readonly json: S };
}

/** What stands in a file that has a shape: the type to write it in a program. */
export type JsonOf<D> = D extends { readonly types: { readonly json: infer S } } ? S : never;

/** What a program gets from reading a shape. */
export type ValueOf<D> = D extends { readonly types: { readonly value: infer T } } ? T : never;

/** What could be read of a value that may have mistakes: members and elements that are wrong are left out. */
export type Loose<T> = T extends Uint8Array | string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Element)[]
    ? readonly (Loose<Element> | undefined)[]
    : { readonly [Key in keyof T]?: Loose<T[Key]> | undefined };

/** A declared shape of JSON: type, parser and JSON Schema in one. `T` is what a program gets, `S` what stands in the file. */
export class Shape<T, S = T> implements AnyShape<T, S> {
  declare readonly types: { readonly value: T; readonly json: S };
  readonly expected: string;
  readonly read: ShapeForm<T>["read"];
  readonly schema: ShapeForm<T>["schema"];

  constructor({ expected, read, schema }: ShapeForm<T>) {
    this.expected = expected;
    this.read = read;
    this.schema = schema;
  }

  /** Says what the value is, for editors. */
  about(description: string): Shape<T, S> {
    return this.keywords({ description });
  }

  /** Adds keywords to the schema. They only tell editors what reading does anyway. */
  keywords(keywords: JsonSchema): Shape<T, S> {
    return new Shape<T, S>({ ...this, schema: (reference) => withKeywords(this.schema(reference), keywords) });
  }

  /** The schema stands once in a document, under this name. */
  named(name: string): Shape<T, S> {
    return new Shape<T, S>({ ...this, schema: (reference) => reference(name, () => this.schema(reference)) });
  }

  /** A further rule. It is applied to all that could be read, so that one run finds the mistakes of all rules. */
  check(rule: (value: Loose<T>, place: JsonPlace) => void): Shape<T, S> {
    const read = (given: unknown, place: JsonPlace): T | undefined => {
      const value = this.read(given, place);
      if (value !== undefined) rule(value as Loose<T>, place);
      return value;
    };
    return new Shape<T, S>({ ...this, read });
  }

  /** Keeps the places where this shape is read, for a check of the whole document. */
  noted(kind: JsonNote<unknown>): Shape<T, S> {
    const read = (given: unknown, place: JsonPlace): T | undefined => {
      place.note(kind, given);
      return this.read(given, place);
    };
    return new Shape<T, S>({ ...this, read });
  }

  /** Turns a value without mistakes into another one; `convert` records a problem, and returns nothing, where it cannot. */
  as<U>(convert: (value: T, place: JsonPlace) => U | undefined): Shape<U, S> {
    const read = (given: unknown, place: JsonPlace): U | undefined => {
      const before = place.problems.length;
      const value = this.read(given, place);
      return value === undefined || place.problems.length > before ? undefined : convert(value, place);
    };
    return new Shape<U, S>({ ...this, read });
  }

  /** `null` may stand here too. */
  orNull(): Shape<T | null, S | null> {
    return new Shape<T | null, S | null>({
      expected: this.expected,
      read: (given, place) => (given === null ? null : this.read(given, place)),
      schema: (reference) => ({ anyOf: [this.schema(reference), { type: "null" }] }),
    });
  }

  /** A member that may be left out, and is then `fallback`. */
  optional(): OptionalShape<T | undefined, S>;
  optional(fallback: T): OptionalShape<T, S>;
  optional(fallback?: T): OptionalShape<T | undefined, S> {
    return new OptionalShape<T | undefined, S>(this, fallback);
  }
}

/** A member of an object that may be left out. */
export class OptionalShape<T, S = T> {
  declare readonly types: { readonly value: T; readonly json: S };
  readonly #shape: AnyShape<T, S>;
  readonly #fallback: T | undefined;

  constructor(shape: AnyShape<T, S>, fallback: T | undefined) {
    this.#shape = shape;
    this.#fallback = fallback;
  }

  read(value: unknown, place: JsonPlace): T | undefined {
    return value === undefined ? this.#fallback : this.#shape.read(value, place);
  }

  schema(reference: SchemaReference): JsonSchema {
    const isShown = ["string", "number", "boolean"].includes(typeof this.#fallback);
    return { ...this.#shape.schema(reference), ...(isShown && { default: this.#fallback }) };
  }
}

/** Adds keywords to a schema. Beside a reference, and twice, they would not count. */
function withKeywords(schema: JsonSchema, keywords: JsonSchema): JsonSchema {
  const overlaps = "$ref" in schema || Object.keys(keywords).some((keyword) => keyword in schema);
  return { ...keywords, ...(overlaps ? { allOf: [schema] } : schema) };
}

/** Reads a document. All problems are found at once; each names its place and the remedy, and repeats no value. */
export function parseShape<T>(shape: AnyShape<T>, json: unknown): Result<T, readonly JsonProblem[]> {
  const root = new JsonPlace();
  const value = shape.read(json, root);
  return value === undefined || root.problems.length > 0 ? { ok: false, error: root.problems } : success(value);
}

/** The problems of a document; none where it has the shape. */
export function problemsIn(shape: AnyShape, json: unknown): readonly JsonProblem[] {
  const parsed = parseShape(shape, json);
  return parsed.ok ? [] : parsed.error;
}

/** The JSON Schema of a whole document, in draft 07, which every editor reads. */
export function schemaOf(shape: AnyShape): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const schema = shape.schema((name, make) => {
    if (definitions[name] === undefined) {
      // A shape that contains itself asks for the name again while its schema is made.
      definitions[name] = {};
      definitions[name] = make();
    }
    return { $ref: `#/definitions/${name}` };
  });
  return { $schema: "http://json-schema.org/draft-07/schema#", ...schema, definitions };
}
