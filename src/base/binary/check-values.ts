// SPDX-License-Identifier: MIT

import { kindOf } from "./check-bytes.ts";
import { quoteWord } from "./quote.ts";

// What the rooms without error codes say of an argument that is not what it has to be: a TypeError for the wrong kind of
// value, a RangeError for a number out of range. Text is never repeated: it may be a PIN.

/** What a message says of a value: a number as it is, of all else the kind. Text may be a PIN in the wrong place. */
export function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : kindOf(value);
}

/** @throws TypeError (not a string) */
export function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${name} is ${shown(value)}; pass a string`);
}

/**
 * A whole number in a range, both ends included.
 *
 * @throws TypeError (not a number), RangeError (a fraction, or out of range)
 */
export function checkWhole(value: unknown, least: number, most: number, name: string): asserts value is number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return;
  const message = `${name} is ${least} to ${most}, not ${shown(value)}`;
  throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

/** @throws TypeError (neither true nor false) */
export function checkTruth(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") throw new TypeError(`${name} is ${shown(value)}; give true or false`);
}

/** One of some words. @throws TypeError */
export function checkWord(value: unknown, words: readonly string[], name: string): void {
  if (typeof value === "string" && words.includes(value)) return;
  const given = typeof value === "string" ? quoteWord(value) : shown(value);
  throw new TypeError(`${name} is ${given}; give ${words.map((word) => JSON.stringify(word)).join(" or ")}`);
}

/** @throws TypeError (not a function) */
export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== "function") throw new TypeError(`${name} is ${shown(value)}; pass a function`);
}

/** @throws TypeError (not an array) */
export function checkList(value: unknown, what: string, name: string): asserts value is readonly unknown[] {
  if (kindOf(value) !== "an array") throw new TypeError(`${name} is ${shown(value)}; pass an array of ${what}`);
}

/**
 * An object whose members are checked afterwards.
 *
 * @param remedy what to pass: `pass a command, as decodeCommand() gives it`
 * @throws TypeError (not an object; arrays, bytes and the like are none)
 */
export function checkObject(value: unknown, name: string, remedy: string): asserts value is object {
  if (kindOf(value) !== "an object") throw new TypeError(`${name} is ${shown(value)}; ${remedy}`);
}
