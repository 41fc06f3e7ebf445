// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import type { ReportedReader } from "../daemon/index.ts";
import { clientName, summarizeAtr } from "../reports/index.ts";
import { namesInBrief } from "./database-option.ts";
import type { Paint, Style } from "./terminal.ts";
import { count, duration, visible } from "./text.ts";
import {
  clientsShown,
  isWanted,
  rateOf,
  readersShown,
  type ShownClient,
  slowestOf,
  type TopAction,
  type TopCall,
  type TopState,
} from "./top-model.ts";

/** What a view depends on beside the state. */
export interface TopSetting {
  /** Of the terminal; a view has at most so many characters a line, and so many lines. */
  readonly columns: number;
  readonly rows: number;
  /** The time by the clock that counts milliseconds. */
  readonly now: number;
  readonly paint: Paint;
  /** What the database calls the card with an ATR. */
  cardNames(atr: Uint8Array): readonly string[];
}

/** A line: pieces of text and their looks. */
type Row = readonly (readonly [style: Style | undefined, text: string])[];

/** The fewest lines for the calls. */
const LEAST_CALLS = 3;

/** The lines of a whole screen: no line is longer, and there are no more, than the terminal has. */
export function renderTop(state: TopState, setting: TopSetting): readonly string[] {
  const { columns, rows } = setting;
  const foot = footOf(state);
  const body = state.entry.kind === "help" ? helpRows : bodyOf(state, setting, rows - 1 - foot.length);
  const kept = [headOf(state, setting), ...body].slice(0, Math.max(0, rows - foot.length));
  return [...kept, ...foot].slice(0, rows).map((row) => painted(row, columns, setting.paint));
}

/** The same for a script: everything once, without a cursor and without keys. */
export function describeTop(state: TopState, setting: Omit<TopSetting, "columns" | "rows">): readonly string[] {
  const whole = { ...setting, columns: Number.MAX_SAFE_INTEGER, rows: Number.MAX_SAFE_INTEGER };
  const rows = [headOf(state, whole), ...readerRows(state, whole, -1), ...clientRows(state, -1)];
  return rows.map((row) => painted(row, whole.columns, setting.paint));
}

function bodyOf(state: TopState, setting: TopSetting, room: number): readonly Row[] {
  const things = [...readerRows(state, setting, state.cursor), ...clientRows(state, state.cursor)];
  const most = state.hasTrace ? Math.max(1, room - LEAST_CALLS - 1) : room;
  const shown = windowOf(things, most);
  if (!state.hasTrace) return shown;
  const left = room - shown.length - 1;
  return left < 1 ? shown : [...shown, callHead(state), ...callRows(state).slice(-left)];
}

/** The part of the lines that has the cursor in it. */
function windowOf(rows: readonly Row[], most: number): readonly Row[] {
  if (rows.length <= most) return rows;
  const at = rows.findIndex(([first]) => first?.[1] === CURSOR);
  const start = Math.max(0, Math.min(at - Math.floor(most / 2), rows.length - most));
  return rows.slice(start, start + most);
}

const CURSOR = "> ";
const NO_CURSOR = "  ";

function headOf(state: TopState, { now }: TopSetting): Row {
  const { isPaused, problem, report } = state;
  const rate = rateOf(state, now);
  const slowest = slowestOf(state, now);
  const parts: (readonly [Style | undefined, string])[] = [["bold", "scard top"]];
  if (isPaused) parts.push(["yellow", "  paused"]);
  if (problem !== undefined) parts.push(["red", `  ${visible(problem)}`]);
  if (report !== undefined) {
    const { daemon, readers } = report;
    parts.push([undefined, `  daemon ${daemon.pid}, up ${duration(daemon.runningMs)}`]);
    parts.push([undefined, `, ${count(readers.length, "reader")}, ${count(daemon.sessions, "connection")}`]);
  }
  if (rate !== undefined) parts.push(["cyan", `  ${rate.toFixed(1)} APDU/s`]);
  if (slowest !== undefined)
    parts.push([
      undefined,
      `  slowest ${duration(slowest.tookMs)} ${visible(slowest.name)} of ${visible(slowest.client)}`,
    ]);
  return parts;
}

function readerRows(state: TopState, setting: TopSetting, cursor: number): readonly Row[] {
  const readers = readersShown(state);
  if (readers.length === 0) return [[["dim", state.report === undefined ? "" : "no reader"]]];
  const width = Math.min(30, Math.max(...readers.map(({ name }) => visible(name).length)));
  return readers.flatMap((reader, index) => readerLines(reader, index === cursor, width, setting));
}

function readerLines(reader: ReportedReader, isCurrent: boolean, width: number, setting: TopSetting): readonly Row[] {
  const { lock, name, queue } = reader;
  const nested = lock !== undefined && lock.depth > 1 ? `, ${lock.depth} times` : "";
  const held = lock && `  held by ${clientName(lock.client)} for ${duration(lock.heldMs)}${nested}`;
  const head: Row = [
    [undefined, isCurrent ? CURSOR : NO_CURSOR],
    [isCurrent ? "cyan" : "bold", visible(name).padEnd(width)],
    cardOf(reader, setting),
    ...(held === undefined ? [] : [["red", held] as const]),
  ];
  const waiting = queue.map(({ client, operation, waitingMs }, place): Row => {
    const who = `${place + 1}. ${clientName(client)} waits for ${duration(waitingMs)}: ${visible(operation)}`;
    return [["yellow", `      ${who}`]];
  });
  return [head, ...waiting];
}

function cardOf({ card }: ReportedReader, { cardNames }: TopSetting): readonly [Style | undefined, string] {
  if (card === undefined) return ["dim", "  no card"];
  if (card.mute) return ["yellow", "  a card that does not answer"];
  const atr = decodeHex(card.atr);
  if (!atr.ok || atr.value.length === 0) return ["green", "  a card"];
  const names = cardNames(atr.value);
  return ["green", `  ${visible(names.length > 0 ? namesInBrief(names) : summarizeAtr(atr.value))}`];
}

function clientRows(state: TopState, cursor: number): readonly Row[] {
  const clients = clientsShown(state);
  if (clients.length === 0) return [];
  const before = readersShown(state).length;
  return [[["dim", "clients"]], ...clients.map((client, index) => clientRow(client, before + index === cursor))];
}

function clientRow(client: ShownClient, isCurrent: boolean): Row {
  const { connections, contexts, statusWaits } = client;
  const at = connections.map(({ connectedMs, reader, shareMode }) => {
    return `"${visible(reader)}" ${shareMode} since ${duration(connectedMs)}`;
  });
  const does = [...at, ...(statusWaits > 0 ? ["waits for a change"] : [])].join(", ");
  return [
    [undefined, isCurrent ? CURSOR : NO_CURSOR],
    [isCurrent ? "cyan" : undefined, nameOf(client)],
    ["dim", `  ${count(contexts, "context")}${does === "" ? "" : `, ${does}`}`],
  ];
}

function nameOf({ name, pid }: Pick<ShownClient, "name" | "pid">): string {
  return clientName({ name, ...(pid !== undefined && { pid }) });
}

function callHead({ calls, filter }: TopState): Row {
  const wanted = filter === "" ? "" : `, with "${visible(filter)}"`;
  return [["dim", calls.length === 0 ? `calls${wanted}: none yet` : `calls${wanted}`]];
}

function callRows(state: TopState): readonly Row[] {
  return state.calls
    .filter(({ client, name, pid, reader, result }) => isWanted(state, client, pid?.toString(), name, reader, result))
    .map(callRow);
}

function callRow({ client, name, pid, reader, result, time, tookMs }: TopCall): Row {
  const isGood = /^(?:9000|61..|success)$/.test(result);
  return [
    ["dim", `${time.slice(11, 23)}  `],
    [undefined, nameOf({ name: client, pid })],
    ["bold", reader === undefined ? "" : `  ${visible(reader)}`],
    ["cyan", `  ${visible(name)}`],
    [isGood ? "green" : "red", `  ${visible(result)}`],
    ["dim", `  ${duration(tookMs)}`],
  ];
}

function footOf({ entry, filter, remark }: TopState): readonly Row[] {
  switch (entry.kind) {
    case "confirm":
      return [[["yellow", `${questionOf(entry.action)} [y/N]`]]];
    case "filter":
      return [
        [
          ["cyan", `filter: ${visible(filter)}_`],
          ["dim", "  Enter keeps it, Esc does not"],
        ],
      ];
    case "help":
      return [[["dim", "any key goes back"]]];
    case "none": {
      const shown = filter === "" ? "" : `filter "${visible(filter)}", Esc clears it  `;
      const keys = "? help  / filter  p pause  d disconnect  r reset  e eject  q quit";
      return [[remark === "" ? ["dim", `${shown}${keys}`] : ["yellow", visible(remark)]]];
    }
  }
}

function questionOf(action: TopAction): string {
  switch (action.kind) {
    case "disconnect":
      return `Disconnect ${clientName(action)}? It loses its cards and transactions.`;
    case "reset":
      return `Reset the card in "${visible(action.reader)}"? Programs lose what they verified.`;
    case "eject":
      return `Eject the card of "${visible(action.reader)}"?`;
  }
}

const helpRows: readonly Row[] = [
  ["up, down, k, j", "move to a reader or a client"],
  ["/", "show only what has a text in it: a reader, a program, a process, a command, a status word"],
  ["Esc", "show everything again"],
  ["p", "pause, and go on"],
  ["d", "disconnect the client, or the holder of the reader"],
  ["r", "reset the card in the reader, after the transaction that runs"],
  ["e", "eject the card of a virtual reader"],
  ["q, Ctrl-C", "quit"],
].map(([key = "", text = ""]) => [
  ["cyan", `  ${key.padEnd(16)}`],
  [undefined, text],
]);

/** A line for the terminal, cut where it ends. */
function painted(row: Row, columns: number, paint: Paint): string {
  let left = columns;
  let line = "";
  for (const [style, text] of row) {
    const characters = [...text];
    const shown = characters.length <= left ? text : characters.slice(0, left).join("");
    left -= Math.min(characters.length, left);
    line += style === undefined || shown === "" ? shown : paint(style, shown);
  }
  return line;
}
