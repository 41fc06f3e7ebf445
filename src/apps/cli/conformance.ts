// SPDX-License-Identifier: MIT

import { writeFile } from "node:fs/promises";
import { type Context, SmartCardError } from "../../port/index.ts";
import {
  behaviours,
  type ConformanceReport,
  formatReport,
  managers,
  reportOf,
  runConformance,
} from "../../testing/conformance/index.ts";
import { command, exitCodes } from "./command.ts";
import { type Hands, knownManager, machineStage } from "./conformance-stage.ts";
import { readerOption } from "./connect-options.ts";
import { type ManagerSession, managerOption, withManager } from "./manager-option.ts";
import { type commonOptions, type OptionTable, type OptionValues, type ParsedLine, UsageError } from "./options.ts";
import { chooseReader } from "./reader-choice.ts";
import type { Terminal } from "./terminal.ts";
import { count, jsonText } from "./text.ts";
import { waiting } from "./waiting.ts";

const optionTable = {
  ...readerOption,
  only: { type: "string", value: "ID", multiple: true, help: "this behaviour alone" },
  list: { type: "boolean", help: "list the behaviours, and play nothing" },
  "no-prompts": { type: "boolean", help: "skip tests that need the user" },
  unplug: { type: "boolean", help: "also ask to unplug the reader and plug it in" },
  report: { type: "string", value: "FILE", completes: "file", help: "write the report to FILE.md and FILE.json" },
  ...managerOption,
} as const satisfies OptionTable;

/** `scard conformance`: whether a resource manager behaves as programs expect. */
export const conformance = command({
  name: "conformance",
  summary: "find out where a resource manager differs from what programs expect",
  usage: ["[OPTION…]"],
  description: [
    "Runs the conformance suite with a reader and its card: share modes, transactions of two programs, resets, waits, cancels, and failures. It uses the card exclusively at times, resets it often, and sends it only SELECT of the master file. On a terminal it asks the user to remove and insert the card; tests that need more are skipped. The exit code is 1 for a difference that is not in the table of known differences (docs/interop/conformance.md). An empty virtual reader gets the suite's card, which allows all tests.",
  ],
  options: optionTable,
  run,
});

type Values = OptionValues<typeof optionTable & typeof commonOptions>;

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const chosen = chosenBehaviours(values.only);
  if (values.list) {
    const listed = chosen.map(({ id, needs = [], source, title }) => ({ id, title, source, needs }));
    if (values.json) terminal.print(jsonText({ behaviours: listed }));
    else for (const { id, title } of listed) terminal.print(`${terminal.paint("bold", id)}  ${title}`);
    return exitCodes.ok;
  }
  return waiting(terminal, undefined, ({ signal }) =>
    withManager(values.manager, terminal, (session) => play(session, values, chosen, terminal, signal)),
  );
}

function chosenBehaviours(only: readonly string[] | undefined): typeof behaviours {
  const chosen = only === undefined ? behaviours : behaviours.filter(({ id }) => only.includes(id));
  const isKnown = (id: string): boolean => behaviours.some((behaviour) => behaviour.id === id);
  if (only?.some((id) => !isKnown(id))) throw new UsageError("--only names no behaviour; --list has their names");
  return chosen;
}

async function play(
  session: ManagerSession,
  values: Values,
  chosen: typeof behaviours,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const reader = await chooseReader(session.context, values.reader);
  const isAlone = values["no-prompts"] === true || terminal.screen === undefined;
  const hands = isAlone ? undefined : personsHands(session.context, reader, terminal, signal, values.unplug === true);
  const stage = await machineStage(session, reader, { spec: values.manager, terminal, hands });
  const manager = await knownManager(session.opened, terminal);
  const results = await runConformance(stage, {
    manager,
    mustShow: false,
    behaviours: chosen,
    signal,
    beginning: ({ title }, index, total) => {
      if (!values.json) terminal.say(terminal.paint("dim", `${index + 1}/${total}  ${title}`));
    },
  });
  if (signal.aborted) throw new SmartCardError("cancelled", "the run was interrupted");
  const report = reportOf(results, { manager: session.opened.description, reader, comparedWith: manager });
  if (values.report !== undefined) await writeReport(values.report, report, terminal);
  if (values.json) terminal.print(jsonText(report));
  else for (const line of summaryOf(report)) terminal.print(line);
  return report.counts.differs + report.counts.failed > 0 ? exitCodes.failed : exitCodes.ok;
}

/** Asks the user, and waits until the manager has noticed. */
function personsHands(
  context: Context,
  reader: string,
  terminal: Terminal,
  signal: AbortSignal,
  mayUnplug: boolean,
): Hands {
  const look = async (): Promise<readonly [readonly string[], boolean]> => {
    const names = await context.listReaders();
    if (!names.includes(reader)) return [names, false];
    const [state] = await context.getStatusChange([{ reader }]);
    return [names, state?.flags.present === true];
  };
  return {
    mayUnplug,
    async ask(what, isDone) {
      if (isDone(...(await look()))) return;
      terminal.say(terminal.paint("yellow", `Please ${what}.`));
      while (!isDone(...(await look()))) {
        if (signal.aborted) throw new SmartCardError("cancelled", "the run was interrupted");
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  };
}

async function writeReport(path: string, report: ConformanceReport, terminal: Terminal): Promise<void> {
  const base = path.replace(/\.(?:md|json)$/, "");
  try {
    await writeFile(`${base}.md`, formatReport(report));
    await writeFile(`${base}.json`, `${jsonText(report)}\n`);
  } catch (error) {
    throw notWritten(base, error);
  }
  terminal.say(`the report is in ${base}.md and ${base}.json`);
}

function notWritten(base: string, cause: unknown): SmartCardError {
  const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
  return new SmartCardError("no-file", `the report cannot be written to ${base}.md (${reason})`, {}, { cause });
}

function summaryOf({ behaviours: reported, comparedWith, counts, manager, reader }: ConformanceReport): string[] {
  const lines = [`${manager}, reader "${reader}"`];
  if (comparedWith !== undefined) lines.push(`known differences: those of ${managers[comparedWith]}`);
  for (const { id, known = [], problems = [], verdict, why } of reported) {
    if (verdict === "failed") lines.push(`${id}  failed: ${why}`);
    for (const { expected, observed, point } of problems) {
      lines.push(`${id}  ${point}: ${observed}, where ${expected} is expected`);
    }
    for (const { observed, point, reason } of known) lines.push(`${id}  ${point}: ${observed}; known: ${reason}`);
  }
  const { differs, failed, skipped } = counts;
  const good = counts["as expected"] + counts["known difference"];
  lines.push(
    `${count(good, "behaviour")} as expected or as known, ${differs} otherwise, ${failed} failed, ${skipped} skipped`,
  );
  return lines;
}
