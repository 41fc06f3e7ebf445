// SPDX-License-Identifier: MIT

import {
  type Check,
  type ClientIdentity,
  callback,
  having,
  limitsOf,
  optional,
  optionsOf,
  type Runtime,
  runtimeObject,
  SmartCardError,
  wholeNumber,
} from "../../port/index.ts";
import { ClientQuotas } from "./client-quotas.ts";
import { defaultServerLimits, type FixedTableSizes, fixedTableSizes, type ServerLimits } from "./limits.ts";
import type { ServerLogEntry, ServerManager, ServerPeer } from "./ports.ts";
import { ServerReaderTable } from "./reader-table.ts";
import { ServingOrder } from "./serving-order.ts";
import { ServerSession } from "./session.ts";

/** Dependencies of a server. */
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
  readonly #order: ServingOrder;
  readonly #quotas: ClientQuotas;
  readonly #sessions = new Set<ServerSession>();
  readonly #leaving = new Set<ServerSession>();
  /** Sessions that are refused, of each user. */
  readonly #refused = new Map<number | undefined, number>();
  #refusedInAll = 0;
  /** Sessions by the number of their context: a cancel comes in on another connection. */
  readonly #contexts = new Map<number, ServerSession>();
  readonly #handles = new Set<number>();
  readonly #fixedSizes: FixedTableSizes;
  /** Why sessions end, from the moment on at which the service stops. */
  #stopped: SmartCardError | undefined;

  /** @throws invalid-value for a size of the table that is not 1 to 1024 */
  constructor(options: PcscliteServerOptions) {
    const checked = serverOptions(options, { operation: "PcscliteServer", path: "options" });
    this.#fixedSizes = fixedTableSizes(checked.maxReadersContexts);
    this.#runtime = checked.runtime;
    this.#manager = checked.manager;
    this.#limits = { ...defaultServerLimits, ...checked.limits };
    this.#log = checked.log ?? (() => {});
    this.#order = new ServingOrder(this.#runtime.clock, {
      perTurn: this.#limits.servedPerTurn,
      turnMs: this.#limits.turnUs / 1000,
    });
    this.#quotas = new ClientQuotas(this.#limits);
    this.#table = new ServerReaderTable(checked.manager);
  }

  /** How many clients are connected, without those that are being refused. */
  get sessions(): number {
    return this.#sessions.size - this.#refusedInAll;
  }

  /** Bytes that are held for all clients together: never more than the limit `clientBytes`, once what arrived is counted. */
  get heldBytes(): number {
    return this.#quotas.bytes;
  }

  /** How many numbers of contexts and cards are in use. */
  get numbers(): number {
    return this.#handles.size;
  }

  /** Who waits for a change of the readers. The manager does not know of it: the table of readers is the server's. */
  get waiting(): ReadonlySet<ClientIdentity> {
    const waiting = [...this.#sessions].filter((session) => session.waits);
    return new Set(waiting.map((session) => session.identity));
  }

  /** Runs what is to be done for a user, such as to find out who a client is, in the user's turn among all that is served. */
  inTurn(uid: number | undefined, work: () => void): void {
    this.#order.inTurn({ ...(uid !== undefined && { uid }) }, work);
  }

  /** Begins a session. The platform hands it what arrives, and tells it when its bytes were taken and when the connection has ended. */
  accept(peer: ServerPeer): ServerSession {
    const session: ServerSession = new ServerSession({
      runtime: this.#runtime,
      manager: this.#manager,
      makeClient: () => this.#manager.client(peer.identity),
      peer,
      refusal: (begun) => this.#refusalOf(begun, peer),
      limits: this.#limits,
      log: this.#log,
      order: this.#order,
      quotas: this.#quotas,
      table: this.#table,
      fixedSizes: this.#fixedSizes,
      takeNumber: () => this.#takeNumber(),
      freeNumber: (number) => this.#handles.delete(number),
      contexts: this.#contexts,
      ended: () => this.#ended(session),
      leaving: this.#leaving,
    });
    this.#sessions.add(session);
    // A client that comes while the others leave is sent away with them.
    if (this.#stopped !== undefined) void session.stop(this.#stopped);
    else if (session.isRefused && !this.#countRefused(session)) session.drop("too many clients are being refused");
    return session;
  }

  /** Disconnects clients that are no longer admitted. */
  review(): void {
    for (const session of [...this.#sessions]) if (!session.isRefused) session.review();
  }

  /**
   * Disconnects the clients of a process at once, as if it had ended: its transactions are over, and what its cards are due is done.
   *
   * @param pid as the identities of clients have it
   * @returns how many connections it had
   * @throws invalid-value (no client of the process is connected; or the system does not tell which processes clients are)
   */
  disconnect(pid: number, reason: string): number {
    const found = [...this.#sessions].filter(({ identity, isRefused }) => !isRefused && identity.pid === pid);
    for (const session of found) session.drop(reason);
    if (found.length > 0) return found.length;
    throw new SmartCardError("invalid-value", `no client of the process ${pid} is connected`, {
      operation: "disconnect",
    });
  }

  /** Ends every session, and those that come from now on: those who wait are told that the service has stopped. */
  async close(): Promise<void> {
    // From here on no client is told of readers that change because others leave.
    this.#table.close();
    const error = new SmartCardError("service-stopped", "the service has stopped");
    this.#stopped = error;
    await Promise.all([...this.#sessions].map((session) => session.stop(error)));
    for (const session of [...this.#leaving]) session.leave();
  }

  /** Why a client is refused. Access is checked first: a refused client must not take the place of another. */
  #refusalOf(session: ServerSession, peer: ServerPeer): SmartCardError | undefined {
    const { identity } = session;
    if (!peer.admitted) return new SmartCardError("security-violation", `${identity.name} may not use the service`);
    if (this.#quotas.begin(session)) return undefined;
    this.#log({ level: "warn", message: "too many clients", client: identity });
    return new SmartCardError("server-too-busy", "too many clients are connected");
  }

  #countRefused({ identity }: ServerSession): boolean {
    const { refused } = this.#limits;
    const own = (this.#refused.get(identity.uid) ?? 0) + 1;
    this.#refused.set(identity.uid, own);
    this.#refusedInAll++;
    return this.#refusedInAll <= refused && (identity.uid === undefined || own <= Math.ceil(refused / 16));
  }

  #ended(session: ServerSession): void {
    this.#sessions.delete(session);
    if (!session.isRefused) {
      this.#quotas.end(session);
      return;
    }
    this.#quotas.hold(session, 0);
    const { uid } = session.identity;
    const left = (this.#refused.get(uid) ?? 1) - 1;
    if (left > 0) this.#refused.set(uid, left);
    else this.#refused.delete(uid);
    this.#refusedInAll--;
  }

  /** A free number for a context or a card, which cannot be guessed: 1 to 2^31 - 1. */
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
