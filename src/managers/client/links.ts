// SPDX-License-Identifier: MIT

import type {
  CardState,
  Connection,
  ContextCache,
  ContextDatabase,
  Dialect,
  Holder,
  ReaderStateReport,
  SmartCardError,
} from "../../port/index.ts";
import type { Operation } from "./failures.ts";
import type { StatusQuery } from "./status-waits.ts";

/** The answer to a request: a return code of the link's dialect, and its results if that is 0. */
export interface Answer {
  readonly rv: number;
}

/** A request that is ready to be made, more than once if need be: what it needs of the caller's bytes is copied. */
export interface CardRequest<T extends object = object> {
  /** Makes it. @param isBounded whether its caller may give it up: after a time, or by a signal */
  readonly ask: (isBounded: boolean) => Promise<Answer & T>;
  /** Its caller has stopped waiting: it is answered soon, or after the running exchange. */
  readonly letGo: () => void;
  /** Clears what it has copied: it is not made any more. */
  readonly wipe?: () => void;
}

/** The state of a card, as a connection to it is told. */
export interface CardStatus {
  readonly state: CardState;
  readonly protocol: number;
  readonly atr: Uint8Array;
  readonly eventCount: number;
}

/**
 * One connection to a reader in the other process: it sends requests and returns codes. `ClientConnection`
 * interprets the codes, queues the requests, and retries them.
 */
export interface CardLink {
  /** The dialect of its numbers. */
  readonly dialect: Dialect;
  /** Whether a request is under way: the next one would stand behind it. */
  readonly isBusy: boolean;
  /**
   * Whether a request may be made without a place in the queue while no other request is in the way. It may not where each keeps a
   * thread for as long as another program holds it up.
   */
  readonly mayPassQueue: boolean;
  /** The end of an interruption that is under way: the next request must not be the one that it finds. */
  readonly interrupting?: Promise<void> | undefined;

  // The numbers of terms are those of the dialect. What takes bytes throws invalid-parameter where they have no room.
  reconnect(shareMode: number, protocols: number, initialization: number): CardRequest<{ activeProtocol: number }>;
  begin(): CardRequest;
  /** `read` says what the answer tells, with what has to be looked up besides. @throws reader-unavailable */
  status(): CardRequest<{ read: () => Promise<CardStatus> }>;
  transmit(protocol: number, command: Uint8Array): CardRequest<{ response: Uint8Array }>;
  /** @param code of either dialect */
  control(code: number, input: Uint8Array): CardRequest<{ output: Uint8Array }>;
  getAttribute(attribute: number): CardRequest<{ value: Uint8Array }>;
  setAttribute(attribute: number, value: Uint8Array): CardRequest;
  /** Made at once, and once. */
  end(disposition: number): Promise<Answer>;
  /** Made at once, and once. The connection has ended on this side by then. */
  disconnect(disposition: number): Promise<Answer>;

  /** The caller's error for a code other than 0. @param usesCard whether the connection is to a card, not direct */
  failure(rv: number, operation: Operation, usesCard: boolean): SmartCardError | Promise<SmartCardError>;
  /** The connection has a transaction now, or has ended it. It is not told of one that ends together with its connection. */
  holds?(isHolding: boolean): void;
  /** The context was cancelled. Those who stand in the queue, or ask from there, have been let go of already. */
  cancel?(): void;
  /** The connection is over. @param isClean whether the other side has confirmed that */
  close(isClean: boolean): void;
}

/** The connection that a context makes of a link. */
export interface LinkedConnection extends Connection {
  /** The link has ended. */
  lost(error: SmartCardError): void;
}

/** A connect that is under way. */
export interface ConnectAttempt {
  readonly reader: string;
  /** Numbers of the link's dialect. */
  readonly shareMode: number;
  readonly protocols: number;
  readonly timeoutMs: number | undefined;
  /** Aborted, with the error that its caller was told, when the connect was given up. */
  readonly givenUp: AbortSignal;
  /** Has it given up after that many milliseconds. */
  readonly startDeadline: (timeoutMs: number) => void;
  /**
   * Makes the connection of what was got.
   *
   * @param reader the name as the other side writes it
   * @throws invalid-context, and what else the context has ended with meanwhile
   */
  readonly keep: (card: CardLink, reader: string, activeProtocol: number) => LinkedConnection;
}

/** One context in the other process, which may use several there. */
export interface ContextLink {
  readonly dialect: Dialect;
  /** Whether the other side answers for it still. */
  isServed(): Promise<boolean>;
  /** @param groups given only where it knows groups */
  listReaders(groups?: readonly string[]): Promise<readonly string[]>;
  /** Undefined where it knows no groups: every reader is in the usual one then, and in no other. */
  readonly listReaderGroups: (() => Promise<string[]>) | undefined;
  /** The card cache that the other side keeps for all its clients; undefined where it keeps none. */
  readonly cache?: ContextCache | undefined;
  /** The smart card database that the other side has; undefined where it has none. Its calls come from a valid context. */
  readonly database?: ContextDatabase | undefined;
  /** The holder of a reader; undefined where the other side does not report it. It does not reject. */
  readonly whoHolds?: ((reader: string) => Promise<Holder | undefined>) | undefined;
  getStatusChange(query: StatusQuery): Promise<ReaderStateReport[]>;
  /** Connects, and gives back what comes after it was given up. @throws as the port's `connect` */
  connect(attempt: ConnectAttempt): Promise<Connection>;
  /** Calls `listener` once, when the other side is gone, and at once where it is. It is not called after a release. */
  whenLost(listener: (error: SmartCardError) => void): void;
  /**
   * Releases everything. The context and its connections have ended on this side by then.
   *
   * @param ended what every later call fails with
   * @param waitError what is under way ends with
   */
  release(ended: SmartCardError, waitError: SmartCardError): Promise<void>;
}
