// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  type ConnectOptions,
  type Context,
  type ContextOptions,
  fromNumber,
  protocolMask,
  protocols,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  type Scope,
  SmartCardError,
  scopes,
  shareModes,
  toNumber,
  type WaitOptions,
} from "../../pcsc/index.ts";
import {
  checkConnectOptions,
  checkWait,
  describeDevice,
  type ReaderTurns,
  readerKey,
  Wait,
  type WaitSet,
} from "../../pcscd/index.ts";
import { type Answer, type Calls, SUCCESS } from "./calls.ts";
import { SystemConnection } from "./connection.ts";
import { callFailure, codeOf, contextFailure, isLost, readerNotAllowed, serviceStopped } from "./failures.ts";
import type { SystemLimits } from "./limits.ts";
import { NativeContext } from "./native-context.ts";
import { findReader } from "./readers.ts";
import type { StatusWatch } from "./status-watch.ts";

/** What a context needs of the manager. */
export interface ContextSetting {
  readonly calls: Calls;
  readonly clock: Clock;
  readonly limits: SystemLimits;
  readonly watch: StatusWatch;
  /** This process' own queue for a reader. */
  readonly turnsOf: (reader: string) => ReaderTurns;
}

/** The group that every reader is in; libraries without a database know no other. */
const defaultGroup = "SCard$DefaultReaders";
const groupsOfAll: ReadonlySet<string> = new Set(["scard$allreaders", defaultGroup.toLowerCase()]);

type Connected = Answer & { readonly card: bigint; readonly protocol: number };

/**
 * One context. It is several of the library: one that lists readers and looks at them, and one for each connection,
 * because a context of the library does one thing at a time. Waits for changes are the manager's.
 */
export class SystemContext implements Context {
  readonly scope: Scope;
  readonly #setting: ContextSetting;
  readonly #oneAtATime: boolean;
  readonly #main: NativeContext;
  readonly #waits: WaitSet = new Set();
  readonly #connections = new Set<SystemConnection>();
  readonly #spares: NativeContext[] = [];
  /** The names that were listed last. */
  #names: readonly string[] = [];
  #connecting = 0;
  /** Why the context is not valid any more. */
  #ended: SmartCardError | undefined;

  /** @param main the context's own from now on */
  constructor(setting: ContextSetting, main: NativeContext, options: ContextOptions) {
    this.#setting = setting;
    this.#main = main;
    this.scope = options.scope ?? "user";
    this.#oneAtATime = options.oneAtATime ?? false;
    setting.watch.join();
  }

  async isValid(): Promise<boolean> {
    if (this.#ended !== undefined) return false;
    // The libraries' own answer to this does not ask the service.
    return this.#isServed();
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    this.#checkValid();
    const { abi } = this.#setting.calls;
    const isOfNone = groups !== undefined && !groups.some((group) => groupsOfAll.has(group.toLowerCase()));
    if (isOfNone && !abi.hasGroups) return [];
    const asked = abi.hasGroups ? groups : undefined;
    const names = await this.#list("list readers", (calls, handle) => calls.listReaders(handle, asked));
    if (asked === undefined) this.#names = names;
    return [...names];
  }

  async listReaderGroups(): Promise<string[]> {
    this.#checkValid();
    if (this.#setting.calls.abi.hasGroups) {
      return this.#list("list reader groups", (calls, handle) => calls.listReaderGroups(handle));
    }
    return (await this.listReaders()).length > 0 ? [defaultGroup] : [];
  }

  async describeReader(reader: string): Promise<ReaderDevice> {
    this.#checkValid();
    await this.listReaders();
    const name = await this.#nameOf(reader, "describe reader");
    const timeoutMs = this.#setting.limits.describeMs;
    // The connect is not answered while somebody has a transaction, and is refused where somebody is alone there.
    const options = { shareMode: "direct", preferredProtocols: [], timeoutMs } as const;
    const connection = await this.connect(name, options).catch(() => undefined);
    try {
      return await describeDevice(name, connection, timeoutMs);
    } finally {
      await connection?.disconnect("leave").catch(() => {});
    }
  }

  async getStatusChange(queries: readonly ReaderStateQuery[], options: WaitOptions = {}): Promise<ReaderStateReport[]> {
    this.#checkValid();
    checkWait("status change", options);
    const { queriesPerWait, waitsPerContext } = this.#setting.limits;
    if (this.#waits.size >= waitsPerContext) {
      throw new SmartCardError("server-too-busy", `the context has ${waitsPerContext} outstanding waits, its limit`);
    }
    if (queries.length > queriesPerWait) {
      const message = `${queries.length} readers in one query; the limit is ${queriesPerWait}`;
      throw new SmartCardError("no-memory", message, { operation: "status change" });
    }
    // The caller may change its objects while the wait lasts.
    const copies = queries.map((query) => ({ ...query, flags: { ...query.flags } }));
    try {
      return await this.#setting.watch.getStatusChange(this.#main, this.#waits, copies, options);
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    this.#checkValid();
    checkConnectOptions("connect", options, reader);
    const limit = this.#setting.limits.connectionsPerContext;
    if (this.#connections.size + this.#connecting >= limit) {
      throw new SmartCardError("no-memory", `the context has ${limit} connections, its limit`, { reader });
    }
    if (this.#oneAtATime && this.#hasTransaction(reader)) throw endless(reader, "connect");
    this.#connecting++;
    try {
      return await this.#giveUpInTime(reader, options);
    } finally {
      this.#connecting--;
    }
  }

  async cancel(): Promise<void> {
    this.#checkValid();
    const error = new SmartCardError("cancelled", "the context was cancelled");
    for (const wait of [...this.#waits]) wait.giveUp(error);
    for (const connection of this.#connections) connection.cancel(error);
  }

  async release(): Promise<void> {
    this.#checkValid();
    const natives = [...this.#connections].map(({ inTransaction, native }) => ({ inTransaction, native }));
    this.#end(
      new SmartCardError("invalid-context", "the context is not valid any more: it was released"),
      new SmartCardError("cancelled", "the context was released"),
    );
    const ending = [
      this.#setting.watch.leave(),
      this.#main.release(),
      ...this.#spares.map((native) => native.release()),
      // The library disconnects the card, and that may wait for another program's transaction.
      ...natives.map(({ inTransaction, native }) => native.release(inTransaction ? "prompt" : "patient")),
    ];
    await this.#within(this.#setting.limits.partingMs, Promise.all(ending));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.release();
  }

  async #list(
    operation: "list readers" | "list reader groups",
    ask: (calls: Calls, handle: bigint) => Promise<Answer & { readonly names: string[] }>,
  ): Promise<string[]> {
    const { abi } = this.#setting.calls;
    const { names, rv } = await this.#main.run(ask);
    if (rv === SUCCESS) return names;
    if (codeOf(abi, rv) === "no-readers-available") return [];
    throw this.#noticed(contextFailure(abi, rv, operation));
  }

  /** The name as the library has it, which compares byte by byte. @throws unknown-reader */
  async #nameOf(reader: string, operation: string): Promise<string> {
    if (this.#names.includes(reader)) return reader;
    const key = readerKey(reader);
    const name = (await this.listReaders()).find((known) => readerKey(known) === key);
    if (name === undefined) {
      throw new SmartCardError("unknown-reader", `there is no reader «${reader}»`, { reader, operation });
    }
    return name;
  }

  /**
   * Connects, and gives up in time. The library gives no way to end a connect: the service may keep it for as long as
   * another program has a transaction. What it gets later is given back.
   */
  #giveUpInTime(reader: string, options: ConnectOptions): Promise<Connection> {
    const { clock } = this.#setting;
    return new Promise((resolve, reject) => {
      const waiting = new AbortController();
      const setting = { clock, waits: this.#waits, operation: "connect", details: { reader } };
      const wait = new Wait(setting, options, (error) => {
        waiting.abort();
        reject(error);
      });
      this.#connect(reader, options, waiting.signal)
        .finally(() => wait.over())
        .then(resolve, reject);
    });
  }

  /** @param givenUp aborted when nobody waits for the connection any more */
  async #connect(reader: string, options: ConnectOptions, givenUp: AbortSignal): Promise<Connection> {
    const name = await this.#nameOf(reader, "connect");
    const native = this.#spares.pop() ?? (await NativeContext.open(this.#setting.calls, this.#scopeNumber));
    let isKept = false;
    try {
      const answer = await this.#ask(native, name, options, givenUp);
      native.isLost = isLost(this.#setting.calls.abi, answer.rv);
      if (answer.rv !== SUCCESS) throw await this.#connectFailure(answer.rv, reader);
      if (givenUp.aborted || this.#ended !== undefined) {
        await native.run((calls) => calls.disconnect("patient", answer.card, 0));
        throw this.#ended ?? new SmartCardError("cancelled", "nobody waits for the connection any more", { reader });
      }
      isKept = true;
      return this.#keep(native, name, options, answer);
    } finally {
      if (!isKept) this.#spare(native);
    }
  }

  /** Asks for the card when no transaction of our own stands in the way: there is no point in keeping a thread for it. */
  async #ask(native: NativeContext, reader: string, options: ConnectOptions, givenUp: AbortSignal): Promise<Connected> {
    checkWait("connect", { signal: givenUp });
    const { calls, clock, turnsOf } = this.#setting;
    const { dialect, refuses } = calls.abi;
    const shareMode = toNumber(shareModes, options.shareMode, dialect) ?? 0;
    const mask = protocolMask(options.preferredProtocols, dialect);
    const call = (): Promise<Connected> => native.run((_, handle) => calls.connect(handle, reader, shareMode, mask));
    // Windows refuses these at once, and does not keep them waiting.
    if (!refuses && options.shareMode !== "shared") return call();
    const turns = turnsOf(reader);
    const { connected } = await turns.contest({
      setting: { clock, operation: "connect", details: { reader } },
      options: { signal: givenUp },
      ticket: turns.ticket(),
      owner: { inTransaction: false, isBusy: false },
      // A sharing violation is an answer here, and not a reason to ask again.
      ask: async () => ({ rv: SUCCESS, connected: await call() }),
      interrupt: () => {},
    });
    return connected;
  }

  #keep(native: NativeContext, reader: string, options: ConnectOptions, answer: Connected): SystemConnection {
    const { calls, clock, turnsOf, watch } = this.#setting;
    const connection = new SystemConnection({
      native,
      card: answer.card,
      reader,
      shareMode: options.shareMode,
      protocol: fromNumber(protocols, answer.protocol, calls.abi.dialect),
      turns: turnsOf(reader),
      clock,
      eventCount: async () => (findReader(await watch.look(this.#main), reader)?.state ?? 0) >>> 16,
      deadlock: (asking, operation) => this.#deadlock(asking, operation),
      whyLost: (failure) => this.#whyLost(failure),
      closed: (closed) => {
        this.#connections.delete(closed);
        this.#spare(native);
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  /** Keeps a context of the library that has nothing in it any more, or lets it go. */
  #spare(native: NativeContext): void {
    const isUsable = this.#ended === undefined && !native.isLost;
    const isWanted = isUsable && this.#spares.length < this.#setting.limits.spareContexts;
    if (isWanted) this.#spares.push(native);
    else void native.release();
  }

  async #connectFailure(rv: number, reader: string): Promise<SmartCardError> {
    const { abi } = this.#setting.calls;
    if (!isLost(abi, rv)) return callFailure(abi, rv, "connect", { reader });
    // pcscd hangs up on those who may not use a reader. It has not stopped then: our other connection is answered.
    return (await this.#isServed()) ? readerNotAllowed(reader) : serviceStopped();
  }

  /** What a failure means that says that the service is gone: it is, or it has closed one connection of ours. */
  async #whyLost(failure: SmartCardError): Promise<SmartCardError> {
    return (await this.#isServed()) ? failure : (this.#ended ?? serviceStopped());
  }

  async #isServed(): Promise<boolean> {
    if (this.#ended !== undefined) return false;
    const { rv } = await this.#main.run((calls, handle) => calls.listReaders(handle));
    const { abi } = this.#setting.calls;
    if (rv === SUCCESS || codeOf(abi, rv) === "no-readers-available") return true;
    this.#noticed(contextFailure(abi, rv, "list readers"));
    return false;
  }

  /** Ends the context where a failure says that the service is gone. */
  #noticed(error: unknown): unknown {
    const isGone = error instanceof SmartCardError && (error.code === "service-stopped" || error.code === "no-service");
    if (!isGone || this.#ended !== undefined) return error;
    const natives = [this.#main, ...this.#spares, ...[...this.#connections].map(({ native }) => native)];
    this.#end(error, error);
    void this.#setting.watch.leave();
    // Nothing is asked of the service for that; the libraries forget them.
    for (const native of natives) void native.release();
    return error;
  }

  #hasTransaction(reader: string, but?: SystemConnection): boolean {
    const key = readerKey(reader);
    return [...this.#connections].some(
      (other) => other !== but && other.inTransaction && readerKey(other.reader) === key,
    );
  }

  #deadlock(asking: SystemConnection, operation: string): SmartCardError | undefined {
    const isEndless = this.#oneAtATime && !asking.inTransaction && this.#hasTransaction(asking.reader, asking);
    return isEndless ? endless(asking.reader, operation) : undefined;
  }

  /** @param waitError what outstanding waits end with */
  #end(error: SmartCardError, waitError: SmartCardError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const wait of [...this.#waits]) wait.giveUp(waitError);
    for (const connection of this.#connections) connection.abandon(waitError, error);
    this.#connections.clear();
  }

  #checkValid(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  get #scopeNumber(): number {
    return toNumber(scopes, this.scope, this.#setting.calls.abi.dialect) ?? 0;
  }

  /** Waits for an end, but no longer than that: what the library does not give back ends when it does. */
  async #within(ms: number, end: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const cancelTimer = this.#setting.clock.schedule(ms, "release", resolve);
      end.finally(cancelTimer).then(() => resolve(), reject);
    });
  }
}

/** What a context that does one thing at a time is told of a wait that only itself could end. */
function endless(reader: string, operation: string): SmartCardError {
  const message = `${operation} would wait for the transaction that this very context has on «${reader}»`;
  return new SmartCardError("sharing-violation", message, { reader, operation });
}
