// SPDX-License-Identifier: MIT

import { checkMembers, checkText, checkWhole, decodeHex, encodeHex, shown } from "../../base/binary/index.ts";
import * as is from "../../base/json/index.ts";
import { object, parseShape } from "../../base/json/index.ts";
import type { HostCrypto } from "../../port/index.ts";

/** What an audit log has entries of. */
export const auditRecordEvents = [
  /** The log begins, or goes on after a start of the service. */
  "started",
  /** A client has connected to a card or reader. */
  "connected",
  /** A connection has ended: how it was used is in `use`. */
  "disconnected",
  "pin-verified",
  "pin-failed",
  /** A policy has refused a command. */
  "refused",
  "inserted",
  "removed",
  "reset",
  /** So many entries (`count`) were not written, because they came faster than they could be. */
  "dropped",
] as const;

/** What an entry of an audit log is about. */
export type AuditRecordEvent = (typeof auditRecordEvents)[number];

/** How a connection was used. Counts only: never what was sent. */
export interface CardUse {
  readonly commands: number;
  /** How often it held the reader's lock, and for how long together, in milliseconds. */
  readonly locks: number;
  readonly lockedMs: number;
  /** PINs, PUKs and codes that were compared, and those of them that were wrong or blocked. */
  readonly pinsTried: number;
  readonly pinsFailed: number;
  /** How long the connection lasted, in milliseconds. */
  readonly lastedMs: number;
}

/** What happened. Members that are not known, or do not belong to the event, are left out. */
export interface AuditEventRecord {
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
  readonly event: AuditRecordEvent;
  readonly reader?: string | undefined;
  /** The card's ATR, as hexadecimal digits. */
  readonly atr?: string | undefined;
  /** What the smart card database calls the card. */
  readonly card?: string | undefined;
  /** The program, its user and its process. */
  readonly client?:
    | { readonly name: string; readonly uid?: number | undefined; readonly pid?: number | undefined }
    | undefined;
  readonly use?: CardUse | undefined;
  /** The rule that refused, or the cause of a reset. */
  readonly reason?: string | undefined;
  /** The command that was refused: its name and the application, never data. */
  readonly command?: string | undefined;
  /** How many entries were dropped; or how often the same happened one after the other, where it was more than once. */
  readonly count?: number | undefined;
}

/** An entry as a store keeps it. */
export interface AuditStoreEntry {
  /** 1, 2, 3, … without a gap, also over rotations. */
  readonly number: number;
  readonly time: number;
  /** An {@link AuditEventRecord} with its number as JSON: the text that the hash is about. */
  readonly body: string;
  /** SHA-256 of the hash before and this body, as 64 hexadecimal digits. */
  readonly hash: string;
}

/** Where a chain ends, or a part of it begins. */
export interface AuditHead {
  /** Number of the last entry; 0 where there is none. */
  readonly number: number;
  readonly hash: string;
}

/** What the first entry of all follows. */
export const auditGenesis: AuditHead = { number: 0, hash: "0".repeat(64) };

const count = is.whole(0, Number.MAX_SAFE_INTEGER);
const use = object({
  commands: count,
  locks: count,
  lockedMs: count,
  pinsTried: count,
  pinsFailed: count,
  lastedMs: count,
});
const client = object({ name: is.anyText, uid: count.optional(), pid: count.optional() });
const bodyShape = object({
  number: count,
  time: count,
  event: is.words(...auditRecordEvents),
  reader: is.anyText.optional(),
  atr: is.textLike(/^(?:[0-9a-fA-F]{2}){0,33}$/, "an ATR in hexadecimal digits").optional(),
  card: is.anyText.optional(),
  client: client.optional(),
  use: use.optional(),
  reason: is.anyText.optional(),
  command: is.anyText.optional(),
  count: count.optional(),
});

/** An entry as it is shown. */
export type AuditRecord = AuditEventRecord & { readonly number: number; readonly hash: string };

/** Makes the next entry of a chain. */
export function chainAuditEntry(
  { hash: before, number: last }: AuditHead,
  record: AuditEventRecord,
  hash: HostCrypto["hash"],
): AuditStoreEntry {
  const number = last + 1;
  const body = JSON.stringify({ number, ...record });
  return { number, time: record.time, body, hash: hashOf(before, body, hash) };
}

function hashOf(before: string, body: string, hash: HostCrypto["hash"]): string {
  return encodeHex(hash("sha256", new TextEncoder().encode(`${before}\n${body}`))).toLowerCase();
}

/** The record of an entry. Undefined where it is not one: the store was changed. */
export function decodeAuditEntry(entry: AuditStoreEntry): AuditRecord | undefined {
  checkMembers(entry, ["number", "time", "body", "hash"], "decodeAuditEntry: entry");
  const { body, hash, number } = entry;
  checkText(body, "decodeAuditEntry: entry.body");
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const parsed = parseShape(bodyShape, json);
  return parsed.ok && parsed.value.number === number ? { ...parsed.value, hash } : undefined;
}

/** What is wrong with an entry of a chain. */
export interface BrokenAuditEntry {
  /** The number that the entry has, or should have. */
  readonly number: number;
  readonly problem: string;
}

/** Follows a chain entry by entry, and finds the first that does not belong to it. */
export class AuditVerifier {
  readonly #hash: HostCrypto["hash"];
  #head: AuditHead;

  /** @param from what the first entry follows: {@link auditGenesis}, or where a rotated file says that it begins */
  constructor(hash: HostCrypto["hash"], from: AuditHead = auditGenesis) {
    if (typeof hash !== "function")
      throw new TypeError(`AuditVerifier: hash is ${shown(hash)}: pass hash() of a HostCrypto`);
    checkMembers(from, ["number", "hash"], "AuditVerifier: from");
    checkWhole(from.number, 0, Number.MAX_SAFE_INTEGER, "AuditVerifier: from.number");
    checkText(from.hash, "AuditVerifier: from.hash");
    this.#hash = hash;
    this.#head = { number: from.number, hash: from.hash };
  }

  /** The last entry that belongs to the chain. */
  get head(): AuditHead {
    return this.#head;
  }

  /** Takes the next entry. @returns what is wrong with it; undefined where nothing is */
  next(entry: AuditStoreEntry): BrokenAuditEntry | undefined {
    const { body, hash, number, time } = entry;
    const expected = this.#head.number + 1;
    if (number !== expected) return { number: expected, problem: `entry ${expected} is missing: ${number} follows` };
    if (!decodeHex(hash).ok || hashOf(this.#head.hash, body, this.#hash) !== hash)
      return { number, problem: "its hash is not that of the entry before and its text: one of them was changed" };
    if (decodeAuditEntry(entry)?.time !== time) return { number, problem: "its text is not that of an entry" };
    this.#head = { number, hash };
    return undefined;
  }
}
