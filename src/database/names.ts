// SPDX-License-Identifier: MIT

import { checkTextOf } from "./arguments.ts";

/**
 * The form of a name in which two that Windows takes for the same are equal: every character in upper case, where its
 * upper case is one character (`straße` stays apart from `STRASSE`). Nothing is composed or trimmed.
 *
 * Microsoft documents the case of none of these names; Windows keeps them as keys of the registry, which compares so.
 *
 * @throws invalid-parameter for anything but a text
 */
export function foldName(name: string): string {
  checkTextOf("name", name);
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
