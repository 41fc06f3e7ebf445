// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  type ConnectOptions,
  type Context,
  type ContextOptions,
  protocolMask,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  type Scope,
  SmartCardError,
  shareModes,
  type WaitOptions,
} from "../pcsc/index.ts";
import type { ProtocolVersion } from "../pcsclite/index.ts";
import { checkConnectOptions } from "./arguments.ts";
import { PcscdConnection, protocolOf } from "./connection.ts";
import { describeDevice } from "./device.ts";
import { callFailure, readerNotAllowed, UNKNOWN_READER } from "./failures.ts";
import { Line, type LineSetting, noHandle } from "./line.ts";
import type { ReaderTurns } from "./reader-turns.ts";
import { findReader } from "./reports.ts";
import { StatusWatch } from "./status-watch.ts";
import { checkWait, timedOut, Wait, type WaitSet } from "./wait.ts";

/** What a context needs of the manager. */
export interface ContextSetting extends LineSetting {
  /** This process' own queue for a reader. */
  readonly turnsOf: (reader: string) => ReaderTurns;
}

/** The group that every reader is in; pcscd knows no other. */
const defaultGroup = "SCard$DefaultReaders";
const groupsOfAll: ReadonlySet<string> = new Set(["scard$allreaders", defaultGroup.toLowerCase()]);

type Connected = Awaited<ReturnType<Line["session"]["connect"]>>;

/**
 * One context of the client. It is several of the service: one on the line that tells of the readers, and one for each
 * connection, because a card's handle belongs to its context there, and a context does one thing at a time.
 */
export class PcscdContext implements Context {
  readonly scope: Scope;
  readonly #setting: ContextSetting;
  readonly #oneAtATime: boolean;
  readonly #clock: Clock;
  readonly #main: Line;
  readonly #status: StatusWatch;
  readonly #waits: WaitSet = new Set();
  readonly #connections = new Set<PcscdConnection>();
  readonly #spares: Line[] = [];
  #connecting = 0;
  /** Why the context is not valid any more. */
  #ended: SmartCardError | undefined;

  /** @param main a line with a context in it: the context's own from now on */
  constructor(setting: ContextSetting, main: Line, options: ContextOptions) {
    this.#setting = setting;
    this.#clock = setting.runtime.clock;
    this.#main = main;
    this.#status = new StatusWatch(main, this.#clock, setting.limits, this.#waits);
    this.scope = options.scope ?? "user";
    this.#oneAtATime = options.oneAtATime ?? false;
    main.whenEnded((error) => this.#end(error, error));
  }

  /** The version of the protocol that the service and this context speak. */
  get version(): ProtocolVersion | undefined {
    return this.#main.version;
  }

  async isValid(): Promise<boolean> {
    return this.#ended === undefined;
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    this.#checkValid();
    if (groups !== undefined && !groups.some((group) => groupsOfAll.has(group.toLowerCase()))) return [];
    const { readers } = await this.#status.look();
    return readers.map(({ name }) => name);
  }

  async listReaderGroups(): Promise<string[]> {
    this.#checkValid();
    const { readers } = await this.#status.look();
    return readers.length > 0 ? [defaultGroup] : [];
  }

  async describeReader(reader: string): Promise<ReaderDevice> {
    this.#checkValid();
    const snapshot = await this.#status.look();
    const known = findReader(snapshot, reader);
    if (known === undefined) throw noReader(reader, "describe reader");
    // The connect is not answered while somebody has a transaction, and is refused where somebody is alone there.
    const options = {
      shareMode: "direct",
      preferredProtocols: [],
      timeoutMs: this.#setting.limits.describeMs,
    } as const;
    const connection = await this.connect(known.name, options).catch(() => undefined);
    try {
      return await describeDevice(known.name, connection, this.#setting.limits.describeMs);
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
    return this.#status.getStatusChange(copies, options);
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
      return await this.#giveUpInTime(reader, options, (lineTaken) => this.#connect(reader, options, lineTaken));
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
    const invalid = new SmartCardError("invalid-context", "the context is not valid any more: it was released");
    const lines = [this.#main, ...this.#spares, ...Array.from(this.#connections, ({ line }) => line)];
    // What the service has not answered yet are waits, and end as such.
    const cancelled = new SmartCardError("cancelled", "the context was released");
    this.#end(invalid, cancelled);
    await Promise.all(lines.map((line) => line.release(cancelled)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.release();
  }

  /** Runs a connect that is given up by letting its line go: the service disposes of what it has made by then. */
  #giveUpInTime(
    reader: string,
    options: WaitOptions,
    connect: (lineTaken: (line: Line) => void) => Promise<Connection>,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let line: Line | undefined;
      let givenUp: SmartCardError | undefined;
      const { signal, timeoutMs } = options;
      const setting = { clock: this.#clock, waits: this.#waits, operation: "connect", details: { reader } };
      const wait = new Wait(setting, signal === undefined ? {} : { signal }, (error) => {
        givenUp = error;
        line?.end(error);
        reject(error);
      });
      const lineTaken = (taken: Line): void => {
        line = taken;
        if (givenUp !== undefined) taken.end(givenUp);
        if (timeoutMs === undefined) return;
        // Nothing tells the wait for a turn from the card's own start.
        wait.startDeadline(Math.max(timeoutMs, this.#setting.limits.connectMs), () => timedOut("connect", { reader }));
      };
      connect(lineTaken)
        .finally(() => wait.over())
        .then(resolve, reject);
    });
  }

  async #connect(reader: string, options: ConnectOptions, lineTaken: (line: Line) => void): Promise<Connection> {
    const line = this.#spares.pop() ?? (await this.#openLine());
    lineTaken(line);
    if (this.#ended !== undefined) line.end(this.#ended);
    let kept = false;
    try {
      const { name, answer } = await this.#askForCard(line, reader, options);
      if (answer.rv !== 0) throw callFailure(answer.rv, "connect", { reader });
      if (answer.card === 0) line.end(noHandle("card"));
      if (line.error !== undefined) throw line.error;
      this.#checkValid();
      const connection = this.#keep(line, name, options, answer);
      kept = true;
      return connection;
    } catch (error) {
      throw line.error === undefined ? error : await this.#whyLost(line.error, reader);
    } finally {
      if (!kept) this.#spare(line);
    }
  }

  async #openLine(): Promise<Line> {
    try {
      const line = await Line.open(this.#setting, this.scope);
      line.whenEnded((error) => this.#lineEnded(line, error));
      return line;
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "security-violation") throw this.#ended ?? error;
      // We are in already, so it is not who we are: it is how many.
      throw tooManyClients(error);
    }
  }

  /** Asks for the reader, and once more where its name is written otherwise in the service. */
  async #askForCard(
    line: Line,
    reader: string,
    options: ConnectOptions,
  ): Promise<{ readonly name: string; readonly answer: Connected }> {
    const terms = {
      context: line.context,
      shareMode: shareModes[options.shareMode].pcsclite ?? 0,
      preferredProtocols: protocolMask(options.preferredProtocols, "pcsclite"),
    };
    // It may wait for another program's transaction, for as long as the service is there.
    line.watch(() => this.#status.look());
    const answer = await line.session.connect({ ...terms, reader });
    if (answer.rv !== UNKNOWN_READER) return { name: await this.#properName(reader), answer };
    // pcscd compares byte by byte, and the port without regard to case.
    const known = findReader(await this.#status.look(), reader);
    if (known === undefined || known.name === reader) return { name: reader, answer };
    return { name: known.name, answer: await line.session.connect({ ...terms, reader: known.name }) };
  }

  /** The reader's name as the service writes it. */
  async #properName(reader: string): Promise<string> {
    const known = findReader(this.#status.last, reader) ?? findReader(await this.#status.look(), reader);
    return known?.name ?? reader;
  }

  #keep(line: Line, reader: string, options: ConnectOptions, answer: Connected): PcscdConnection {
    const connection = new PcscdConnection({
      line,
      card: answer.card,
      reader,
      shareMode: options.shareMode,
      protocol: protocolOf(answer.activeProtocol),
      turns: this.#setting.turnsOf(reader),
      clock: this.#clock,
      look: () => this.#status.look(),
      deadlock: (asking, operation) => this.#deadlock(asking, operation),
      closed: (closed, isClean) => {
        this.#connections.delete(closed);
        if (isClean) this.#spare(line);
        else void line.release(unneeded());
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  /** Keeps a line that has nothing in it any more, or lets it go. */
  #spare(line: Line): void {
    if (line.error !== undefined) return;
    const isWanted = this.#ended === undefined && this.#spares.length < this.#setting.limits.spareLines;
    if (isWanted) this.#spares.push(line);
    else void line.release(unneeded());
  }

  #lineEnded(line: Line, error: SmartCardError): void {
    const at = this.#spares.indexOf(line);
    if (at >= 0) this.#spares.splice(at, 1);
    for (const connection of this.#connections) {
      if (connection.line !== line) continue;
      this.#connections.delete(connection);
      connection.abandon(error);
    }
  }

  /** pcscd hangs up on those who may not use a reader. It has not stopped then: our other line is answered. */
  async #whyLost(error: SmartCardError, reader: string): Promise<SmartCardError> {
    if (error.code !== "service-stopped" || this.#ended !== undefined) return this.#ended ?? error;
    try {
      await this.#status.look();
      return readerNotAllowed(reader);
    } catch {
      return this.#ended ?? error;
    }
  }

  #hasTransaction(reader: string, but?: PcscdConnection): boolean {
    const key = reader.toLowerCase();
    return [...this.#connections].some(
      (other) => other !== but && other.inTransaction && other.reader.toLowerCase() === key,
    );
  }

  #deadlock(asking: PcscdConnection, operation: string): SmartCardError | undefined {
    const isEndless = this.#oneAtATime && !asking.inTransaction && this.#hasTransaction(asking.reader, asking);
    return isEndless ? endless(asking.reader, operation) : undefined;
  }

  /** @param waitError what outstanding waits end with */
  #end(error: SmartCardError, waitError: SmartCardError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const wait of [...this.#waits]) wait.giveUp(waitError);
    const connections = [...this.#connections];
    this.#connections.clear();
    for (const connection of connections) connection.abandon(waitError, error);
    if (this.#main.error === undefined) return;
    for (const line of [...this.#spares, ...connections.map((connection) => connection.line)]) line.end(error);
  }

  #checkValid(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

function noReader(reader: string, operation: string): SmartCardError {
  return new SmartCardError("unknown-reader", `there is no reader «${reader}»`, { reader, operation });
}

/** What a context that does one thing at a time is told of a wait that only itself could end. */
function endless(reader: string, operation: string): SmartCardError {
  const message = `${operation} would wait for the transaction that this very context has on «${reader}»`;
  return new SmartCardError("sharing-violation", message, { reader, operation });
}

/** Why a line is let go that has nothing in it any more. */
function unneeded(): SmartCardError {
  return new SmartCardError("invalid-context", "the context does not need this connection any more");
}

function tooManyClients(cause: SmartCardError): SmartCardError {
  const message = "the smart card service takes no more clients; pcscd takes 200 (its option --max-thread)";
  return new SmartCardError("server-too-busy", message, { operation: "connect" }, { cause });
}
