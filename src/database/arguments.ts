// SPDX-License-Identifier: MIT

import { isBytes, kindOf, quoteWord } from "../base/binary/index.ts";
import { SmartCardError, shown } from "../port/index.ts";

// Checks of the database's arguments. Each failure names the argument, what came and what to pass.

/** The failure for an invalid argument. */
export function refused(name: string, value: unknown, remedy: string): SmartCardError {
  return new SmartCardError("invalid-parameter", `${name} is ${shown(value)}; ${remedy}`);
}

export function isObject(value: unknown): value is object {
  return kindOf(value) === "an object";
}

/** Refuses a member that is not known: it was misspelt, and would be ignored. @throws invalid-parameter */
export function checkKnown(name: string, value: object, known: readonly string[]): void {
  for (const member in value) {
    if (known.includes(member)) continue;
    const message = `${name} has no member ${quoteWord(member)}; it may have ${known.join(", ")}`;
    throw new SmartCardError("invalid-parameter", message);
  }
}

/** @throws invalid-parameter for anything but a text */
export function checkTextOf(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw refused(name, value, "give a text");
}

/** @throws invalid-parameter for anything but bytes */
export function checkAtrBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!isBytes(value)) throw refused(name, value, "pass a Uint8Array; decodeHex makes one of hexadecimal digits");
}

/** @throws invalid-parameter for anything but an array */
export function checkArrayOf(name: string, value: unknown, what: string): void {
  if (!Array.isArray(value)) throw refused(name, value, `pass an array of ${what}`);
}

/** @throws invalid-parameter for anything but an array of texts */
export function checkTexts(name: string, value: unknown, what: string): void {
  checkArrayOf(name, value, what);
  for (const [index, text] of (value as readonly unknown[]).entries()) checkTextOf(`${name}[${index}]`, text);
}
