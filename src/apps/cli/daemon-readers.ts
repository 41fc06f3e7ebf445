// SPDX-License-Identifier: MIT

import { type ControlCommand, cardSource } from "../daemon/index.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption, oneReader } from "./control-option.ts";
import { type ParsedLine, UsageError } from "./options.ts";
import { onlyFitting } from "./reader-choice.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const READER =
  'READER is the name of a virtual reader, a part of it that no other has, or its number in "scard readers".';

/** `scard insert`: puts a card into a virtual reader of the daemon. */
export const insert = command({
  name: "insert",
  summary: "insert a card into a virtual reader of scard daemon",
  usage: ["[OPTION…] READER CARD"],
  description: [
    `Puts a software card into a virtual reader of scard daemon. CARD is a new card of a kind (demo, piv, openpgp, gids, yubikey, ntag215 and others), or the path of a card's description ("scard card new" writes one). A card that is in comes out first. ${READER}`,
  ],
  options: controlOption,
  argumentWords: "file",
  async run({ positionals, values }, terminal) {
    const [choice, card, ...others] = positionals;
    if (choice === undefined || card === undefined || others.length > 0) {
      throw new UsageError("a reader and a card are needed");
    }
    const path = cardSource(card, process.cwd());
    return move("insert", choice, values, terminal, (name) => ({ command: "insert", reader: name, card: path }));
  },
});

/** `scard eject`: ejects the card of a virtual reader of the daemon. */
export const eject = command({
  name: "eject",
  summary: "eject the card of a virtual reader of scard daemon",
  usage: ["[OPTION…] READER"],
  description: [
    `Has a virtual reader of scard daemon move its card out, as a button on a reader does, once the operation under way is done. Programs that use the card find it removed. ${READER}`,
  ],
  options: controlOption,
  run: (line, terminal) => moveOut("eject", line, terminal),
});

/** `scard remove`: removes the card from a virtual reader of the daemon. */
export const remove = command({
  name: "remove",
  summary: "remove the card from a virtual reader of scard daemon",
  usage: ["[OPTION…] READER"],
  description: [
    `Removes the card from a virtual reader of scard daemon at once, even during an exchange, as a user would by hand. ${READER}`,
  ],
  options: controlOption,
  run: (line, terminal) => moveOut("remove", line, terminal),
});

async function moveOut(
  what: "eject" | "remove",
  { positionals, values }: ParsedLine<typeof controlOption>,
  terminal: Terminal,
): Promise<number> {
  const choice = oneReader(positionals);
  return move(what, choice, values, terminal, (name) => ({ command: what, reader: name }));
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
  const name = onlyFitting(names, choice, "argument 1");
  await askLikelyDaemon(commandFor(name), path, terminal);
  if (values.json) terminal.print(jsonText({ reader: name, done: what }));
  else
    terminal.print(
      `${visible(name)}: ${{ insert: "card inserted", eject: "card ejected", remove: "card removed" }[what]}`,
    );
  return exitCodes.ok;
}
