// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import { SmartCardError } from "../../port/index.ts";
import type { ControlCommand } from "../daemon/index.ts";
import { type Command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { parseOptions, UsageError } from "./options.ts";
import { namesFitting } from "./reader-choice.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const reader =
  'READER is the name of a virtual reader, a part of it that no other has, or its number in "scard readers".';

/** `scard insert`: puts a card into a virtual reader of the daemon. */
export const insert: Command = {
  name: "insert",
  summary: "insert a card into a virtual reader of scard daemon",
  usage: ["[OPTION…] READER CARD"],
  description: [
    `Puts a software card into a virtual reader of scard daemon. CARD is demo, or the path of a card image. A card that is in comes out first. ${reader}`,
  ],
  options: controlOption,
  argumentWords: "file",
  async run(args, terminal) {
    const { positionals, values } = parseOptions(args, controlOption);
    const [choice, card, ...others] = positionals;
    if (choice === undefined || card === undefined || others.length > 0) {
      throw new UsageError("a reader and a card are needed");
    }
    const path = card === "demo" ? card : resolve(card);
    return move("insert", choice, values, terminal, (name) => ({ command: "insert", reader: name, card: path }));
  },
};

/** `scard eject`: ejects the card of a virtual reader of the daemon. */
export const eject: Command = {
  name: "eject",
  summary: "eject the card of a virtual reader of scard daemon",
  usage: ["[OPTION…] READER"],
  description: [
    `Has a virtual reader of scard daemon move its card out, as a button on a reader does, once the operation under way is done. Programs that use the card find it removed. ${reader}`,
  ],
  options: controlOption,
  run: (args, terminal) => moveOut("eject", args, terminal),
};

/** `scard remove`: removes the card from a virtual reader of the daemon. */
export const remove: Command = {
  name: "remove",
  summary: "remove the card from a virtual reader of scard daemon",
  usage: ["[OPTION…] READER"],
  description: [
    `Removes the card from a virtual reader of scard daemon at once, even during an exchange, as a user would by hand. ${reader}`,
  ],
  options: controlOption,
  run: (args, terminal) => moveOut("remove", args, terminal),
};

async function moveOut(command: "eject" | "remove", args: readonly string[], terminal: Terminal): Promise<number> {
  const { positionals, values } = parseOptions(args, controlOption);
  const [choice, ...others] = positionals;
  if (choice === undefined || others.length > 0) throw new UsageError("one reader is needed");
  return move(command, choice, values, terminal, (name) => ({ command, reader: name }));
}

async function move(
  what: "insert" | "eject" | "remove",
  choice: string,
  values: { readonly control?: string; readonly json?: boolean },
  terminal: Terminal,
  commandFor: (name: string) => ControlCommand,
): Promise<number> {
  const { path, result } = await askLikelyDaemon({ command: "readers" }, values.control, terminal);
  const names = result.map(({ name }) => name);
  const name = onlyOne(names, choice);
  await askLikelyDaemon(commandFor(name), path, terminal);
  if (values.json) terminal.print(jsonText({ reader: name, done: what }));
  else
    terminal.print(
      `${visible(name)}: ${{ insert: "card inserted", eject: "card ejected", remove: "card removed" }[what]}`,
    );
  return exitCodes.ok;
}

function onlyOne(names: readonly string[], choice: string): string {
  const fitting = namesFitting(names, choice);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const list = names.map((name, number) => `${number} "${visible(name)}"`).join(", ") || "none";
  const found = fitting.length === 0 ? "no reader has that name" : `${fitting.length} readers have that in their names`;
  throw new SmartCardError("unknown-reader", `${found}; the readers: ${list}`);
}
