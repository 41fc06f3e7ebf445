// SPDX-License-Identifier: MIT

import { type Context, foldName, SmartCardError } from "../../port/index.ts";
import { visible } from "./text.ts";

/**
 * Finds the reader that the user means: by its name, its number in the list of readers, or a part of its name that no
 * other has. Without a choice: the only reader, or the only one with a card in it. Case does not matter.
 *
 * @throws no-readers-available, unknown-reader (none fits, or several do), no-smartcard (there are several readers, and none
 * has a card), and what the manager fails with
 */
export async function chooseReader(context: Context, choice: string | undefined): Promise<string> {
  const names = await context.listReaders();
  if (choice !== undefined && names.length > 0) return onlyFitting(names, choice, "--reader");
  return onlyLikely(names, await likelyReaders(context, names));
}

/**
 * The only reader, or the only one with a card in it.
 *
 * @param likely those that have a card @throws as {@link chooseReader}
 */
export function onlyLikely(names: readonly string[], likely: readonly string[]): string {
  if (names.length === 0) throw new SmartCardError("no-readers-available", "there is no reader");
  const [only, ...others] = names.length === 1 ? names : likely;
  if (only !== undefined && others.length === 0) return only;
  const missing = only === undefined ? "no reader has a card: put one in, or " : "";
  const code = only === undefined ? "no-smartcard" : "unknown-reader";
  throw new SmartCardError(code, `${missing}choose one with --reader: ${listed(names)}`);
}

/**
 * The one name that a choice means. `what` tells the user which choice it is about, as that is not repeated.
 *
 * @throws unknown-reader (none fits, or several do)
 */
export function onlyFitting(names: readonly string[], choice: string, what: string): string {
  const [only, ...others] = namesFitting(names, choice);
  if (only !== undefined && others.length === 0) return only;
  const found = only === undefined ? "none" : 1 + others.length;
  throw new SmartCardError("unknown-reader", `${what} fits ${found} of the readers: ${listed(names) || "none"}`);
}

function listed(names: readonly string[]): string {
  return names.map((name, number) => `${number} "${visible(name)}"`).join(", ");
}

/** The names that a choice may mean: one of them exactly, one by its number in the list, or those that it is a part of. */
function namesFitting(names: readonly string[], choice: string): readonly string[] {
  const wanted = foldName(choice);
  const exact = names.filter((name) => foldName(name) === wanted);
  if (exact.length > 0) return exact;
  const numbered = /^\d{1,4}$/.test(choice) ? names[Number(choice)] : undefined;
  if (numbered !== undefined) return [numbered];
  return wanted === "" ? [] : names.filter((name) => foldName(name).includes(wanted));
}

async function likelyReaders(context: Context, names: readonly string[]): Promise<readonly string[]> {
  if (names.length <= 1) return names;
  const states = await context.getStatusChange(
    names.map((reader) => ({ reader })),
    { timeoutMs: 0 },
  );
  return states.filter((state) => state.flags.present).map((state) => state.reader);
}
