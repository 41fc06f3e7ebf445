// SPDX-License-Identifier: MIT

import { checkBytes, isBytes, kindOf, quoteWord } from "../base/binary/index.ts";
import {
  type Check,
  listOf,
  listOfWords,
  type Members,
  optional,
  optionsOf,
  type Place,
  read,
  refuse,
  shown,
} from "./check.ts";
import { SmartCardError } from "./error.ts";
import { nearest } from "./nearest.ts";
import type { ResourceManager } from "./resource-manager.ts";
import type { Clock, Random, Runtime, Trace } from "./runtime.ts";

/** A whole number in a range, both ends included. */
export function wholeNumber(least: number, most: number, unit = ""): Check<number> {
  const expected = `give a whole number${unit === "" ? "" : ` of ${unit}`} from ${least} to ${most}`;
  return (value, place) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(place, shown(value), expected);
  };
}

/** INFINITE of both headers: the timeout that never passes. */
export const INFINITE = 0xffff_ffff;

/**
 * A timeout of the C calls as the port has it: undefined for INFINITE, and at most what timers take. Longer than that is 24 days and more:
 * the difference cannot be seen. Any other value comes back as it is, for the port to refuse.
 */
export function timeoutOfNumber(milliseconds: number): number | undefined {
  if (milliseconds === INFINITE) return undefined;
  return milliseconds < INFINITE ? Math.min(milliseconds, MAX_TIMER_MS) : milliseconds;
}

/** The longest time that the machine's timers take: 24 days and 20 hours. */
export const MAX_TIMER_MS = 0x7fff_ffff;

/** A time that may be left out: whole milliseconds, 0 to 2,147,483,647. */
export const milliseconds: Check<number> = (value, place) => {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TIMER_MS) return value;
  const remedy = `give whole milliseconds from 0 to ${MAX_TIMER_MS}, or leave it out to wait without a deadline`;
  return refuse(place, shown(value), remedy);
};

/** How long something took, or may take: milliseconds with fractions, 0 or more. */
export const fractionalMilliseconds: Check<number> = (value, place) =>
  typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY
    ? value
    : refuse(place, shown(value), "give milliseconds, 0 or more; they may have a fraction");

/** `true` or `false`. */
export const truth: Check<boolean> = (value, place) =>
  typeof value === "boolean" ? value : refuse(place, shown(value), "give true or false");

/** Text of any kind, which may be empty. */
export const anyText: Check<string> = (value, place) =>
  typeof value === "string" ? value : refuse(place, shown(value), "give a string");

/** Text that is not empty and has no NUL, which would end it in C. */
export function text(what: string, mostBytes = 65_536): Check<string> {
  return (value, place) => {
    if (typeof value !== "string") return refuse(place, shown(value), `give ${what} as a string`);
    if (value === "") return refuse(place, "an empty string", `give ${what}`);
    if (value.includes("\0")) return refuse(place, "a string with a NUL in it", `give ${what} without`);
    // A string of UTF-16 has at least as many bytes in UTF-8 as it has units.
    const bytes = value.length > mostBytes ? value.length : new TextEncoder().encode(value).length;
    if (bytes > mostBytes) refuse(place, "too long", `${what} has at most ${mostBytes} bytes of UTF-8`);
    return value;
  };
}

/** A word of an enumeration: a key of a table. @throws invalid-value */
export function word<K extends string>(table: Readonly<Record<K, unknown>>, what: string): Check<K> {
  const known = Object.keys(table);
  return (value, place) => {
    if (typeof value === "string" && Object.hasOwn(table, value)) return value as K;
    throw unknownWord(value, known, what, place);
  };
}

function unknownWord(
  value: unknown,
  known: readonly string[],
  what: string,
  { operation, path }: Place,
): SmartCardError {
  const near = typeof value === "string" ? nearest(value, known) : undefined;
  const question = near === undefined ? "" : ` Did you mean ${JSON.stringify(near)}?`;
  const shown = typeof value === "string" || typeof value === "number" ? quoted(value) : kindOf(value);
  const expected = listOfWords(
    known.map((term) => JSON.stringify(term)),
    "or",
  );
  const message = `${operation}: ${path} is ${shown}.${question} The ${what} is ${expected}`;
  return new SmartCardError("invalid-value", message, { operation });
}

/** A word as a message repeats it. */
function quoted(value: string | number): string {
  return typeof value === "number" ? String(value) : quoteWord(value);
}

/** An AbortSignal, of this realm or another. */
export const abortSignal: Check<AbortSignal> = (value, place) => {
  if (isSignal(value)) return value;
  const isController = kindOf(value) === "an AbortController";
  return refuse(place, shown(value), isController ? "pass its signal" : "pass the signal of an AbortController");
};

function isSignal(value: unknown): value is AbortSignal {
  if (kindOf(value) !== "an AbortSignal" || !hasMethods(value, ["addEventListener", "removeEventListener"]))
    return false;
  try {
    // An object that only inherits from AbortSignal throws here.
    return typeof (value as AbortSignal).aborted === "boolean";
  } catch {
    return false;
  }
}

/** A function. */
export function callback<T>(what: string): Check<T> {
  return (value, place) => (typeof value === "function" ? (value as T) : refuse(place, shown(value), `pass ${what}`));
}

/** A foreign object, recognized by its methods and passed on unchanged. */
export function having<T>(methods: readonly (keyof T & string)[], what: string): Check<T> {
  return (value, place) => {
    if (hasMethods(value, methods)) return value as T;
    return refuse(place, shown(value), `pass ${what}, which has the methods ${listOfWords(methods)}`);
  };
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  try {
    return methods.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");
  } catch {
    return false;
  }
}

/** A byte string. @throws TypeError */
export const byteString: Check<Uint8Array> = (value, place) => {
  if (!isBytes(value)) checkBytes(value, `${place.operation}: ${place.path}`);
  return value as Uint8Array;
};

/** Optional limits: whole numbers, in the unit that the name says. Lists of numbers where the default is a list. */
export function limitsOf<T extends object>(defaults: T): Check<Partial<T>> {
  const number = wholeNumber(0, MAX_TIMER_MS);
  const numbers = listOf(number, "whole numbers", 64);
  const members = Object.entries(defaults).map(([name, value]): [string, Check<unknown>] => {
    return [name, optional<unknown>(Array.isArray(value) ? numbers : number)];
  });
  return optionsOf<Partial<T>>(Object.fromEntries(members) as Members<Partial<T>>);
}

/** A resource manager, ours or a foreign one. */
export const managerObject: Check<ResourceManager> = having<ResourceManager>(
  ["establishContext"],
  "a resource manager",
);

/** A clock that is passed in. */
export const clockObject: Check<Clock> = having<Clock>(["now", "wallTime", "schedule"], "a clock");

const randomObject = having<Random>(["bytes"], "a source of random bytes");
/** A check for a {@link Trace}. */
export const traceFunction = callback<Trace>("a function that is told what happens");

/** A runtime, passed on as it is: it may be an object of a class. */
export const runtimeObject: Check<Runtime> = (value, place) => {
  const parts = { clock: clockObject, random: randomObject, trace: traceFunction };
  return partsOf<Runtime>(parts, "a runtime: nodeRuntime() makes one")(value, place);
};

/** A foreign object of which some members are used: they are checked, and the object is passed on unchanged. */
export function partsOf<T extends object>(members: Members<T>, what: string): Check<T> {
  const names = Object.keys(members) as (keyof T & string)[];
  return (value, { operation, path }) => {
    if (typeof value !== "object" || value === null) return refuse({ operation, path }, shown(value), `pass ${what}`);
    for (const name of names) {
      const at = { operation, path: `${path}.${name}` };
      members[name](read(value, name, at), at);
    }
    return value as T;
  };
}
