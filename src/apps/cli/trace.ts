// SPDX-License-Identifier: MIT

import { observedOperations } from "../../observe/calls/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { type ReportedEvent, type TraceCommand, traceDaemon } from "../daemon/index.ts";
import { callFilters } from "./call-filters.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { millisecondsOf, type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";
import { describeEvent } from "./trace-text.ts";
import { waiting } from "./waiting.ts";

const optionTable = {
  reader: { type: "string", value: "NAME", help: "only readers whose name has this in it" },
  ...callFilters,
  sw: {
    type: "string",
    value: "SW",
    reads: statusOf,
    help: "only commands with this status word; an x stands for any digit: 63Cx",
  },
  "slower-than": {
    type: "string",
    value: "MS",
    reads: slownessOf,
    help: "only calls that took longer than so many milliseconds",
  },
  operation: {
    type: "string",
    value: "NAME",
    multiple: true,
    choices: observedOperations,
    help: "only this operation, such as transmit or connect; may be given several times",
  },
  raw: {
    type: "boolean",
    help: "show commands and responses as they are, with PINs and keys; for root and the user whose daemon it is",
  },
  timeout: { type: "string", value: "SEC", reads: millisecondsOf, help: "end after that many seconds" },
  ...controlOption,
} as const satisfies OptionTable;

/** `scard trace`: what programs ask of the daemon, as it happens. */
export const trace = command({
  name: "trace",
  summary: "show what programs and cards say, as it happens",
  usage: ["[OPTION…]"],
  description: [
    "Prints each call of each program that scard daemon serves, and what becomes of cards, until it is interrupted (Ctrl-C; it ends with 0 then). A command has its name for the selected application, and its status word in words. With --json each line is one JSON object.",
    "Data is shown only where it is known to hold no secret. --raw shows everything, PINs and keys too: keep such output safe.",
    "pcscd and the operating system's own manager do not tell what programs ask of them: there a program observes its own calls, with scard/observe.",
  ],
  options: optionTable,
  run,
});

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const { path } = await askLikelyDaemon({ command: "readers" }, values.control, terminal);
  if (values.raw) terminal.say("scard: --raw shows PINs and keys: keep this output safe");
  return waiting(terminal, values.timeout, async ({ signal }) => {
    for await (const line of traceDaemon(path, requestOf(values), nodeClock, signal)) {
      if (values.json) terminal.print(jsonText(forPrograms(line), "compact"));
      else tell(line, path, terminal);
    }
    return exitCodes.ok;
  });
}

function requestOf(values: ParsedLine<typeof optionTable>["values"]): TraceCommand {
  const { aid, client, operation: operations, raw, reader, "slower-than": slowerThanMs, sw } = values;
  const given = { aid, client, operations, raw, reader, slowerThanMs, sw };
  return { command: "trace", ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/** A line as JSON has it: the event itself, or that the trace has begun, or how many were dropped. */
function forPrograms(line: ReportedEvent): object {
  if ("begun" in line) return { kind: "begun", ...line.begun };
  if ("dropped" in line) return { kind: "dropped", dropped: line.dropped };
  return line.raw ? { raw: true, ...line.event } : line.event;
}

function tell(line: ReportedEvent, path: string, terminal: Terminal): void {
  const { paint } = terminal;
  if ("begun" in line) terminal.say(`scard: tracing the daemon at ${path}; Ctrl-C ends it`);
  else if ("event" in line) for (const text of describeEvent(line.event, paint)) terminal.print(text);
  else terminal.print(paint("red", `${line.dropped} events were dropped: they come faster than this output is read`));
}

/** @throws UsageError */
function statusOf(option: string, value: string): string {
  const digits = value.toUpperCase();
  if (!/^[0-9A-FX]{4}$/.test(digits)) throw new UsageError(`${option} is four hexadecimal digits, an x for any: 63Cx`);
  return digits;
}

/** @throws UsageError */
function slownessOf(option: string, value: string): number {
  const milliseconds = /^\d{1,8}(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(milliseconds)) throw new UsageError(`${option} is a number of milliseconds`);
  return milliseconds;
}
