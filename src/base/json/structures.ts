// SPDX-License-Identifier: MIT

import type { JsonPlace } from "./place.ts";
import {
  type AnyShape,
  type JsonOf,
  type JsonSchema,
  OptionalShape,
  type SchemaReference,
  Shape,
  type ValueOf,
} from "./shape.ts";

/** The members of an object. */
export type ShapeMembers = Readonly<Record<string, AnyShape | OptionalShape<unknown>>>;

/** The members of an intersection in one object. */
export type Flattened<T> = { [Key in keyof T]: T[Key] };

/** What an object with these members is in a file. */
export type JsonObject<M extends ShapeMembers> = Flattened<
  { readonly [Key in keyof M as M[Key] extends AnyShape ? Key : never]: JsonOf<M[Key]> } & {
    readonly [Key in keyof M as M[Key] extends AnyShape ? never : Key]?: JsonOf<M[Key]>;
  }
>;

/** What a program gets from an object with these members. */
export type ObjectValue<M extends ShapeMembers> = Flattened<
  { readonly [Key in keyof M as undefined extends ValueOf<M[Key]> ? never : Key]: ValueOf<M[Key]> } & {
    readonly [Key in keyof M as undefined extends ValueOf<M[Key]> ? Key : never]?: Exclude<ValueOf<M[Key]>, undefined>;
  }
>;

/** What is done with members that an object should not have. */
export interface OtherMembers {
  /** They are ignored, in messages of peers that may be of a later release. @default false */
  readonly ignored?: boolean;
  /** What is said of members that belong elsewhere, in place of the usual message. */
  readonly misplaced?: Readonly<Record<string, string>>;
}

/** An object with these members and no others. */
export function object<M extends ShapeMembers>(
  members: M,
  { ignored = false, misplaced = {} }: OtherMembers = {},
): Shape<ObjectValue<M>, JsonObject<M>> {
  const entries = Object.entries(members);
  const names = entries.flatMap(([name]) => (name === "$schema" ? [] : [name])).join(", ");
  const expected = `an object with ${names}`;
  return new Shape<ObjectValue<M>, JsonObject<M>>({
    expected,
    read(given, place) {
      if (!isObject(given)) return place.wrong(given, expected);
      for (const key of Object.keys(given)) {
        if (ignored || Object.hasOwn(members, key)) continue;
        const message = Object.hasOwn(misplaced, key) ? misplaced[key] : undefined;
        place.at(key).problem(message ?? `is not known here: use ${names}, or remove it`);
      }
      const value = entries.map(([name, member]) => {
        return [name, member.read(Object.hasOwn(given, name) ? given[name] : undefined, place.at(name))];
      });
      return Object.fromEntries(value.filter(([, one]) => one !== undefined)) as ObjectValue<M>;
    },
    schema: (reference) => objectSchema(members, ignored, reference),
  });
}

function objectSchema(members: ShapeMembers, ignored: boolean, reference: SchemaReference): JsonSchema {
  const required = Object.keys(members).filter((name) => !(members[name] instanceof OptionalShape));
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(members).map(([name, one]) => [name, one.schema(reference)])),
    ...(required.length > 0 && { required }),
    ...(!ignored && { additionalProperties: false }),
  };
}

/** An array of at most `most` elements. */
export function list<T, S>(element: AnyShape<T, S>, most: number): Shape<readonly T[], readonly S[]> {
  return new Shape<readonly T[], readonly S[]>({
    expected: "an array",
    read(given, place) {
      if (!Array.isArray(given)) return place.wrong(given, "an array");
      if (given.length > most) return place.problem(`has ${given.length} elements; keep it to ${most}`);
      // An element that is wrong keeps its place: checks count on that, and no caller gets a value with a problem.
      return given.map((one: unknown, index) => element.read(one, place.at(index)) as T);
    },
    schema: (reference) => ({ type: "array", items: element.schema(reference), maxItems: most }),
  });
}

/** The shapes that a value may have. */
export type ShapeOptions = Readonly<Record<string, AnyShape>>;
/** What has one of some shapes. */
export type OneOf<O extends ShapeOptions> = Shape<ValueOf<O[keyof O]>, JsonOf<O[keyof O]>>;

/** One of some shapes, told apart by the kind of JSON value: `string`, `number`, `boolean`, `object`. */
export function byType<O extends ShapeOptions>(expected: string, options: O): OneOf<O> {
  return union(expected, options, (given, place) => {
    const kind = isObject(given) ? "object" : given === null || Array.isArray(given) ? "" : typeof given;
    return options[kind] ?? place.wrong(given, expected);
  });
}

/** One of some objects, told apart by a word in one of their members. */
export function byTag<O extends ShapeOptions>(tag: string, options: O): OneOf<O> {
  const known = Object.keys(options);
  const expected = `one of ${known.map((word) => JSON.stringify(word)).join(", ")}`;
  return union(`an object with ${tag}: ${expected}`, options, (given, place) => {
    const word = isObject(given) && Object.hasOwn(given, tag) ? given[tag] : undefined;
    const found = known.find((one) => one === word);
    return found === undefined ? place.at(tag).wrong(word, expected) : options[found];
  });
}

/** One of some objects, told apart by which one of these members they have. */
export function byMember<O extends ShapeOptions>(expected: string, options: O): OneOf<O> {
  return union(expected, options, (given, place) => {
    const present = Object.keys(options).filter((name) => isObject(given) && Object.hasOwn(given, name));
    return present.length === 1 ? options[present[0] ?? ""] : place.wrong(given, expected);
  });
}

/** Objects that have this member, and others that do not. */
export function withMember<T, S, U, V>(
  member: string,
  having: AnyShape<T, S>,
  others: AnyShape<U, V>,
): Shape<T | U, S | V> {
  const either = union(others.expected, { having, others }, (given) => {
    return isObject(given) && Object.hasOwn(given, member) ? having : others;
  });
  // The member is named beside the choice too, so that an editor offers it where it is missing.
  return either.keywords({ properties: { [member]: {} } });
}

function union<O extends ShapeOptions>(
  expected: string,
  options: O,
  choose: (given: unknown, place: JsonPlace) => AnyShape | undefined,
): OneOf<O> {
  return new Shape({
    expected,
    read: (given, place) => choose(given, place)?.read(given, place),
    schema: (reference) => {
      return { anyOf: [...new Set(Object.values(options))].map((option) => option.schema(reference)) };
    },
  }) as OneOf<O>;
}

/**
 * A shape that contains itself.
 *
 * @param name of its schema
 * @param shape the shape, which may be declared further down
 * @param most levels inside one another
 * @param what is counted, for the message: `directories`
 */
export function nested<T, S>(name: string, shape: () => AnyShape<T, S>, most: number, what: string): Shape<T, S> {
  let level = 0;
  return new Shape<T, S>({
    expected: "an object",
    read(given, place) {
      if (level === most) return place.problem(`is nested more than ${most} ${what} deep`);
      level++;
      try {
        return shape().read(given, place);
      } finally {
        level--;
      }
    },
    schema: (reference) => reference(name, () => shape().schema(reference)),
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
