// SPDX-License-Identifier: MIT

import { type CardTypes, type Database, foldName } from "../../database/index.ts";
import { type ResourceManager, SmartCardError } from "../../port/index.ts";
import { command, exitCodes } from "./command.ts";
import { withDatabase } from "./database-option.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { millisecondsOf, type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { watchUpdates } from "./reader-watch.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { type Waiting, waiting } from "./waiting.ts";

const optionTable = {
  timeout: { type: "string", value: "SEC", reads: millisecondsOf, help: "give up after that many seconds, with 1" },
  ...managerOption,
} as const satisfies OptionTable;

/** `scard locate`: waits for a card of a known type. */
export const locate = command({
  name: "locate",
  summary: "wait for a card of one of the named types",
  usage: ["[OPTION…] NAME…"],
  description: [
    'Waits until a card of one of the named types is in a reader, and prints the reader and the type. NAME is the name of a card type as "scard types list" has it, or a part of one or several; case does not matter. A card that is already in counts.',
  ],
  options: optionTable,
  run,
});

/** A card that was waited for. */
interface Located {
  /** The reader, by its name in the database. */
  readonly reader: string;
  /** The types that were waited for and that the card may be of, the most specific first. */
  readonly cards: readonly string[];
  readonly atr: Uint8Array;
}

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  if (positionals.length === 0) throw new UsageError("the name of a card type is missing");
  return withDatabase(terminal, undefined, (database) => {
    const wanted = [
      ...new Set(positionals.flatMap((name, at) => typesMeant(database.cardTypes, name, `argument ${at + 1}`))),
    ];
    return withManager(values.manager, terminal, ({ opened }) => {
      return waiting(terminal, values.timeout, async (wait) => {
        terminal.say(`waiting for ${describeWanted(wanted)}`);
        const found = await firstOf(opened.manager, database, wanted, wait);
        if (values.json) terminal.print(jsonText(found));
        else terminal.print(`${visible(found.reader)}  ${found.cards.map(visible).join(", ")}`);
        return exitCodes.ok;
      });
    });
  });
}

/**
 * The names of the card types that a name means: the one that is called so, or all that it is a part of. `what` tells
 * the user which name it is about, as it is not repeated.
 *
 * @throws unknown-card
 */
export function typesMeant(
  cardTypes: Pick<CardTypes, "get" | "has" | "list">,
  name: string,
  what: string,
): readonly string[] {
  if (cardTypes.has(name)) return [cardTypes.get(name).name];
  const part = foldName(name.trim());
  const all = cardTypes.list().map((type) => type.name);
  const fitting = part === "" ? [] : all.filter((one) => foldName(one).includes(part));
  if (fitting.length > 0) return fitting;
  const hint =
    all.length === 0 ? 'none is known: "scard types import" brings some thousands' : 'see "scard types list"';
  throw new SmartCardError("unknown-card", `${what} is the name of no card type, nor a part of one; ${hint}`);
}

const MAX_NAMES_SHOWN = 5;

function describeWanted(wanted: readonly string[]): string {
  const shown = wanted.slice(0, MAX_NAMES_SHOWN).map((name) => `"${visible(name)}"`);
  const more = wanted.length - shown.length;
  return more > 0 ? `${shown.join(", ")} or one of ${more} others` : shown.join(" or ");
}

/** Waits for the first card that is of one of the types. @throws timeout, cancelled, and what the manager fails with */
async function firstOf(
  manager: ResourceManager,
  database: Database,
  wanted: readonly string[],
  wait: Waiting,
): Promise<Located> {
  for await (const { atr, reader } of watchUpdates(manager, wait)) {
    const cards = atr.length === 0 ? [] : database.cardTypes.find({ atr }).map(({ name }) => name);
    const fitting = cards.filter((name) => wanted.includes(name));
    if (fitting.length === 0) continue;
    const [name = reader] = database.readers.namesOf(reader, [reader]);
    return { reader: name, cards: fitting, atr };
  }
  if (wait.timedOut) throw new SmartCardError("timeout", "no such card was put in in the time given");
  if (wait.signal.aborted) throw new SmartCardError("cancelled", "the search was interrupted");
  throw new SmartCardError("service-stopped", "the manager reports no more events");
}
