// SPDX-License-Identifier: MIT

import { type Context, foldName, SmartCardError } from "../../port/index.ts";
import { visible } from "./text.ts";

/**
 * Finds the reader that the user means: by its name, its number in the list of readers, or a part of its name that no
 * other has. Without a choice: the only reader, or the only one with a card in it. Case does not matter.
 *
 * @throws no-readers-available, unknown-reader (none fits, or several do), and what the manager fails with
 */
export async function chooseReader(context: Context, choice: string | undefined): Promise<string> {
  const names = await context.listReaders();
  if (names.length === 0) throw new SmartCardError("no-readers-available", "there is no reader");
  const fitting = choice === undefined ? await likelyReaders(context, names) : namesFitting(names, choice);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const list = names.map((name, number) => `${number} "${visible(name)}"`).join(", ");
  const what =
    choice === undefined ? "choose one with --reader" : `--reader fits ${fitting.length || "none"} of the readers`;
  throw new SmartCardError("unknown-reader", `${what}: ${list}`);
}

/** The names that a choice may mean: one of them exactly, one by its number in the list, or those that it is a part of. */
export function namesFitting(names: readonly string[], choice: string): readonly string[] {
  const wanted = foldName(choice);
  const exact = names.filter((name) => foldName(name) === wanted);
  if (exact.length > 0) return exact;
  const numbered = /^\d{1,4}$/.test(choice) ? names[Number(choice)] : undefined;
  if (numbered !== undefined) return [numbered];
  return wanted === "" ? [] : names.filter((name) => foldName(name).includes(wanted));
}

async function likelyReaders(context: Context, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 1) return names;
  const states = await context.getStatusChange(
    names.map((reader) => ({ reader })),
    { timeoutMs: 0 },
  );
  return states.filter((state) => state.flags.present).map((state) => state.reader);
}
