// SPDX-License-Identifier: MIT

import {
  type Answer,
  type ConnectAttempt,
  type ContextDeps,
  type ContextLink,
  callFailure,
  findName,
  findReader,
  readerNotAllowed,
  type StatusQuery,
} from "../../../managers/client/index.ts";
import {
  type Connection,
  type ContextDatabase,
  checkWait,
  type Dialect,
  type ReaderStateReport,
  SmartCardError,
  shareModes,
  unknownReader,
  within,
} from "../../../port/index.ts";
import { SystemCardLink } from "./card-link.ts";
import { DatabaseCalls } from "./database-calls.ts";
import { codeOf, contextFailure, isLost, library, serviceStopped } from "./failures.ts";
import type { SystemLimits } from "./limits.ts";
import { NativeContext } from "./native-context.ts";
import type { StatusWatch } from "./status-watch.ts";
import { SystemDatabase } from "./system-database.ts";
import { type Calls, SUCCESS } from "./winscard-calls.ts";

/** What a context's link needs of the manager. */
export interface ContextLinkDeps extends ContextDeps {
  readonly calls: Calls;
  readonly limits: SystemLimits;
  readonly watch: StatusWatch;
  /** SCARD_SCOPE_… */
  readonly scope: number;
}

/** SCARD_SHARE_SHARED, the same in all headers. */
const SHARED = shareModes.shared.windows;

type Connected = Awaited<ReturnType<Calls["connect"]>>;

/**
 * One context of the client. It uses several library contexts: one that lists and queries readers, and one for each
 * connection, because a context of the library does one thing at a time. Waits for changes are the manager's.
 */
export class SystemContextLink implements ContextLink {
  readonly dialect: Dialect;
  readonly listReaderGroups: (() => Promise<string[]>) | undefined;
  readonly database: ContextDatabase | undefined;
  readonly #deps: ContextLinkDeps;
  readonly #main: NativeContext;
  readonly #open = new Set<SystemCardLink>();
  readonly #spares: NativeContext[] = [];
  /** The names that were listed last. */
  #names: readonly string[] = [];
  #lost: (error: SmartCardError) => void = () => {};
  /** Why it is over. */
  #ended: SmartCardError | undefined;

  constructor(deps: ContextLinkDeps, main: NativeContext) {
    this.#deps = deps;
    this.#main = main;
    this.dialect = deps.calls.abi.dialect;
    this.listReaderGroups = deps.calls.abi.hasGroups
      ? () => this.#list("list reader groups", (calls, handle) => calls.listReaderGroups(handle))
      : undefined;
    const { calls } = deps;
    const { database } = calls.library;
    if (database !== undefined) this.database = this.#database(new DatabaseCalls(calls.abi, database, calls.threads));
    deps.watch.join();
  }

  /** The libraries' own answer to this does not ask the service. */
  async isServed(): Promise<boolean> {
    if (this.#ended !== undefined) return false;
    const { rv } = await this.#main.run((calls, handle) => calls.listReaders(handle));
    const { abi } = this.#deps.calls;
    if (rv === SUCCESS || codeOf(abi, rv) === "no-readers-available") return true;
    this.#noticed(contextFailure(abi, rv, "list readers"));
    return false;
  }

  async listReaders(groups?: readonly string[]): Promise<readonly string[]> {
    const names = await this.#list("list readers", (calls, handle) => calls.listReaders(handle, groups));
    if (groups === undefined) this.#names = names;
    return names;
  }

  async getStatusChange(query: StatusQuery): Promise<ReaderStateReport[]> {
    try {
      return await this.#deps.watch.getStatusChange(this.#main, query);
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  /**
   * The library cannot end a connect: the service may hold it as long as another program has a transaction. A card that it
   * gets later is disconnected.
   */
  async connect(attempt: ConnectAttempt): Promise<Connection> {
    const { givenUp, keep, reader, startDeadline, timeoutMs } = attempt;
    const { calls } = this.#deps;
    if (timeoutMs !== undefined) startDeadline(timeoutMs);
    const name = await this.#nameOf(reader);
    const native = this.#spares.pop() ?? (await NativeContext.open(calls, this.#deps.scope));
    let isKept = false;
    try {
      const answer = await this.#askForCard(native, name, attempt);
      native.isLost = isLost(calls.abi, answer.rv);
      if (answer.rv !== SUCCESS) throw await this.#connectFailure(answer.rv, reader);
      if (givenUp.aborted || this.#ended !== undefined) {
        await native.run(() => calls.disconnect("patient", answer.card, 0));
        throw this.#ended ?? new SmartCardError("cancelled", "the connect was given up", { reader });
      }
      const link = this.#cardLink(native, answer.card, name);
      const connection = keep(link, name, answer.activeProtocol);
      this.#open.add(link);
      isKept = true;
      return connection;
    } finally {
      if (!isKept) this.#spare(native);
    }
  }

  whenLost(listener: (error: SmartCardError) => void): void {
    this.#lost = listener;
  }

  async release(ended: SmartCardError): Promise<void> {
    this.#ended = ended;
    const ending = [
      this.#deps.watch.leave(),
      this.#main.release(),
      ...this.#spares.map((native) => native.release()),
      // The library disconnects the card, and that may wait for another program's transaction.
      ...[...this.#open].map((link) => link.release()),
    ];
    const { clock, limits } = this.#deps;
    // Calls that have not returned by then end later.
    await within<unknown>(clock, limits.partingMs, "release", Promise.all(ending), () => undefined);
  }

  async #list(
    operation: "list readers" | "list reader groups",
    ask: (calls: Calls, handle: bigint) => Promise<Answer & { readonly names: string[] }>,
  ): Promise<string[]> {
    const { abi } = this.#deps.calls;
    const { names, rv } = await this.#main.run(ask);
    if (rv === SUCCESS) return names;
    if (codeOf(abi, rv) === "no-readers-available") return [];
    throw this.#noticed(contextFailure(abi, rv, operation));
  }

  #database(calls: DatabaseCalls): ContextDatabase {
    return new SystemDatabase({
      calls,
      run: (call) => {
        if (this.#ended !== undefined) throw this.#ended;
        return this.#main.run((_, handle) => call(calls, handle));
      },
    });
  }

  /** The name as the library has it, which compares byte by byte. @throws unknown-reader */
  async #nameOf(reader: string): Promise<string> {
    if (this.#names.includes(reader)) return reader;
    const name = findName(await this.listReaders(), reader);
    if (name === undefined) throw unknownReader(reader, "connect");
    return name;
  }

  /** Connects when this process has no transaction on the card, so that the call does not occupy a thread. */
  async #askForCard(native: NativeContext, reader: string, attempt: ConnectAttempt): Promise<Connected> {
    const { givenUp, protocols, shareMode } = attempt;
    checkWait("connect", { signal: givenUp });
    const { calls, clock } = this.#deps;
    const call = (): Promise<Connected> =>
      native.run((_, handle) => calls.connect(handle, reader, shareMode, protocols));
    // Windows refuses these at once, and does not keep them waiting.
    if (!calls.abi.refuses && shareMode !== SHARED) return call();
    const queue = this.#deps.queues.of(reader);
    const { connected } = await queue.retry({
      deps: { clock, operation: "connect", details: { reader } },
      options: { signal: givenUp },
      ticket: queue.ticket(),
      owner: { inTransaction: false, isBusy: false },
      // A sharing violation is a final answer here, not a reason to retry.
      ask: async () => ({ rv: SUCCESS, connected: await call() }),
      interrupt: () => {},
    });
    return connected;
  }

  #cardLink(native: NativeContext, card: bigint, reader: string): SystemCardLink {
    const { watch } = this.#deps;
    const queue = this.#deps.queues.of(reader);
    return new SystemCardLink({
      native,
      card,
      reader,
      look: () => queue.look(),
      eventCount: async () => (findReader(await watch.look(this.#main), reader)?.state ?? 0) >>> 16,
      whyLost: (failure) => this.#whyLost(failure),
      close: (link) => {
        this.#open.delete(link);
        this.#spare(native);
      },
    });
  }

  /** Keeps an unused library context for later, or releases it. */
  #spare(native: NativeContext): void {
    const isUsable = this.#ended === undefined && !native.isLost;
    const isWanted = isUsable && this.#spares.length < this.#deps.limits.spareContexts;
    if (isWanted) this.#spares.push(native);
    else void native.release();
  }

  async #connectFailure(rv: number, reader: string): Promise<SmartCardError> {
    const { abi } = this.#deps.calls;
    if (!isLost(abi, rv)) return callFailure(library(abi), rv, "connect", { reader });
    // pcscd closes the connection of a client that may not use a reader. It has not stopped then: our other connection still works.
    return (await this.isServed()) ? readerNotAllowed(reader) : serviceStopped();
  }

  /** What a failure means that says that the service is gone: it is, or it has closed one connection of ours. */
  async #whyLost(failure: SmartCardError): Promise<SmartCardError> {
    return (await this.isServed()) ? failure : (this.#ended ?? serviceStopped());
  }

  /** Ends the context where a failure says that the service is gone. */
  #noticed(error: unknown): unknown {
    const isGone = error instanceof SmartCardError && (error.code === "service-stopped" || error.code === "no-service");
    if (!isGone || this.#ended !== undefined) return error;
    this.#ended = error;
    this.#lost(error);
    void this.#deps.watch.leave();
    // Nothing is asked of the service for that; the libraries forget them.
    for (const native of [this.#main, ...this.#spares]) void native.release();
    for (const link of this.#open) void link.release("prompt");
    return error;
  }
}
