// SPDX-License-Identifier: MIT

import {
  type CancelTimer,
  type Clock,
  callback,
  clockObject,
  GrowingPause,
  type HostCrypto,
  having,
  limitsOf,
  optional,
  optionsOf,
} from "../../port/index.ts";
import type { ObservedOutcome } from "../calls/index.ts";
import { type AuditEventRecord, type AuditHead, type AuditStoreEntry, chainAuditEntry } from "./audit-record.ts";
import type { AuditStore } from "./audit-store.ts";
import { AuditUses, type CardIn } from "./audit-uses.ts";

/** Limits of an audit trail. */
export interface AuditLimits {
  /** So many records wait to be written; further ones are dropped, and counted. */
  readonly queued: number;
  /** So many are written at once. */
  readonly batch: number;
  /** How long records are gathered before they are written, in milliseconds. */
  readonly gatherMs: number;
}

const defaultAuditLimits: AuditLimits = { queued: 10_000, batch: 500, gatherMs: 50 };

/** What an audit trail needs. */
export interface AuditDeps {
  readonly clock: Clock;
  readonly store: AuditStore;
  readonly hash: HostCrypto["hash"];
  /** Which card is in a reader, for those that were there before the trail began; and what a card is called. */
  readonly cardIn?: (reader: string) => { readonly atr?: string | undefined };
  readonly cardName?: (atr: string) => string | undefined;
  /** Is told when records are dropped (again), and what the store fails with. */
  readonly troubled?: (message: string) => void;
  readonly limits?: Partial<AuditLimits>;
}

const auditDeps = optionsOf<AuditDeps>({
  clock: clockObject,
  store: having<AuditStore>(["head", "append", "close"], "a store of an audit log"),
  hash: callback<HostCrypto["hash"]>("a function that hashes: hash() of a HostCrypto"),
  cardIn: optional(callback<NonNullable<AuditDeps["cardIn"]>>("a function that tells the card in a reader")),
  cardName: optional(callback<NonNullable<AuditDeps["cardName"]>>("a function that names a card")),
  troubled: optional(callback<NonNullable<AuditDeps["troubled"]>>("a function that is told of troubles")),
  limits: optional(limitsOf(defaultAuditLimits)),
});

/** What could not be written is tried again so much later, and later each time. */
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** So many readers' cards are remembered. */
const MOST_CARDS = 10_000;

/**
 * Writes who used which card: it makes records of what an observer tells, chains them by their hashes, and hands them to a store.
 * It never makes a call wait: records queue up, and those for which there is no room are counted and told by an entry.
 *
 * @example
 * const trail = new AuditTrail({ clock, store, hash: hostCrypto.hash });
 * observer.listenToOutcomes((event) => trail.observed(event));
 */
export class AuditTrail {
  readonly #deps: AuditDeps;
  readonly #limits: AuditLimits;
  readonly #uses: AuditUses;
  readonly #cards = new Map<string, string>();
  #queue: AuditEventRecord[] = [];
  /** Records that were dropped, and no entry tells of yet. */
  #untold = 0;
  #dropped = 0;
  #head: AuditHead | undefined;
  #writing: Promise<void> | undefined;
  #cancelTimer: CancelTimer | undefined;
  readonly #pause: GrowingPause;
  #closed = false;

  /** @throws TypeError, RangeError (what is not as described) */
  constructor(deps: AuditDeps) {
    this.#deps = auditDeps(deps, { operation: "AuditTrail", path: "deps" });
    this.#limits = { ...defaultAuditLimits, ...this.#deps.limits };
    const cardIn: CardIn = (reader) => this.#cardIn(reader);
    this.#uses = new AuditUses(cardIn);
    this.#pause = new GrowingPause(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    this.record({ time: Math.round(this.#deps.clock.wallTime()), event: "started" });
  }

  /** How many records were dropped since the beginning. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The last entry that was written; undefined before the first. */
  get head(): AuditHead | undefined {
    return this.#head;
  }

  /** Takes an event of an observer. Never throws, never waits. */
  observed(event: ObservedOutcome): void {
    if (event.kind === "call") {
      for (const record of this.#uses.called(event)) this.record(record);
      return;
    }
    const { atr, cause, change, client, reader, time } = event;
    if (change === "inserted" && atr !== "") this.#remember(reader, atr);
    const card = this.#cardIn(reader);
    if (change === "removed" || change === "reader-removed") this.#cards.delete(reader);
    if (change !== "inserted" && change !== "removed" && change !== "reset") return;
    const who = client && { client: { name: client.name, uid: client.uid, pid: client.pid } };
    this.record({ time: Math.round(time), event: change, reader, ...card, ...who, reason: cause });
  }

  /** Takes a record: of a command that a policy has refused, for one. Never throws, never waits. */
  record(record: AuditEventRecord): void {
    if (this.#closed) return;
    const last = this.#queue.at(-1);
    if (last !== undefined && isRepetition(last, record)) {
      // What is repeated without end must not push all else out of the log.
      this.#queue[this.#queue.length - 1] = { ...last, count: (last.count ?? 1) + 1 };
      return;
    }
    if (this.#queue.length >= this.#limits.queued) {
      if (this.#untold === 0)
        this.#deps.troubled?.("the audit log cannot be written as fast as it grows: entries are dropped");
      this.#untold++;
      this.#dropped++;
      return;
    }
    this.#queue.push(record);
    this.#later(this.#limits.gatherMs);
  }

  /** Writes what there is, once, and closes the store. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#writing;
    await this.#write();
    await this.#deps.store.close();
  }

  #later(delayMs: number): void {
    if (this.#cancelTimer !== undefined || this.#writing !== undefined) return;
    this.#cancelTimer = this.#deps.clock.schedule(
      delayMs,
      "audit log",
      () => {
        this.#cancelTimer = undefined;
        this.#writing = this.#write().finally(() => {
          this.#writing = undefined;
          if (this.#queue.length > 0 && !this.#closed) this.#later(this.#nextMs);
        });
      },
      { background: true },
    );
  }

  #nextMs = 0;

  /** Writes all that is queued, in batches; what cannot be written stays, and is tried again later. */
  async #write(): Promise<void> {
    while (this.#queue.length > 0 || this.#untold > 0) {
      const batch = this.#queue.slice(0, this.#limits.batch);
      const untold = batch.length === this.#queue.length ? this.#untold : 0;
      if (untold > 0) batch.push({ time: Math.round(this.#deps.clock.wallTime()), event: "dropped", count: untold });
      // While it is written, nothing may be counted into its last record.
      const taken = this.#queue.splice(0, this.#limits.batch);
      try {
        await this.#append(batch);
      } catch (error) {
        const room = Math.max(0, this.#limits.queued - this.#queue.length);
        this.#queue.unshift(...taken.slice(0, room));
        this.#untold += taken.length - Math.min(room, taken.length);
        this.#dropped += taken.length - Math.min(room, taken.length);
        this.#deps.troubled?.(
          `the audit log cannot be written: ${error instanceof Error ? error.message : String(error)}`,
        );
        this.#nextMs = this.#pause.next();
        return;
      }
      this.#untold -= untold;
      this.#nextMs = this.#limits.gatherMs;
      this.#pause.restart();
    }
  }

  async #append(records: readonly AuditEventRecord[]): Promise<void> {
    const { hash, store } = this.#deps;
    let head = this.#head ?? (await store.head());
    const entries: AuditStoreEntry[] = [];
    for (const record of records) {
      const entry = chainAuditEntry(head, record, hash);
      entries.push(entry);
      head = entry;
    }
    await store.append(entries);
    this.#head = { number: head.number, hash: head.hash };
  }

  #remember(reader: string, atr: string): void {
    if (this.#cards.size >= MOST_CARDS) this.#cards.clear();
    this.#cards.set(reader, atr);
  }

  #cardIn(reader: string): Pick<AuditEventRecord, "atr" | "card"> {
    const { cardIn, cardName } = this.#deps;
    const atr = this.#cards.get(reader) ?? cardIn?.(reader).atr;
    if (atr === undefined || atr === "") return {};
    const card = cardName?.(atr);
    return { atr, ...(card !== undefined && { card }) };
  }
}

/** Whether a record is the same as the one before, but for its time. */
function isRepetition(
  { count: _, time: __, ...before }: AuditEventRecord,
  { time: ___, ...record }: AuditEventRecord,
): boolean {
  if (record.event === "connected" || record.event === "disconnected" || record.event === "dropped") return false;
  return JSON.stringify(before) === JSON.stringify(record);
}
