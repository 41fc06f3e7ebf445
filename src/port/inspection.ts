// SPDX-License-Identifier: MIT

import type { ClientIdentity } from "./client-identity.ts";
import type { Protocol, ShareMode } from "./vocabulary.ts";

/** One connection, as an operator sees it. */
export interface ConnectionInspection {
  readonly client: ClientIdentity;
  readonly shareMode: ShareMode;
  readonly protocol: Protocol | undefined;
  /** Milliseconds since it was made. */
  readonly connectedMs: number;
}

/** The transaction that runs, as an operator sees it. */
export interface LockInspection {
  readonly client: ClientIdentity;
  /** Milliseconds since the lock was granted. */
  readonly heldMs: number;
  /** How many nested transactions are open: 1 or more. */
  readonly depth: number;
  /** Milliseconds since the holder's last exchange ended; undefined before the first. */
  readonly lastExchangeMs: number | undefined;
}

/** A client that waits for a reader, as an operator sees it. */
export interface WaiterInspection {
  readonly client: ClientIdentity;
  /** What it will do with its turn: `begin`, `connect`, `transmit`, … */
  readonly operation: string;
  readonly waitingMs: number;
}

/** The card in a reader, as an operator sees it. */
export interface CardInspection {
  readonly atr: Uint8Array;
  readonly powered: boolean;
  /** True for a card that does not answer. */
  readonly mute: boolean;
  readonly protocol: Protocol | undefined;
}

/** One reader, as an operator sees it. */
export interface ReaderInspection {
  readonly name: string;
  /** The reader's stable id. */
  readonly id: string;
  readonly eventCount: number;
  readonly card: CardInspection | undefined;
  readonly connections: readonly ConnectionInspection[];
  readonly lock: LockInspection | undefined;
  /** The clients waiting for the lock, next first. */
  readonly queue: readonly WaiterInspection[];
}

/** Snapshot of the whole manager: holders and waiting clients. */
export interface Inspection {
  readonly readers: readonly ReaderInspection[];
  /** Clients with at least one context, and how many contexts and status waits each has. */
  readonly clients: readonly {
    readonly client: ClientIdentity;
    readonly contexts: number;
    readonly statusWaits: number;
  }[];
}

/** A manager that can report the holders of readers to an operator. */
export interface Inspectable {
  inspect(): Promise<Inspection>;
}
