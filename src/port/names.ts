// SPDX-License-Identifier: MIT

import { shown } from "../base/binary/index.ts";
import { SmartCardError } from "./error.ts";

/** Most characters (UTF-16 units) of the name of a card type, reader, device, group, provider or cached item. */
export const MAX_NAME_LENGTH = 255;

/**
 * Checks a name that a caller gives.
 *
 * @param what says in the error whose name it is: `card`, `reader`, …
 * @throws invalid-parameter where it is not a string, empty, longer than 255 characters, or has control characters
 */
export function checkName(name: string, what: string): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new SmartCardError("invalid-parameter", `the name of the ${what} ${problem}`);
}

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return `is not a text but ${shown(name)}`;
  if (name === "") return "is empty";
  if (name.length > MAX_NAME_LENGTH) return `has more than ${MAX_NAME_LENGTH} characters`;
  // A terminal would interpret them, and NUL ends a string in C.
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) return "has control characters";
  return /\p{Cs}/u.test(name) ? "has half a surrogate pair" : undefined;
}

/**
 * The form of a name in which two that stand for the same are equal: every character in upper case, where its upper case is
 * one character (`straße` differs from `STRASSE`). Nothing is composed or trimmed. Names of readers, groups and
 * card types are all compared so.
 *
 * Microsoft does not document how these names are compared. Windows keeps them as keys of the registry, which compares so.
 *
 * @throws invalid-parameter for anything but a text
 */
export function foldName(name: string): string {
  if (typeof name !== "string") {
    throw new SmartCardError("invalid-parameter", `the name is ${shown(name)}; give a text`);
  }
  // Most names are ASCII, where every upper case is one character.
  if (!/[^ -~]/.test(name)) return name.toUpperCase();
  let folded = "";
  for (const character of name) {
    const upper = character.toUpperCase();
    folded += [...upper].length === 1 ? upper : character;
  }
  return folded;
}

/** Whether two names stand for the same. @throws invalid-parameter for anything but a text */
export function sameName(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}
