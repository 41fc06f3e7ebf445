// SPDX-License-Identifier: MIT

import { MAX_PREFERRED_PROTOCOLS } from "./arguments.ts";
import { ConnectionBase, type ConnectionTerms } from "./connection-base.ts";
import type { ContextCache, ContextDatabase } from "./context-database.ts";
import type {
  Connection,
  ConnectionStatus,
  ConnectOptions,
  Context,
  ReaderDevice,
  ReaderStateQuery,
  ReaderStateReport,
  ReconnectOptions,
  TransmitOptions,
  WaitOptions,
} from "./resource-manager.ts";
import type { Clock } from "./runtime.ts";
import { clockObject } from "./value-checks.ts";
import type { Disposition, Protocol, Scope, ShareMode } from "./vocabulary.ts";

/** How long calls may follow each other before they yield to the event loop, in milliseconds. */
const MAX_STREAK_MS = 10;
/** How many calls are made before the clock is read: reading it costs more than some calls. */
const CALLS_PER_LOOK = 16;

/**
 * Yields to the event loop now and then. Calls that are answered from memory settle before any timer, socket or worker message.
 * A program that polls with them would never see those.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #breathe: (() => Promise<void>) | undefined;
  #calls = 0;
  #last: number;
  /** The pending turn of the event loop. Every call waits for it: a single loop that continues would delay it. */
  #turn: Promise<void> | undefined;

  constructor(clock: Clock) {
    clockObject(clock, { operation: "Pace", path: "clock" });
    this.#clock = clock;
    this.#breathe = clock.breathe?.bind(clock);
    this.#last = clock.now();
  }

  /** Its clock. */
  readonly now = (): number => this.#clock.now();

  /** The call itself; where a turn of the event loop is due, a promise that settles like it after that. */
  settle<T>(call: Promise<T>): Promise<T> {
    if (this.#turn !== undefined) return after(call, this.#turn);
    if (++this.#calls % CALLS_PER_LOOK !== 0 || this.#breathe === undefined) return call;
    if (this.#clock.now() - this.#last < MAX_STREAK_MS) return call;
    this.#turn = this.#breathe().then(() => {
      this.#turn = undefined;
      this.#last = this.#clock.now();
    });
    return after(call, this.#turn);
  }

  /** A context whose calls, and those of its connections, yield in this way; the same one where time is simulated. */
  context(context: Context): Context {
    return this.#breathe === undefined ? context : new PacedContext(context, this);
  }
}

async function after<T>(call: Promise<T>, turn: Promise<void>): Promise<T> {
  try {
    return await call;
  } finally {
    await turn;
  }
}

class PacedContext implements Context {
  readonly scope: Scope;
  readonly cache?: ContextCache;
  readonly database?: ContextDatabase;
  readonly #context: Context;
  readonly #pace: Pace;

  constructor(context: Context, pace: Pace) {
    this.scope = context.scope;
    if (context.cache !== undefined) this.cache = context.cache;
    if (context.database !== undefined) this.database = context.database;
    this.#context = context;
    this.#pace = pace;
  }

  isValid(): Promise<boolean> {
    return this.#pace.settle(this.#context.isValid());
  }

  listReaders(groups?: readonly string[]): Promise<string[]> {
    return this.#pace.settle(this.#context.listReaders(groups));
  }

  listReaderGroups(): Promise<string[]> {
    return this.#pace.settle(this.#context.listReaderGroups());
  }

  describeReader(reader: string): Promise<ReaderDevice> {
    return this.#pace.settle(this.#context.describeReader(reader));
  }

  getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]> {
    return this.#pace.settle(this.#context.getStatusChange(queries, options));
  }

  connect(reader: string, options: ConnectOptions): Promise<Connection> {
    return this.#pace.settle(this.#connect(reader, options));
  }

  cancel(): Promise<void> {
    return this.#pace.settle(this.#context.cancel());
  }

  release(): Promise<void> {
    return this.#pace.settle(this.#context.release());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context[Symbol.asyncDispose]();
  }

  async #connect(reader: string, options: ConnectOptions): Promise<Connection> {
    const preferredProtocols = protocolsOf(options);
    const connection = await this.#context.connect(reader, options);
    return new PacedConnection(connection, this.#pace, { now: this.#pace.now, preferredProtocols });
  }
}

class PacedConnection extends ConnectionBase {
  readonly reader: string;
  readonly #connection: Connection;
  readonly #pace: Pace;

  constructor(connection: Connection, pace: Pace, terms: ConnectionTerms) {
    super(terms);
    this.reader = connection.reader;
    this.#connection = connection;
    this.#pace = pace;
  }

  get shareMode(): ShareMode {
    return this.#connection.shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#connection.protocol;
  }

  reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    return this.#pace.settle(this.#reconnect(options));
  }

  disconnect(disposition?: Disposition): Promise<void> {
    return this.#pace.settle(this.#connection.disconnect(disposition));
  }

  beginTransaction(options?: WaitOptions): Promise<void> {
    return this.#pace.settle(this.#connection.beginTransaction(options));
  }

  endTransaction(disposition?: Disposition): Promise<void> {
    return this.#pace.settle(this.#connection.endTransaction(disposition));
  }

  status(options?: WaitOptions): Promise<ConnectionStatus> {
    return this.#pace.settle(this.#connection.status(options));
  }

  transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    return this.#pace.settle(this.#connection.transmit(command, options));
  }

  control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    return this.#pace.settle(this.#connection.control(code, input, options));
  }

  getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    return this.#pace.settle(this.#connection.getAttribute(attribute, options));
  }

  setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    return this.#pace.settle(this.#connection.setAttribute(attribute, value, options));
  }

  transmitCount(): Promise<number> {
    return this.#pace.settle(this.#connection.transmitCount());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  async #reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const preferredProtocols = protocolsOf(options);
    const protocol = await this.#connection.reconnect(options);
    this.preferredProtocols = preferredProtocols;
    return protocol;
  }
}

/** A copy of the requested protocols; the manager itself refuses what cannot be read, or is too long to be copied. */
function protocolsOf(options: ConnectOptions): readonly Protocol[] {
  try {
    const asked: unknown = options?.preferredProtocols;
    return Array.isArray(asked) && asked.length <= MAX_PREFERRED_PROTOCOLS ? [...asked] : [];
  } catch {
    return [];
  }
}
