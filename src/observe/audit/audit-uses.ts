// SPDX-License-Identifier: MIT

import { hexWord } from "../../base/binary/index.ts";
import { referenceDataInstructions } from "../../base/iso7816/index.ts";
import type { CallOutcome } from "../calls/index.ts";
import type { AuditEventRecord, CardUse } from "./audit-record.ts";

/** So many connections are followed at once; of further ones only the beginning is told. */
const MOST_USES = 10_000;

type Counting = { -readonly [member in Exclude<keyof CardUse, "lastedMs">]: CardUse[member] };

interface Use extends Counting {
  readonly context: number;
  readonly since: number;
  readonly record: Pick<AuditEventRecord, "reader" | "atr" | "card" | "client">;
  lockedSince: number | undefined;
  depth: number;
}

/** What readers answer where no PIN reached the card: time is up, cancelled, two PINs differ, too few digits, wrong request. PC/SC part 10, 2.6. */
const ownWordsOfPads: ReadonlySet<number> = new Set([0x6400, 0x6401, 0x6402, 0x6403, 0x6b80]);

/** Which card is in a reader. */
export type CardIn = (reader: string) => Pick<AuditEventRecord, "atr" | "card">;

/** Follows connections, and makes records of how they used cards. */
export class AuditUses {
  readonly #cardIn: CardIn;
  readonly #uses = new Map<number, Use>();

  constructor(cardIn: CardIn) {
    this.#cardIn = cardIn;
  }

  /** The records that a call makes; none for most. */
  called(call: CallOutcome): readonly AuditEventRecord[] {
    const { connection, context, operation, outcome, time, tookMs } = call;
    if (operation === "release-context") return this.#released(context, time);
    if (connection === undefined) return [];
    if (operation === "connect") return outcome === "success" ? [this.#connected(call, connection)] : [];
    const use = this.#uses.get(connection);
    if (use === undefined) return [];
    if (operation === "disconnect" && outcome !== "invalid-value") return [this.#ended(connection, use, time)];
    if (operation === "begin-transaction" && outcome === "success") locked(use, time + tookMs);
    else if (operation === "end-transaction") unlocked(use, time, outcome !== "success");
    else if (operation === "reconnect" && outcome === "success") unlocked(use, time, true);
    if (operation === "control") return padVerified(call, use);
    return operation === "transmit" ? transmitted(call, use) : [];
  }

  #connected({ client, context, reader = "", time, tookMs }: CallOutcome, connection: number): AuditEventRecord {
    const { name, pid, uid } = client;
    const record = { reader, ...this.#cardIn(reader), client: { name, uid, pid } };
    const counts = { commands: 0, locks: 0, lockedMs: 0, pinsTried: 0, pinsFailed: 0 };
    const since = time + tookMs;
    if (this.#uses.size < MOST_USES)
      this.#uses.set(connection, { ...counts, context, since, record, lockedSince: undefined, depth: 0 });
    return { time: Math.round(since), event: "connected", ...record };
  }

  #released(context: number, time: number): readonly AuditEventRecord[] {
    const ended = [...this.#uses].filter(([, use]) => use.context === context);
    return ended.map(([connection, use]) => this.#ended(connection, use, time));
  }

  #ended(connection: number, use: Use, time: number): AuditEventRecord {
    this.#uses.delete(connection);
    unlocked(use, time, true);
    const { commands, lockedMs, locks, pinsFailed, pinsTried, record, since } = use;
    const lastedMs = Math.max(0, Math.round(time - since));
    const counts = { commands, locks, lockedMs: Math.round(lockedMs), pinsTried, pinsFailed, lastedMs };
    return { time: Math.round(time), event: "disconnected", ...record, use: counts };
  }
}

function transmitted({ exchange, time, tookMs }: CallOutcome, use: Use): readonly AuditEventRecord[] {
  if (exchange?.response === undefined) return [];
  use.commands++;
  // The header is shown of each command: CLA and INS are its first two bytes.
  const [cla = 0, ins = 0] = exchange.command.bytes.split(" ", 2).map((byte) => Number.parseInt(byte, 16));
  const isPart = cla < 0x80 && (cla & 0x10) !== 0;
  // Without data it asks for the tries that are left.
  if (!referenceDataInstructions.has(ins) || isPart || exchange.commandBytes <= 5) return [];
  return [verified(use, exchange.statusWord, time + tookMs)];
}

/** A reader with a PIN pad sent a PIN to the card. The user's cancel, and what else the reader says itself, is no try. */
function padVerified({ pinPad, time, tookMs }: CallOutcome, use: Use): readonly AuditEventRecord[] {
  const { statusWord } = pinPad ?? {};
  if (statusWord === undefined || ownWordsOfPads.has(statusWord)) return [];
  use.commands++;
  return [verified(use, statusWord, time + tookMs)];
}

function verified(use: Use, statusWord: number | undefined, at: number): AuditEventRecord {
  const isRight = statusWord === 0x9000;
  use.pinsTried++;
  if (!isRight) use.pinsFailed++;
  const reason = isRight ? {} : { reason: statusWord === undefined ? undefined : hexWord(statusWord) };
  return { time: Math.round(at), event: isRight ? "pin-verified" : "pin-failed", ...use.record, ...reason };
}

function locked(use: Use, at: number): void {
  use.depth++;
  if (use.lockedSince !== undefined) return;
  use.lockedSince = at;
  use.locks++;
}

function unlocked(use: Use, at: number, whole: boolean): void {
  use.depth = whole ? 0 : Math.max(0, use.depth - 1);
  if (use.lockedSince === undefined || use.depth > 0) return;
  use.lockedMs += Math.max(0, at - use.lockedSince);
  use.lockedSince = undefined;
}
