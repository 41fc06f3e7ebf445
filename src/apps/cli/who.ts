// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { ReportedReader, WhoReport } from "../daemon/index.ts";
import { clientName, summarizeAtr } from "../reports/index.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { thisMachine } from "./doctor-probes.ts";
import type { ParsedLine } from "./options.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { count, duration, jsonText, visible } from "./text.ts";
import { describeUse, findUse, type ServiceUse } from "./who-pcscd.ts";

/** `scard who`: who uses which card, who holds it, and who waits. */
export const who = command({
  name: "who",
  summary: "show which programs hold and wait for which card",
  usage: ["[OPTION…]"],
  description: [
    "Asks scard daemon on this machine which programs use its readers: with pid, share mode and duration; which one has the lock, since when, and the age of its last command; which ones wait for it.",
    "pcscd does not report which program uses a reader. Where it runs instead, the output has what the system knows: whether the readers are in use, the programs that are connected to pcscd's socket, and those that have its library loaded.",
  ],
  options: controlOption,
  run,
});

async function run({ values }: ParsedLine<typeof controlOption>, terminal: Terminal): Promise<number> {
  const report = await findReport(values.control, terminal);
  if (values.json) terminal.print(jsonText(report));
  else {
    const isRoot = process.getuid?.() === 0;
    const lines =
      "daemon" in report ? describeReport(report, terminal.paint) : describeUse(report, isRoot, terminal.paint);
    for (const line of lines) terminal.print(line);
  }
  return exitCodes.ok;
}

/** The daemon's report; without a daemon, what is known about the running service. */
async function findReport(control: string | undefined, terminal: Terminal): Promise<WhoReport | ServiceUse> {
  try {
    const { result } = await askLikelyDaemon({ command: "who" }, control, terminal);
    return result;
  } catch (error) {
    if (control !== undefined || !(error instanceof SmartCardError) || error.code !== "no-service") throw error;
    const use = await findUse({ ...thisMachine(terminal.environment), pid: process.pid });
    if (use !== undefined) return use;
    throw noAnswer(error);
  }
}

function noAnswer(cause: SmartCardError): SmartCardError {
  const message = 'no smart card service answers, neither scard daemon nor pcscd; "scard doctor" looks into it';
  return new SmartCardError("no-service", message, {}, { cause });
}

/** The report for people. */
export function describeReport({ daemon, readers }: WhoReport, paint: Paint): string[] {
  const lines = readers.flatMap((reader, index) => [...(index > 0 ? [""] : []), ...describeReader(reader, paint)]);
  if (readers.length === 0) lines.push("there is no reader");
  if (!daemon.knowsClients)
    lines.push("", "clients are unknown: the daemon cannot load koffi (its log says how to install it)");
  const since = `daemon ${daemon.pid}, running for ${duration(daemon.runningMs)}`;
  return [...lines, "", paint("dim", `${since}, ${count(daemon.sessions, "client connection")}`)];
}

function describeReader(reader: ReportedReader, paint: Paint): string[] {
  const { connections, lock, queue } = reader;
  const lines = [`${paint("bold", visible(reader.name))}  ${describeCard(reader.card, paint)}`];
  if (lock !== undefined) {
    const nested = lock.depth > 1 ? `, ${lock.depth} times` : "";
    const last =
      lock.lastExchangeMs === undefined ? "no command yet" : `last command ${duration(lock.lastExchangeMs)} ago`;
    const held = `${paint("red", clientName(lock.client))} for ${duration(lock.heldMs)}${nested}, ${last}`;
    lines.push(`  locked by  ${held}`);
  }
  const clients = connections.map(({ client, connectedMs, protocol, shareMode }) => [
    clientName(client),
    shareMode,
    protocol ?? "-",
    `since ${duration(connectedMs)}`,
  ]);
  lines.push(...table("clients", clients));
  const waiting = queue.map(({ client, operation, waitingMs }, index) => [
    `${index + 1}. ${clientName(client)}`,
    visible(operation),
    `for ${duration(waitingMs)}`,
  ]);
  lines.push(...table("waiting", waiting));
  if (connections.length === 0 && queue.length === 0) lines.push(paint("dim", "  not in use"));
  return lines;
}

function describeCard(card: ReportedReader["card"], paint: Paint): string {
  if (card === undefined) return paint("dim", "no card");
  if (card.mute) return paint("yellow", "a card that does not answer");
  const atr = decodeHex(card.atr);
  if (!atr.ok || atr.value.length === 0) return paint("green", "a card, not powered yet");
  const power = card.powered ? "" : ", not powered";
  return `${paint("green", `${summarizeAtr(atr.value)}${power}`)}  ${paint("dim", card.atr)}`;
}

/** Rows under a title, in columns. */
function table(title: string, rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row, index) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    return `  ${(index === 0 ? title : "").padEnd(9)}  ${cells.join("  ")}`.trimEnd();
  });
}
