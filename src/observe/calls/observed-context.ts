// SPDX-License-Identifier: MIT

import type {
  ClientIdentity,
  Connection,
  ConnectOptions,
  Context,
  ContextCache,
  ContextDatabase,
  ReaderDevice,
  ReaderStateQuery,
  ReaderStateReport,
  Scope,
  WaitOptions,
} from "../../port/index.ts";
import type { ObservedOperation } from "./events.ts";
import { preferredProtocolsIn, readerOf, shareModeIn } from "./given-options.ts";
import type { CallFacts, Observation } from "./observation.ts";
import { ObservedConnection } from "./observed-connection.ts";

/** A context whose calls are told while there are listeners. Else a call returns the promise of the context behind it. */
export class ObservedContext implements Context {
  readonly scope: Scope;
  readonly cache?: ContextCache;
  readonly database?: ContextDatabase | undefined;
  readonly #context: Context;
  readonly #observation: Observation;
  readonly #client: ClientIdentity;
  readonly #number: number;
  readonly #released: () => void;
  #isOpen = true;

  /** @param released is called once: the context has ended */
  constructor(
    context: Context,
    observation: Observation,
    client: ClientIdentity,
    number: number,
    released: () => void,
  ) {
    this.scope = context.scope;
    if (context.cache !== undefined) this.cache = context.cache;
    if (context.database !== undefined) this.database = context.database;
    this.#context = context;
    this.#observation = observation;
    this.#client = client;
    this.#number = number;
    this.#released = released;
  }

  isValid(): Promise<boolean> {
    return this.#context.isValid();
  }

  listReaders(groups?: readonly string[]): Promise<string[]> {
    if (!this.#observation.isActive) return this.#context.listReaders(groups);
    return this.#observation.tell(this.#facts("list-readers"), undefined, () => this.#context.listReaders(groups));
  }

  listReaderGroups(): Promise<string[]> {
    return this.#context.listReaderGroups();
  }

  describeReader(reader: string): Promise<ReaderDevice> {
    if (!this.#observation.isActive) return this.#context.describeReader(reader);
    return this.#observation.tell(this.#facts("describe-reader", { reader: readerOf(reader) }), undefined, () =>
      this.#context.describeReader(reader),
    );
  }

  getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]> {
    if (!this.#observation.isActive) return this.#context.getStatusChange(queries, options);
    // It waits for a change, and for no turn.
    return this.#observation.tell(this.#facts("get-status-change"), undefined, () =>
      this.#context.getStatusChange(queries, options),
    );
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    const observation = this.#observation;
    const preferred = preferredProtocolsIn(options);
    const number = observation.nextConnection();
    const facts = this.#facts("connect", { reader: readerOf(reader), shareMode: shareModeIn(options) });
    const connection = observation.isActive
      ? await observation.tell(
          facts,
          options,
          (wait) => this.#context.connect(reader, wait as ConnectOptions),
          ({ protocol }) => ({ protocol, connection: number }),
        )
      : await this.#context.connect(reader, options);
    const owner = { client: this.#client, context: this.#number, number, isOpen: () => this.#isOpen };
    return new ObservedConnection(connection, observation, owner, preferred);
  }

  cancel(): Promise<void> {
    if (!this.#observation.isActive) return this.#context.cancel();
    return this.#observation.tell(this.#facts("cancel"), undefined, () => this.#context.cancel());
  }

  async release(): Promise<void> {
    await this.#ends(() => this.#context.release());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ends(() => Promise.resolve(this.#context[Symbol.asyncDispose]()));
  }

  /** The program has ended, and its context with it. */
  exited<T>(ended: Promise<T>): Promise<T> {
    this.#isOpen = false;
    return this.#observation.isActive
      ? this.#observation.tell(this.#facts("release-context"), undefined, () => ended)
      : ended;
  }

  async #ends(run: () => Promise<void>): Promise<void> {
    // A second release is an error of the program, and told as such; to dispose of what has ended is nothing.
    if (this.#observation.isActive) await this.#observation.tell(this.#facts("release-context"), undefined, run);
    else await run();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#released();
  }

  #facts(operation: ObservedOperation, more: Partial<CallFacts> = {}): CallFacts {
    return { operation, client: this.#client, context: this.#number, ...more };
  }
}
