// SPDX-License-Identifier: MIT

import type { AuditEntry } from "../../database/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { pause } from "../../port/index.ts";
import { command, exitCodes } from "./command.ts";
import { scopeOption, withDatabase } from "./database-option.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { type Waiting, waiting } from "./waiting.ts";

const optionTable = {
  since: {
    type: "string",
    value: "WHEN",
    reads: (option, text) => timeOf(option, text, nodeClock.wallTime()),
    help: "only later entries: a time as 2026-11-21T09:00, or an age as 30s, 15m, 2h, 7d",
  },
  limit: { type: "string", value: "N", reads: limitOf, help: "only the last N" },
  follow: {
    type: "boolean",
    help: "also print new entries, until it is interrupted (Ctrl-C; exit code 0)",
  },
  ...scopeOption,
} as const satisfies OptionTable;

/** `scard audit`: the log of PIN verifications. */
export const audit = command({
  name: "audit",
  summary: "print the log of PIN verifications that programs have reported",
  usage: ["[OPTION…]"],
  description: [
    "Prints what programs have reported with SCardAudit: when a PIN was verified or refused, in which reader, for which card, by which program; oldest first. The last 10,000 entries are kept. They contain no PIN. --json prints an array; with --follow each line is one JSON object.",
  ],
  options: optionTable,
  run,
});

/** How often `--follow` reads the log, in milliseconds. */
const POLL_MS = 500;

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const { limit, since } = values;
  return withDatabase(terminal, values.scope, async (database) => {
    const read = (): readonly AuditEntry[] => database.audit.entries();
    const first = read();
    const young = since === undefined ? first : first.filter(({ time }) => time >= since);
    const shown = limit === undefined ? young : young.slice(Math.max(0, young.length - limit));
    if (values.json && !values.follow) {
      terminal.print(jsonText(shown.map(entryForPrograms)));
      return exitCodes.ok;
    }
    if (shown.length === 0 && !values.json) terminal.say("nothing has been reported");
    const print = (entry: AuditEntry): void => {
      if (values.json) terminal.print(jsonText(entryForPrograms(entry), "compact"));
      else terminal.print(describeEntry(entry, terminal.paint));
    };
    shown.forEach(print);
    if (values.follow) await waiting(terminal, undefined, (wait) => follow(read, first, print, wait));
    return exitCodes.ok;
  });
}

async function follow(
  read: () => readonly AuditEntry[],
  first: readonly AuditEntry[],
  print: (entry: AuditEntry) => void,
  { signal }: Waiting,
): Promise<void> {
  let known = first;
  while (await pause(nodeClock, POLL_MS, "look at the audit log", { signal })) {
    const entries = read();
    for (const entry of newEntries(known, entries)) print(entry);
    known = entries;
  }
}

/** What a log has got since it was read: it grows at its end, and loses the oldest at its beginning. */
export function newEntries(before: readonly AuditEntry[], now: readonly AuditEntry[]): readonly AuditEntry[] {
  const [known, found] = [before, now].map((entries) => entries.map((entry) => JSON.stringify(entry))) as [
    string[],
    string[],
  ];
  for (let lost = 0; lost < known.length; lost++) {
    const kept = known.length - lost;
    if (kept <= found.length && found.slice(0, kept).every((entry, index) => entry === known[lost + index])) {
      return now.slice(kept);
    }
  }
  return now;
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A point in time: one that is written out, in local time unless it says otherwise, or an age. Milliseconds since 1970 UTC. @throws UsageError */
export function timeOf(option: string, text: string, now: number): number {
  const [, number, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return now - Number(number) * (units[unit] ?? 0);
  const time = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text)
    ? Date.parse(text.length === 10 ? `${text}T00:00` : text)
    : Number.NaN;
  if (Number.isNaN(time))
    throw new UsageError(`${option} is a time as 2026-11-21T09:00, or an age as 30s, 15m, 2h, 7d`);
  return time;
}

function limitOf(option: string, text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`${option} is a number`);
  return Number(text);
}

/** An entry as JSON has it. */
export function entryForPrograms({ time, ...rest }: AuditEntry): object {
  return { time: new Date(time).toISOString(), ...rest };
}

/** An entry for people: one line. */
export function describeEntry({ card, event, reader, time, who }: AuditEntry, paint: Paint): string {
  const words = event === "chv-success" ? paint("green", "PIN verified") : paint("red", "PIN refused ");
  const parts = [reader && visible(reader), card && visible(card), who && `by ${visible(who)}`].filter(Boolean);
  return [paint("dim", localTime(new Date(time))), words, ...parts].join("  ");
}

/** Date and time with seconds, in local time. */
function localTime(time: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}
