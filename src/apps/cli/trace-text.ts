// SPDX-License-Identifier: MIT

import { describeStatusWord, instructions } from "../../base/iso7816/index.ts";
import { type EventForPrograms, exchangeText } from "../../observe/calls/index.ts";
import { clientName, clockTime } from "../reports/index.ts";
import type { Paint, Style } from "./terminal.ts";
import { visible } from "./text.ts";

/** Calls that waited for their turn at least so long say so. */
const TOLD_WAIT_MS = 1;

const indent = " ".repeat(14);

type Call = Extract<EventForPrograms, { kind: "call" }>;
type CardChange = Extract<EventForPrograms, { kind: "card" }>;

/** An event, for people: a line, and for a command others with its bytes. */
export function describeEvent(event: EventForPrograms, paint: Paint): readonly string[] {
  return event.kind === "call" ? describeCall(event, paint) : describeCard(event, paint);
}

function describeCall(call: Call, paint: Paint): readonly string[] {
  const { exchange, outcome, pinPad } = call;
  const status = exchange?.statusWord ?? pinPad?.statusWord;
  const text = exchange && exchangeText(exchange, status === undefined ? undefined : Number.parseInt(status, 16));
  const isGood = outcome === "success" && (status === undefined || /^(?:9000|61)/.test(status));
  const result = [
    ...(outcome === "success" ? [] : [visible(outcome)]),
    ...(status === undefined ? [] : [`${visible(status)} ${text?.status ?? padStatus(status)}`]),
  ];
  const what = [
    exchange === undefined ? call.operation : visible(exchange.name),
    ...(pinPad === undefined ? [] : [`${visible(pinPad.name)} at the PIN pad`]),
    ...ofApplication(text?.application, exchange?.name, paint),
    ...detailsOf(call),
  ];
  const parts = [
    paint("dim", clockTime(Date.parse(call.time))),
    clientName(call.client),
    ...(call.reader === undefined ? [] : [paint("bold", visible(call.reader))]),
    paint("cyan", what.join(" ")),
    ...(result.length === 0 ? [] : [paint(isGood ? "green" : "red", result.join(" "))]),
    paint("dim", timesOf(call)),
  ];
  return [parts.join("  "), ...(exchange === undefined ? [] : bytesOf(exchange, text?.objects ?? [], paint))];
}

/** What a card says to a PIN from a reader's pad, in words. */
function padStatus(statusWord: string): string {
  return describeStatusWord(Number.parseInt(statusWord, 16), instructions.VERIFY).meaning;
}

/** The application, where the name of the command does not begin with it. */
function ofApplication(application: string | undefined, name: string | undefined, paint: Paint): readonly string[] {
  if (application === undefined || name?.startsWith(application)) return [];
  return [paint("dim", `(${visible(application)})`)];
}

function detailsOf({ code, disposition, operation, protocol, shareMode }: Call): readonly string[] {
  const number = code === undefined ? undefined : `0x${code.toString(16).toUpperCase()}`;
  const isDone = operation === "connect" || operation === "reconnect";
  return [shareMode, isDone ? protocol : undefined, disposition, number].filter((one) => one !== undefined);
}

function timesOf({ tookMs, waitedMs }: Call): string {
  const waited = waitedMs !== undefined && waitedMs >= TOLD_WAIT_MS ? `, waited ${short(waitedMs)}` : "";
  return `${short(tookMs)}${waited}`;
}

function short(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 2 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function bytesOf(exchange: NonNullable<Call["exchange"]>, objects: readonly string[], paint: Paint): string[] {
  const { command, raw, response } = exchange;
  const lines = [`> ${visible(raw?.command ?? command.bytes)}`];
  if (response !== undefined) lines.push(`< ${visible(raw?.response ?? response.bytes)}`);
  return [...lines, ...objects.map((line) => `    ${line}`)].map((line) => `${indent}${paint("dim", line)}`);
}

const words: Readonly<Record<CardChange["change"], readonly [Style, string]>> = {
  "reader-added": ["cyan", "reader added"],
  "reader-removed": ["red", "reader removed"],
  inserted: ["green", "card inserted"],
  removed: ["yellow", "card removed"],
  reset: ["yellow", "card reset"],
  unpowered: ["dim", "card without power"],
};

function describeCard({ atr, cause, change, client, reader, time }: CardChange, paint: Paint): readonly string[] {
  const by = client === undefined ? "" : ` by ${clientName(client)}`;
  const why = cause === undefined ? "" : ` (${visible(cause)})`;
  const [style, word] = words[change];
  const head = `${paint("dim", clockTime(Date.parse(time)))}  ${paint("bold", visible(reader))}`;
  return [`${head}  ${paint(style, word)}${by}${why}${atr === "" || change !== "inserted" ? "" : `  ${atr}`}`];
}
