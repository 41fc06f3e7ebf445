// SPDX-License-Identifier: MIT

import type { ReaderStateQuery, ShareMode, WaitOptions } from "../src/port/index.ts";

// What the oracle notes of clients, readers and calls. It learns of them from outside only: from the port that clients
// call, from the port that readers implement, and from the trace.

export interface ClientRecord {
  /** Unique, so that it can be found in traces and inspections. */
  readonly name: string;
  ended: boolean;
}

export interface ContextRecord {
  readonly client: ClientRecord;
  /** The client can do one thing at a time in it: a wait that only itself could end is refused. */
  readonly oneAtATime: boolean;
  ended: boolean;
  /** Number of the last call before the context was cancelled; -1 before that. */
  cancelledAt: number;
  readonly pending: Set<Call>;
  readonly connections: Set<ConnectionRecord>;
}

export interface ConnectionRecord {
  readonly context: ContextRecord;
  readonly slot: SlotRecord;
  mode: ShareMode;
  usesCard: boolean;
  /** From the moment in which its connect was seen to succeed until it is asked to end. */
  open: boolean;
  /** Transactions surely open: those seen to begin, less those asked to end. */
  depth: number;
  /** False while calls are under way of which it cannot be told whether they concern a lock that was lost meanwhile. */
  depthIsSure: boolean;
  /** True where there may be more transactions open than `depth` says, since a lock was lost at an unlucky moment. */
  depthIsLeast: boolean;
  /** Locks lost so far. */
  lockSerial: number;
  /** What the ends of nested transactions have asked for, under the lock of that number. */
  nested: { readonly serial: number; readonly resets: boolean; readonly ejects: boolean } | undefined;
  /** True where the card may have been reset without the client's doing since it was connected. */
  touched: boolean;
  /** Virtual time of the last sign of life. */
  lastUse: number;
  /** Virtual time at which the last of its calls ended, well or not: none of them can be a use of the card later. */
  lastEnd: number;
  /** The card's interruptions (see {@link SlotRecord}) that it surely knew of, and may have known of, when last connected. */
  knownLeast: number;
  knownMost: number;
  removalsLeast: number;
  readonly pending: Set<Call>;
}

/** One reader, from the moment it is added until it is lost. */
export interface SlotRecord {
  /** The name that the manager gave it; empty until then. */
  name: string;
  readonly id: string;
  lost: boolean;
  /** The driver keeps an aborted operation: the manager may give the reader up. */
  deaf: boolean;
  /** The card sends unrequested bytes: vpcd has no sequence numbers, so they may be taken for an answer. */
  babbles: boolean;
  /** The operation that the driver works on. */
  inFlight: string | undefined;
  /** Virtual time at which the driver was last seen at work. */
  lastWork: number;
  /** The card's interruptions when an idle transaction was about to be ended, where the card had power; else undefined. */
  idleInterruptions: number | undefined;
  /** Whether the lock's holder did nothing for the whole limit. What it does later, while the card is reset, keeps no lock. */
  idled: boolean;
  /** What a connection must learn of: powers up, down and resets, and removals. */
  interruptions: number;
  removals: number;
  /** How often the world had been at rest when a card went last. */
  removalRest: number;
  /** Cards that came and were not powered yet. */
  arrivals: number;
  /** Whether the card has answered a reset and was not powered down since. */
  powered: boolean;
  /** The client that has the lock, as the trace tells. */
  lockedBy: string | undefined;
  /** A reset that is due before any client but `except` gets the card, or a call up to `turnsTo` that may get its turn. */
  due:
    | { readonly why: string; readonly interruptions: number; readonly turnsTo: number; except: string | undefined }
    | undefined;
}

/** A call that is about to be made. */
export interface CallStart {
  readonly operation: string;
  readonly context: ContextRecord;
  readonly connection?: ConnectionRecord;
  readonly slot?: SlotRecord | undefined;
  readonly wait?: WaitOptions | undefined;
  readonly queries?: readonly ReaderStateQuery[];
  readonly detail?: string;
  /** The number in the command that is handed over. */
  readonly sends?: number;
  /** True for the end of a transaction that is not refused outright. */
  readonly ends?: boolean;
  /** True where the card is to be reset, and where it is to be ejected. */
  readonly resets?: boolean;
  readonly ejects?: boolean;
}

/** One call to the port. */
export interface Call {
  readonly number: number;
  readonly operation: string;
  readonly context: ContextRecord;
  readonly connection: ConnectionRecord | undefined;
  readonly slot: SlotRecord | undefined;
  readonly askedAt: number;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly queries: readonly ReaderStateQuery[] | undefined;
  readonly interruptionsAtAsk: number;
  readonly removalsAtAsk: number;
  readonly lockSerial: number;
  /** The number of its command. */
  readonly sends: number | undefined;
  /** What an end asks for. */
  readonly resets: boolean;
  readonly ejects: boolean;
  /** True for the last end of a transaction that must reset the card. */
  readonly mustReset: boolean;
  /** Whether its client had the lock when it was made. */
  readonly wasLocked: boolean;
  /** Whether its own context had the lock when it was made, and knew it. */
  readonly wasHeldHere: boolean;
  /** Undefined: pending. `done`, or the code of its error. */
  outcome: string | undefined;
  /** The step in which it was seen to reach the driver. */
  reachedDriver: { readonly removals: number } | undefined;
}

/** Operations that take a turn on the reader, first come, first served. */
export const turnOperations: ReadonlySet<string> = new Set([
  "connect",
  "reconnect",
  "begin",
  "status",
  "transmit",
  "control",
  "get-attribute",
  "set-attribute",
]);

/** Whether an operation takes the lock or gives it back. */
export function concernsLock({ operation }: Call): boolean {
  return operation === "begin" || operation === "end";
}

/** The name of a connection's program. */
export function nameOf(connection: ConnectionRecord): string {
  return connection.context.client.name;
}
