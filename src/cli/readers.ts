// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import type { ClientIdentity, ReaderInspection } from "../pcsc/index.ts";
import { summarizeAtr } from "./atr-report.ts";
import { type Command, exitCodes } from "./command.ts";
import { managerHelp, managerOption, withManager } from "./manager-option.ts";
import { parseOptions, refuseArguments } from "./options.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { duration, jsonText, visible } from "./text.ts";

/** `scard readers`: which readers there are, what is in them, and who holds them. */
export const readers: Command = {
  name: "readers",
  summary: "list the readers, the cards in them, and who holds them",
  help: ` [OPTION…]

Lists the readers with their numbers, which «scard apdu --reader» takes.

  --long          also the reader's id, its event count, the card's ATR, and who is connected and who waits
${managerHelp}`,
  run,
};

async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const { positionals, values } = parseOptions(args, { ...managerOption, long: { type: "boolean" } });
  refuseArguments(positionals);
  return withManager(values.manager, terminal, async ({ manager }) => {
    const { readers: found } = await manager.inspect();
    if (values.json) {
      terminal.print(jsonText({ readers: found.map(readerForPrograms) }));
      return exitCodes.ok;
    }
    if (found.length === 0) terminal.say("there is no reader");
    for (const [number, reader] of found.entries()) {
      for (const line of describeReader(reader, number, values.long === true, terminal.paint)) terminal.print(line);
    }
    return exitCodes.ok;
  });
}

/** A reader as JSON has it. */
export function readerForPrograms(reader: ReaderInspection, number: number): object {
  const { card, connections, eventCount, id, lock, name, queue } = reader;
  const described = card && { ...card, summary: card.mute ? "mute card" : summarizeAtr(card.atr) };
  return { number, name, id, state: statesOf(reader), eventCount, card: described, connections, lock, queue };
}

/** A reader for people: one line, or with `long` all that is known. */
export function describeReader(reader: ReaderInspection, number: number, long: boolean, paint: Paint): string[] {
  const { card } = reader;
  const what = card === undefined ? "" : `  ${card.mute ? "it does not answer" : summarizeAtr(card.atr)}`;
  const states = paint(card === undefined ? "dim" : "green", statesOf(reader).join(", "));
  const lines = [`${number}  ${paint("bold", visible(reader.name))}  ${states}${what}`];
  if (long) lines.push(...moreAbout(reader).map(([title, text]) => `   ${title.padEnd(12)}${text}`));
  else if (reader.lock !== undefined) lines.push(`   ${holderOf(reader.lock)}`);
  return lines;
}

function moreAbout({ card, connections, eventCount, id, lock, queue }: ReaderInspection): [string, string][] {
  const lines: [string, string][] = [
    ["id", visible(id)],
    ["events", String(eventCount)],
  ];
  if (card !== undefined && card.atr.length > 0) lines.push(["ATR", encodeHex(card.atr, " ")]);
  if (card?.protocol !== undefined) lines.push(["protocol", card.protocol]);
  for (const { client, connectedMs, protocol, shareMode } of connections) {
    const how = [shareMode, protocol ?? "no protocol", `since ${duration(connectedMs)}`].join(", ");
    lines.push(["connected", `${clientName(client)}: ${how}`]);
  }
  if (lock !== undefined) lines.push(["held", holderOf(lock)]);
  for (const { client, operation, waitingMs } of queue) {
    lines.push(["waits", `${clientName(client)}: ${operation}, since ${duration(waitingMs)}`]);
  }
  return lines;
}

/** Who holds a reader's lock, in words. */
export function holderOf({ client, depth, heldMs, lastExchangeMs }: NonNullable<ReaderInspection["lock"]>): string {
  const nested = depth > 1 ? ` (${depth} deep)` : "";
  const last = lastExchangeMs === undefined ? "no exchange yet" : `last exchange ${duration(lastExchangeMs)} ago`;
  return `${clientName(client)} is in a transaction${nested} since ${duration(heldMs)}, ${last}`;
}

/** A program as it is shown: its name, and its process where that is known. */
export function clientName({ name, pid }: ClientIdentity): string {
  return pid === undefined ? visible(name) : `${visible(name)} (pid ${pid})`;
}

function statesOf({ card, connections }: ReaderInspection): string[] {
  if (card === undefined) return ["empty"];
  const states = ["card present"];
  if (card.mute) states.push("mute");
  else if (!card.powered) states.push("unpowered");
  if (connections.some((connection) => connection.shareMode === "exclusive")) states.push("exclusive");
  else if (connections.length > 0) states.push("in use");
  return states;
}
