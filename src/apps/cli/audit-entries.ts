// SPDX-License-Identifier: MIT

import type { AuditEntry } from "../../database/index.ts";
import type { AuditRecord, CardUse } from "../../observe/audit/index.ts";
import type { Paint } from "./terminal.ts";
import { visible } from "./text.ts";

/** An entry of either log, as it is filtered and shown. */
export interface ShownEntry {
  readonly time: number;
  readonly event: string;
  readonly reader: string | undefined;
  readonly client: string | undefined;
  readonly uid: number | undefined;
  /** Its ATR and the names of the card. */
  readonly cards: readonly string[];
  readonly json: object;
  describe(paint: Paint): string;
}

/** What entries must have. */
export interface AuditFilter {
  readonly since?: number | undefined;
  readonly reader?: string | undefined;
  readonly client?: string | undefined;
  readonly uid?: number | undefined;
  readonly card?: string | undefined;
  readonly event?: string | undefined;
}

/** Whether an entry is one of those that are asked for. Texts are looked for in what the entry has, without regard to case. */
export function isWanted(entry: ShownEntry, { card, client, event, reader, since, uid }: AuditFilter): boolean {
  const has = (text: string | undefined, part: string | undefined): boolean =>
    part === undefined || text?.toLowerCase().includes(part.toLowerCase()) === true;
  return (
    (since === undefined || entry.time >= since) &&
    (uid === undefined || entry.uid === uid) &&
    (event === undefined || entry.event === event) &&
    has(entry.reader, reader) &&
    has(entry.client, client) &&
    (card === undefined || entry.cards.some((one) => has(one, card.replaceAll(" ", "")) || has(one, card)))
  );
}

/** An entry that a program has reported with SCardAudit. */
export function reportedEntry(entry: AuditEntry): ShownEntry {
  const { card, event, reader, time, who } = entry;
  return {
    time,
    event,
    reader,
    client: who,
    uid: undefined,
    cards: card === undefined ? [] : [card],
    json: entryForPrograms(entry),
    describe: (paint) => describeEntry(entry, paint),
  };
}

/** An entry that the daemon has observed. @param names what the smart card database calls the card */
export function observedEntry(record: AuditRecord, names: readonly string[]): ShownEntry {
  const { atr, card, client, event, reader, time } = record;
  const known = card === undefined ? names : [card, ...names];
  return {
    time,
    event,
    reader,
    client: client?.name,
    uid: client?.uid,
    cards: atr === undefined ? known : [atr, ...known],
    json: { ...entryForPrograms(record), ...(names.length > 0 && { cards: names }) },
    describe: (paint) => describeRecord(record, known, paint),
  };
}

/** An entry as JSON has it. */
export function entryForPrograms<E extends { readonly time: number }>({ time, ...rest }: E): object {
  return { time: new Date(time).toISOString(), ...rest };
}

/** An entry for people: one line. */
export function describeEntry({ card, event, reader, time, who }: AuditEntry, paint: Paint): string {
  const words = event === "chv-success" ? paint("green", "PIN verified") : paint("red", "PIN refused ");
  const parts = [reader && visible(reader), card && visible(card), who && `by ${visible(who)}`].filter(Boolean);
  return [paint("dim", localTime(new Date(time))), words, ...parts].join("  ");
}

const words: Readonly<Record<AuditRecord["event"], string>> = {
  started: "log goes on",
  connected: "connected",
  disconnected: "disconnected",
  "pin-verified": "PIN was right",
  "pin-failed": "PIN was wrong",
  refused: "refused",
  inserted: "card inserted",
  removed: "card removed",
  reset: "card reset",
  dropped: "entries dropped",
};

function describeRecord(record: AuditRecord, names: readonly string[], paint: Paint): string {
  const { atr, client, command, count, event, reader, reason, time, use } = record;
  const isBad = event === "pin-failed" || event === "refused" || event === "dropped";
  const who = client && `by ${visible(client.name)} (pid ${client.pid ?? "?"}, user ${client.uid ?? "?"})`;
  const parts = [
    reader !== undefined && visible(reader),
    names[0] !== undefined ? visible(names[0]) : atr,
    who,
    command !== undefined && visible(command),
    reason !== undefined && visible(reason),
    use !== undefined && describeUse(use),
    count !== undefined && (event === "dropped" ? String(count) : `${count} times`),
  ].filter((part) => typeof part === "string");
  const what = paint(isBad ? "red" : event === "pin-verified" ? "green" : "bold", words[event].padEnd(15));
  return [paint("dim", localTime(new Date(time))), what, ...parts].join("  ");
}

function describeUse({ commands, lastedMs, lockedMs, locks, pinsFailed, pinsTried }: CardUse): string {
  const parts = [`${commands} commands in ${(lastedMs / 1000).toFixed(1)} s`];
  if (locks > 0) parts.push(`${locks} locks for ${(lockedMs / 1000).toFixed(1)} s`);
  if (pinsTried > 0) parts.push(`${pinsTried} PINs tried, ${pinsFailed} wrong`);
  return parts.join(", ");
}

/** Date and time with seconds, in local time. */
function localTime(time: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}
