// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import type { Context, ReaderInspection, ReaderStateReport } from "../../port/index.ts";
import { clientName, summarizeAtr } from "../reports/index.ts";
import { command, exitCodes } from "./command.ts";
import { inspectionOf } from "./inspection.ts";
import { type ManagerSession, managerOption, withManager } from "./manager-option.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { duration, jsonText, visible } from "./text.ts";
import { listUsbReaders } from "./usb-listing.ts";

const optionTable = {
  long: {
    type: "boolean",
    help: "also the reader's id, its event count, the card's ATR, the connected and the waiting clients",
  },
  usb: {
    type: "boolean",
    help: "each USB device with a smart card interface instead: whether scard daemon has it, and if not, why",
  },
  ...managerOption,
} as const satisfies OptionTable;

/** `scard readers`: which readers there are, what is in them, and who holds them. */
export const readers = command({
  name: "readers",
  summary: "list the readers, their cards, and the programs that hold them",
  usage: ["[OPTION…]"],
  description: [
    'Lists the readers with their numbers, which "scard apdu --reader" takes. An embedded manager and scard daemon know who is connected. pcscd and the operating systems tell only that a reader is in use.',
  ],
  options: optionTable,
  run,
});

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  if (values.usb) {
    if (values.manager !== undefined || values.long) throw new UsageError("--usb takes neither --manager nor --long");
    return listUsbReaders(values.json === true, terminal);
  }
  return withManager(values.manager, terminal, async (session) => {
    const found = await listReaders(session);
    if (values.json) {
      terminal.print(jsonText({ readers: found.map(readerForPrograms) }));
      return exitCodes.ok;
    }
    if (found.length === 0) terminal.say("there is no reader");
    for (const [number, reader] of found.entries()) {
      for (const line of describeReader(reader, number, values.long === true, terminal.paint)) terminal.print(line);
    }
    if (values.long && found.some((reader) => "flags" in reader)) {
      terminal.say(`${session.opened.description} does not report which programs use a reader; scard daemon does`);
    }
    return exitCodes.ok;
  });
}

/** A reader: all that its manager can tell, or what every client is told. */
type ListedReader = ReaderInspection | ReaderStateReport;

async function listReaders({ context, opened }: ManagerSession): Promise<readonly ListedReader[]> {
  const inspection = await inspectionOf(opened);
  return inspection?.readers ?? (await statesOfReaders(context));
}

/** What every client is told of the readers that there are. */
export async function statesOfReaders(context: Context): Promise<readonly ReaderStateReport[]> {
  const names = await context.listReaders();
  if (names.length === 0) return [];
  const states = await context.getStatusChange(names.map((reader) => ({ reader })));
  return states.filter(({ flags }) => !flags.unknown);
}

/** A reader as JSON has it. */
export function readerForPrograms(reader: ListedReader, number: number): object {
  if ("flags" in reader) {
    const { atr, eventCount, flags, reader: name } = reader;
    const summary = flags.mute ? "mute card" : summarizeAtr(atr);
    const card = flags.present ? { atr, powered: !flags.unpowered, mute: flags.mute === true, summary } : undefined;
    return { number, name, state: statesOf(reader), eventCount, card };
  }
  const { card, connections, eventCount, id, lock, name, queue } = reader;
  const described = card && { ...card, summary: card.mute ? "mute card" : summarizeAtr(card.atr) };
  return { number, name, id, state: statesOf(reader), eventCount, card: described, connections, lock, queue };
}

/** A reader for people: one line, or with `long` all that is known. */
export function describeReader(reader: ListedReader, number: number, long: boolean, paint: Paint): string[] {
  const { atr, isMute, isPresent, name } = inBrief(reader);
  const what = isPresent ? `  ${isMute ? "it does not answer" : summarizeAtr(atr)}` : "";
  const states = paint(isPresent ? "green" : "dim", statesOf(reader).join(", "));
  const lines = [`${number}  ${paint("bold", visible(name))}  ${states}${what}`];
  if (long) lines.push(...moreAbout(reader).map(([title, text]) => `   ${title.padEnd(12)}${text}`));
  else if ("lock" in reader && reader.lock !== undefined) lines.push(`   ${holderOf(reader.lock)}`);
  return lines;
}

function inBrief(reader: ListedReader): { name: string; isPresent: boolean; isMute: boolean; atr: Uint8Array } {
  if ("flags" in reader) {
    const { atr, flags, reader: name } = reader;
    return { name, isPresent: flags.present === true, isMute: flags.mute === true, atr };
  }
  const { card, name } = reader;
  return { name, isPresent: card !== undefined, isMute: card?.mute === true, atr: card?.atr ?? new Uint8Array() };
}

function moreAbout(reader: ListedReader): [string, string][] {
  if ("flags" in reader) {
    const atr: [string, string][] = reader.atr.length > 0 ? [["ATR", encodeHex(reader.atr, " ")]] : [];
    return [["events", String(reader.eventCount)], ...atr];
  }
  const { card, connections, eventCount, id, lock, queue } = reader;
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
    lines.push(["waits", `${clientName(client)}: ${visible(operation)}, since ${duration(waitingMs)}`]);
  }
  return lines;
}

/** Who holds a reader's lock, in words. */
export function holderOf({ client, depth, heldMs, lastExchangeMs }: NonNullable<ReaderInspection["lock"]>): string {
  const nested = depth > 1 ? ` (${depth} deep)` : "";
  const last = lastExchangeMs === undefined ? "no exchange yet" : `last exchange ${duration(lastExchangeMs)} ago`;
  return `${clientName(client)} is in a transaction${nested} since ${duration(heldMs)}, ${last}`;
}

/** What a reader is doing, in words. */
export function statesOf(reader: ListedReader): string[] {
  if ("flags" in reader) {
    const { flags } = reader;
    if (flags.unavailable) return ["unavailable"];
    if (!flags.present) return ["empty"];
    const condition = flags.mute ? ["mute"] : flags.unpowered ? ["unpowered"] : [];
    return ["card present", ...condition, ...(flags.exclusive ? ["exclusive"] : flags.inuse ? ["in use"] : [])];
  }
  const { card, connections } = reader;
  if (card === undefined) return ["empty"];
  const states = ["card present"];
  if (card.mute) states.push("mute");
  else if (!card.powered) states.push("unpowered");
  if (connections.some((connection) => connection.shareMode === "exclusive")) states.push("exclusive");
  else if (connections.length > 0) states.push("in use");
  return states;
}
