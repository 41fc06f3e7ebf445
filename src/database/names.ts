// SPDX-License-Identifier: MIT

import { SmartCardError } from "../pcsc/index.ts";
import { maxNameLength } from "./limits.ts";

/**
 * The form of a name in which two that Windows takes for the same are equal: every character in upper case, where its
 * upper case is one character (`straße` stays apart from `STRASSE`). Nothing is composed or trimmed.
 *
 * Microsoft documents the case of none of these names; Windows keeps them as keys of the registry, which compares so.
 */
export function foldName(name: string): string {
  // Most names are ASCII, where every upper case is one character.
  if (!/[^ -~]/.test(name)) return name.toUpperCase();
  let folded = "";
  for (const character of name) {
    const upper = character.toUpperCase();
    folded += [...upper].length === 1 ? upper : character;
  }
  return folded;
}

/** Tells whether two names are the same for the database. */
export function sameName(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}

/**
 * Checks a name that a caller gives.
 *
 * @param what says in the error whose name it is: `card`, `reader`, …
 * @throws invalid-parameter where it is no text, empty, longer than 255 characters, or has control characters
 */
export function checkName(name: string, what: string): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new SmartCardError("invalid-parameter", `the name of the ${what} ${problem}`);
}

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return "is not a text";
  if (name === "") return "is empty";
  if (name.length > maxNameLength) return `has more than ${maxNameLength} characters`;
  // A terminal would obey them, and C would take NUL for the end.
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) return "has control characters";
  return /\p{Cs}/u.test(name) ? "has half a surrogate pair" : undefined;
}
