// SPDX-License-Identifier: MIT

import {
  type Check,
  type ClientIdentity,
  callback,
  type Holder,
  having,
  limitsOf,
  optional,
  optionsOf,
  type ReaderTable,
  type ResourceManager,
  type Runtime,
  runtimeObject,
  SmartCardError,
  wholeNumber,
} from "../pcsc/index.ts";
import { defaultServerLimits, type FixedTableSizes, fixedTableSizes, type ServerLimits } from "./limits.ts";
import { ServerReaderTable } from "./reader-table.ts";
import { ServerSession } from "./session.ts";

/** A program's standing with the manager: what the server needs of one. */
export interface ServerClient extends ResourceManager {
  /** The program is gone. Never rejects. */
  end(): Promise<void>;
}

/** The manager that a server stands in front of. */
export interface ServerManager extends ReaderTable {
  /** Who has the reader of that name for itself; undefined where nobody has, and where there is no such reader. */
  holderOf(reader: string): Holder | undefined;
  client(identity: ClientIdentity): ServerClient;
}

/** One entry of the server's log: plain data, with no APDU in it. */
export interface ServerLogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly client?: ClientIdentity;
  readonly [detail: string]: unknown;
}

/** A client at the other end of a byte pipe. Who it is and whether it is admitted is asked when it wants a context. */
export interface ServerPeer {
  readonly identity: ClientIdentity;
  /** False for a client that may not use the service at all: it is told so when it asks for a context. */
  readonly admitted: boolean;
  /** Whether the client may use the reader of that name. */
  mayUse(reader: string): boolean;
  send(bytes: Uint8Array): void;
  /** Ends the connection. */
  close(reason: string): void;
  /** The client has sent more than it is due: nothing more is to be read from it for now. */
  pause(): void;
  resume(): void;
}

/** What a server is made of. */
export interface PcscliteServerOptions {
  readonly runtime: Runtime;
  readonly manager: ServerManager;
  readonly limits?: Partial<ServerLimits>;
  /**
   * Entries of the reader table that clients of 4:4 and 4:5 were compiled for (PCSCLITE_MAX_READERS_CONTEXTS), 1 to 1024: one
   * number for both, or one for each. A client that was compiled for another number does not work: it waits for entries that do
   * not come, or takes those that are left over for answers. 16 by default, as pcsc-lite has it.
   */
  readonly maxReadersContexts?: number | Partial<FixedTableSizes>;
  readonly log?: (entry: ServerLogEntry) => void;
}

const wholeSize = wholeNumber(1, 1024, "entries");
// Its range is told by fixedTableSizes, with the version.
const tableSize: Check<number> = (value, place) => (typeof value === "number" ? value : wholeSize(value, place));
const bothSizes = optionsOf<Partial<FixedTableSizes>>({ "4:4": optional(tableSize), "4:5": optional(tableSize) });
const tableSizes: Check<number | Partial<FixedTableSizes>> = (value, place) =>
  typeof value === "number" ? tableSize(value, place) : bothSizes(value, place);

const serverOptions = optionsOf<PcscliteServerOptions>({
  runtime: runtimeObject,
  manager: having<ServerManager>(["client", "readers", "watchReaders", "holderOf"], "an EmbeddedManager"),
  limits: optional(limitsOf(defaultServerLimits)),
  maxReadersContexts: optional(tableSizes),
  log: optional(callback<NonNullable<PcscliteServerOptions["log"]>>("a function that takes entries")),
});

/**
 * The service that libpcsclite talks to, without its sockets: every connection of a program is a session, and every
 * session has one context at most. All sessions share the manager.
 */
export class PcscliteServer {
  readonly #runtime: Runtime;
  readonly #manager: ServerManager;
  readonly #limits: ServerLimits;
  readonly #log: (entry: ServerLogEntry) => void;
  readonly #table: ServerReaderTable;
  readonly #sessions = new Set<ServerSession>();
  /** Sessions by the number of their context: a cancel comes in on another connection. */
  readonly #contexts = new Map<number, ServerSession>();
  readonly #handles = new Set<number>();
  readonly #fixedSizes: FixedTableSizes;

  /** @throws invalid-value for a size of the table that is not 1 to 1024 */
  constructor(options: PcscliteServerOptions) {
    const checked = serverOptions(options, { operation: "PcscliteServer", path: "options" });
    this.#fixedSizes = fixedTableSizes(checked.maxReadersContexts);
    this.#runtime = checked.runtime;
    this.#manager = checked.manager;
    this.#limits = { ...defaultServerLimits, ...checked.limits };
    this.#log = checked.log ?? (() => {});
    this.#table = new ServerReaderTable(checked.manager);
  }

  /** How many clients are connected. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Who waits for a change of the readers. The manager does not know of it: the table of readers is the server's. */
  get waiting(): ReadonlySet<ClientIdentity> {
    const waiting = [...this.#sessions].filter((session) => session.waits);
    return new Set(waiting.map((session) => session.identity));
  }

  /** Begins a session. The edge hands it what arrives, and tells it when the connection has ended. */
  accept(peer: ServerPeer): ServerSession {
    const tooMany = this.#sessions.size >= this.#limits.sessions;
    if (tooMany) this.#log({ level: "warn", message: "too many clients", client: peer.identity });
    const session = new ServerSession({
      runtime: this.#runtime,
      manager: this.#manager,
      makeClient: () => this.#manager.client(peer.identity),
      peer,
      tooMany,
      limits: this.#limits,
      log: this.#log,
      table: this.#table,
      fixedSizes: this.#fixedSizes,
      takeNumber: () => this.#takeNumber(),
      freeNumber: (number) => this.#handles.delete(number),
      contexts: this.#contexts,
      ended: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return session;
  }

  /** Ends every session: those who wait are told that the service has stopped. */
  async close(): Promise<void> {
    // From here on nobody is told of readers that change because others leave.
    this.#table.close();
    const error = new SmartCardError("service-stopped", "the service has stopped");
    await Promise.all([...this.#sessions].map((session) => session.stop(error)));
  }

  /** A number for a context or a card that nobody has, and that cannot be foretold: 1 to 2^31 - 1. */
  #takeNumber(): number {
    for (;;) {
      const random = this.#runtime.random.bytes(4);
      const number = new DataView(random.buffer, random.byteOffset, 4).getUint32(0) & 0x7fff_ffff;
      if (number === 0 || this.#handles.has(number)) continue;
      this.#handles.add(number);
      return number;
    }
  }
}
