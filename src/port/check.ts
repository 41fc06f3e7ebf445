// SPDX-License-Identifier: MIT

import { kindOf, quoteWord, shown } from "../base/binary/index.ts";
import type { ErrorCode } from "./codes.ts";
import { SmartCardError } from "./error.ts";
import { nearest } from "./nearest.ts";

/** The place of a value, for the error message. */
export interface Place {
  /** What the caller asked for: `connect`, `openManager`. */
  readonly operation: string;
  /** The argument, and the member of it: `options.timeoutMs`. */
  readonly path: string;
}

/**
 * Takes any value of a caller and returns it with the required type, or throws: `invalid-parameter` for a value of the wrong
 * type or out of range, `invalid-value` for a word that an enumeration does not have.
 */
export type Check<T> = (value: unknown, place: Place) => T;

/**
 * Refuses a value: names its place, what came, and what is expected.
 *
 * @param what what came, in words that do not repeat it: {@link shown}
 */
export function refuse(
  { operation, path }: Place,
  what: string,
  remedy: string,
  code: ErrorCode = "invalid-parameter",
  cause?: unknown,
): never {
  const options = cause === undefined ? {} : { cause };
  throw new SmartCardError(code, `${operation}: ${path} is ${what}; ${remedy}`, { operation }, options);
}

export { shown };

/** A member that may be left out; `undefined` counts as left out. */
export function optional<T>(check: Check<T>): Check<T> {
  // An options object leaves out what is undefined before it gives it to its caller.
  return (value, place) => (value === undefined ? (undefined as T) : check(value, place));
}

/** The checks of the members of an options object: one for each, so that none is forgotten. */
export type Members<T> = { readonly [K in keyof T]-?: Check<T[K]> };

/**
 * Checks an options object and copies its members, so that the caller cannot change them after the check.
 *
 *
 * Members are read as destructuring reads them: from the object and from what it inherits, so an instance of a class
 * with getters, or `Object.create(defaults)`, serves as well as a literal. An unknown member is refused, own or inherited,
 * because it is probably misspelt; only members that cannot be enumerated (methods of a class, private `#members`) and
 * symbols are ignored. A member that is `undefined` counts as left out; `null` does not.
 *
 */
export function optionsOf<T extends object>(members: Members<T>): Check<T> {
  const known = Object.keys(members) as (keyof T & string)[];
  return (value, place) => {
    const given = optionsObject(value, known, place);
    refuseUnknown(given, known, place);
    const checked: Partial<T> = {};
    for (const name of known) {
      const at = inside(place, name);
      const member = members[name](read(given, name, at), at);
      if (member !== undefined) checked[name] = member;
    }
    return checked as T;
  };
}

/**
 * Checks an object with optional members. `undefined` is checked too: in some of these objects it is a value that means
 * never or no limit.
 */
export function partOf<T extends object>(members: Members<T>): Check<Partial<T>> {
  const known = Object.keys(members) as (keyof T & string)[];
  return (value, place) => {
    const given = optionsObject(value, known, place);
    refuseUnknown(given, known, place);
    const names = namesOf(given, place);
    const checked: Partial<T> = {};
    for (const name of known) {
      const at = inside(place, name);
      const member = read(given, name, at);
      if (member !== undefined || names.has(name)) checked[name] = members[name](member, at);
    }
    return checked;
  };
}

/**
 * The options that a caller gave, with defaults for those that it left out, for a function that passes them on to one that
 * checks them.
 *
 * @throws invalid-parameter (no object, or one that cannot be read)
 */
export function withDefaults<T extends object>(options: unknown, defaults: T, place: Place): Partial<T> & T {
  const names = Object.keys(defaults);
  if (options === undefined) return defaults;
  if (!isOptionsObject(options)) refuse(place, kindOf(options), `pass an object${instead(options, names)}`);
  const merged: Record<string, unknown> = Object.assign(Object.create(null), defaults);
  for (const name of new Set([...namesOf(options, place), ...names])) {
    const member = read(options, name, inside(place, name));
    if (member !== undefined || !names.includes(name)) merged[name] = member;
  }
  return merged as T;
}

/** An object that may hold options. @throws invalid-parameter */
function optionsObject(value: unknown, known: readonly string[], place: Place): object {
  if (isOptionsObject(value)) return value;
  return refuse(place, kindOf(value), `pass an object with ${listOfWords(known)}${instead(value, known)}`);
}

function inside(place: Place, name: string): Place {
  return { operation: place.operation, path: `${place.path}.${name}` };
}

/** Objects of built-in classes hold no options; their members are not enumerable and would be ignored. */
const otherKinds: ReadonlySet<string> = new Set(
  (
    "Array Date Map Set WeakMap WeakSet Promise RegExp Error Boolean Number String ArrayBuffer SharedArrayBuffer DataView " +
    "Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array " +
    "BigInt64Array BigUint64Array AbortSignal AbortController Generator AsyncGenerator"
  ).split(" "),
);

function isOptionsObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  try {
    return !Array.isArray(value) && !otherKinds.has(Object.prototype.toString.call(value).slice(8, -1));
  } catch {
    // A proxy that throws here also throws when its members are read, and is refused there.
    return true;
  }
}

function instead(value: unknown, known: readonly string[]): string {
  if (value === null) return ", or leave it out";
  const isSignal = kindOf(value) === "an AbortSignal" && known.includes("signal");
  return isSignal ? ", here { signal }" : "";
}

/** @throws invalid-parameter */
function refuseUnknown(value: object, known: readonly string[], place: Place): void {
  let unknown: string | undefined;
  eachName(value, place, (name) => {
    if (!known.includes(name)) unknown ??= name;
  });
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  const question = near === undefined ? "" : ` Did you mean ${near}?`;
  const message = `${place.operation}: ${place.path} has no member ${quoteWord(unknown)}.${question} It may have ${listOfWords(known)}`;
  throw new SmartCardError("invalid-parameter", message, { operation: place.operation });
}

function namesOf(value: object, place: Place): ReadonlySet<string> {
  const names = new Set<string>();
  eachName(value, place, (name) => void names.add(name));
  return names;
}

/** Tells the enumerable members of an object and its prototypes, without Object.prototype. @throws invalid-parameter */
function eachName(value: object, place: Place, tell: (name: string) => void): void {
  try {
    for (let level: object | null = value; level !== null; level = Object.getPrototypeOf(level)) {
      if (level !== value && Object.hasOwn(level, "isPrototypeOf")) break;
      Object.keys(level).forEach(tell);
    }
  } catch (cause) {
    refuse(place, "an object", "pass one whose members can be read", "invalid-parameter", cause);
  }
}

/** Reads a member: its getter may throw, or the proxy before it. */
export function read(value: object, name: string | number, at: Place): unknown {
  try {
    return (value as Readonly<Record<string | number, unknown>>)[name];
  } catch (cause) {
    return refuse(at, "a member that cannot be read", "pass an object whose members can", "invalid-parameter", cause);
  }
}

/** "a", "a and b", "a, b and c". */
export function listOfWords(words: readonly string[], joint: "and" | "or" = "and"): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${joint} ${words.at(-1)}`;
}

/** A list whose elements are checked and copied. Only an array, no other iterable. */
export function listOf<T>(check: Check<T>, what: string, most: number = MAX_LISTED): Check<readonly T[]> {
  return (value, place) => {
    if (!isArray(value)) return refuse(place, kindOf(value), `pass an array of ${what}`);
    const length = read(value, "length", place);
    if (typeof length !== "number") return refuse(place, kindOf(value), `pass an array of ${what}`);
    if (length > most) refuse(place, `an array of ${length}`, `${most} is the most`);
    const checked: T[] = [];
    for (let index = 0; index < length; index++) {
      const at = { operation: place.operation, path: `${place.path}[${index}]` };
      checked.push(check(read(value, index, at), at));
    }
    return checked;
  };
}

/** Longer than any valid list. */
const MAX_LISTED = 1_048_576;

function isArray(value: unknown): value is object {
  try {
    return Array.isArray(value);
  } catch {
    // A proxy that was revoked.
    return false;
  }
}
