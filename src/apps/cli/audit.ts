// SPDX-License-Identifier: MIT

import { homedir } from "node:os";
import { resolve } from "node:path";
import type { AuditEntry, Database } from "../../database/index.ts";
import { auditRecordEvents, decodeAuditEntry } from "../../observe/audit/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { databasePaths } from "../../platform/node/sqlite/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { type AuditFilter, isWanted, observedEntry, reportedEntry, type ShownEntry } from "./audit-entries.ts";
import { entriesAfter, verifyAudit } from "./audit-files.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { scopeOption, withDatabase } from "./database-option.ts";
import { fileChanges } from "./file-changes.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { waiting } from "./waiting.ts";

/** So many entries are printed without --limit: the last ones. */
const MOST_ENTRIES = 100_000;

const optionTable = {
  since: {
    type: "string",
    value: "WHEN",
    reads: (option, text) => timeOf(option, text, nodeClock.wallTime()),
    help: "only later entries: a time as 2026-11-21T09:00, or an age as 30s, 15m, 2h, 7d",
  },
  reader: { type: "string", value: "TEXT", help: "only entries whose reader has this in its name" },
  client: { type: "string", value: "TEXT", help: "only entries of programs that have this in their names" },
  uid: { type: "string", value: "UID", reads: uidOf, help: "only entries of one user, by number" },
  card: { type: "string", value: "TEXT", help: "only entries whose card has this in its name or ATR" },
  event: {
    type: "string",
    value: "EVENT",
    choices: [...auditRecordEvents, "chv-success", "chv-failure"],
    help: "only entries of one kind",
  },
  limit: { type: "string", value: "N", reads: limitOf, help: "only the last N" },
  follow: {
    type: "boolean",
    help: "also print new entries, until it is interrupted (Ctrl-C; exit code 0)",
  },
  verify: {
    type: "boolean",
    help: "only follow the chain of hashes, and name the first entry that was changed (exit code 1)",
  },
  file: {
    type: "string",
    value: "PATH",
    completes: "file",
    help: "the daemon's audit log; without it, the one that the daemon names",
  },
  ...scopeOption,
  ...controlOption,
} as const satisfies OptionTable;

/** `scard audit`: who used which card, and the log of PIN verifications. */
export const audit = command({
  name: "audit",
  summary: "print who used which card, and what programs have reported of PINs",
  usage: ["[OPTION…]"],
  description: [
    'Prints the entries of two logs, oldest first. One is what scard daemon has seen, where its configuration names an audit log: connections with their programs and users, how often they held locks and had PINs compared, commands that a policy refused, insertions, removals and resets. Its entries have numbers and are chained by hashes, which --verify follows. The other one is what programs have reported themselves with SCardAudit: when a PIN was verified or refused ("chv-success", "chv-failure"); its last 10,000 entries are kept. Neither contains a PIN or other data of a card. --json prints an array; with --follow each line is one JSON object.',
  ],
  options: optionTable,
  run,
});

type Values = ParsedLine<typeof optionTable>["values"];

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const { follow: follows, verify } = values;
  if (verify && follows) throw new UsageError("--verify and --follow are two things: leave one out");
  const observed = await findObserved(values, terminal);
  if (verify) return verifyObserved(observed, terminal, values.json === true);
  return withDatabase(terminal, values.scope, async (database) => {
    const read = (): readonly AuditEntry[] => database.audit.entries();
    if (!follows) {
      await printFirst(values, terminal, read(), observed?.path, database);
      return exitCodes.ok;
    }
    await waiting(terminal, undefined, async ({ signal }) => {
      const { system, user } = databasePaths(surroundingsOf(terminal));
      // What happens from here on is told, so that no entry is missed between the first look and the first change.
      const changes = fileChanges(
        [...new Set([user, system, ...(observed === undefined ? [] : [observed.path])])],
        signal,
      );
      await changes.next();
      let known = read();
      let last = await printFirst(values, terminal, known, observed?.path, database);
      for await (const _ of changes) {
        const entries = read();
        for (const entry of newEntries(known, entries)) printEntry(reportedEntry(entry), values, terminal);
        known = entries;
        if (observed !== undefined) last = await printObserved(observed.path, last, values, terminal, database);
      }
    });
    return exitCodes.ok;
  });
}

/** Where the daemon's audit log is. */
interface Observed {
  readonly path: string;
  /** What the daemon has written last; undefined where it was not asked, or has written nothing. */
  readonly head: { readonly number: number; readonly hash: string } | undefined;
}

async function findObserved(values: Values, terminal: Terminal): Promise<Observed | undefined> {
  if (values.file !== undefined) return { path: resolve(values.file), head: undefined };
  try {
    const { result } = await askLikelyDaemon({ command: "audit" }, values.control, terminal);
    const { dropped, entry, hash, path } = result;
    if (dropped > 0) terminal.say(`scard: the daemon has dropped ${dropped} entries since its start`);
    if (path === undefined) return undefined;
    return { path, head: entry === undefined || hash === undefined ? undefined : { number: entry, hash } };
  } catch (error) {
    // Without a daemon there is what programs have reported.
    if (!(error instanceof SmartCardError) || values.control !== undefined) throw error;
    if (!["no-service", "no-access"].includes(error.code))
      terminal.say(`scard: the daemon's log is left out: ${error.message}`);
    return undefined;
  }
}

async function verifyObserved(observed: Observed | undefined, terminal: Terminal, json: boolean): Promise<number> {
  if (observed === undefined)
    throw new UsageError("no daemon names an audit log: name its file with --file, or the daemon with --control");
  const { broken, files, from, to } = await verifyAudit(observed.path, observed.head);
  if (json)
    terminal.print(jsonText({ ok: broken === undefined, files, from, to, ...(broken !== undefined && { broken }) }));
  else if (broken === undefined)
    terminal.print(
      `entries ${from.number + 1} to ${to.number} are as they were written; the last has the hash ${to.hash}`,
    );
  else terminal.print(`${visible(broken.path)}: entry ${broken.number}: ${broken.problem}`);
  return broken === undefined ? exitCodes.ok : exitCodes.failed;
}

/** Prints what is there. @returns the number of the daemon's last entry */
async function printFirst(
  values: Values,
  terminal: Terminal,
  reported: readonly AuditEntry[],
  path: string | undefined,
  database: Database,
): Promise<number> {
  const most = values.limit ?? MOST_ENTRIES;
  const filter: AuditFilter = values;
  let kept = reported.map(reportedEntry).filter((entry) => isWanted(entry, filter));
  let last = 0;
  if (path !== undefined) {
    for await (const entry of entriesAfter(path, 0)) {
      last = entry.number;
      const shown = shownRecord(entry, database);
      if (shown === undefined || !isWanted(shown, filter)) continue;
      kept.push(shown);
      if (kept.length > 2 * MOST_ENTRIES) kept = kept.slice(-MOST_ENTRIES);
    }
  }
  // What came at the same time stays in the order of its log.
  kept.sort((one, other) => one.time - other.time);
  const shown = kept.slice(Math.max(0, kept.length - most));
  if (values.json && !values.follow) terminal.print(jsonText(shown.map(({ json }) => json)));
  else if (shown.length === 0 && !values.json) terminal.say("nothing has been reported");
  else for (const entry of shown) printShown(entry, values, terminal);
  return last;
}

async function printObserved(
  path: string,
  after: number,
  values: Values,
  terminal: Terminal,
  database: Database,
): Promise<number> {
  let last = after;
  for await (const entry of entriesAfter(path, after)) {
    last = entry.number;
    const shown = shownRecord(entry, database);
    if (shown !== undefined) printEntry(shown, values, terminal);
  }
  return last;
}

function shownRecord(entry: Parameters<typeof decodeAuditEntry>[0], database: Database): ShownEntry | undefined {
  const record = decodeAuditEntry(entry);
  if (record === undefined) return undefined;
  const atr = record.atr === undefined ? new Uint8Array(0) : Uint8Array.from(Buffer.from(record.atr, "hex"));
  return observedEntry(record, atr.length === 0 ? [] : database.cardTypes.find({ atr }).map(({ name }) => name));
}

function printEntry(entry: ShownEntry, values: Values, terminal: Terminal): void {
  if (isWanted(entry, values)) printShown(entry, values, terminal);
}

function printShown(entry: ShownEntry, values: Values, terminal: Terminal): void {
  if (values.json) terminal.print(jsonText(entry.json, "compact"));
  else terminal.print(entry.describe(terminal.paint));
}

function surroundingsOf({ environment }: Terminal): Parameters<typeof databasePaths>[0] {
  return { environment, platform: process.platform, uid: process.getuid?.(), home: homedir() };
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

function uidOf(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${option} is the number of a user`);
  return Number(text);
}
