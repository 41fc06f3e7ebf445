// SPDX-License-Identifier: MIT

import {
  type Connection,
  type ContextCache,
  type ReaderStateReport,
  type Scope,
  SmartCardError,
} from "../../port/index.ts";
import {
  type ConnectAttempt,
  type ContextLink,
  callFailure,
  findReader,
  type LinkedConnection,
  readerNotAllowed,
  type StatusQuery,
} from "../client/index.ts";
import { serviceCache } from "./card-cache.ts";
import { PcscdCardLink } from "./card-link.ts";
import { explain, holderNow } from "./explain.ts";
import { service, UNKNOWN_READER } from "./failures.ts";
import { Line, type LineDeps, noHandle } from "./line.ts";
import { StatusWatch } from "./status-watch.ts";

/** A connect that has to wait for no other program is answered by then. */
const LEAST_CONNECT_MS = 50;

type Connected = Awaited<ReturnType<Line["session"]["connect"]>>;

/**
 * One context of the client. It uses several contexts of the service: one on the line that reports the readers, and one
 * for each connection, because a card's handle belongs to its context there, and a context does one thing at a time.
 */
export class PcscdContextLink implements ContextLink {
  readonly dialect = "pcsclite";
  readonly listReaderGroups = undefined;
  /** The cache of scard daemon; pcscd has no cache. */
  readonly cache: ContextCache | undefined;
  readonly whoHolds: ContextLink["whoHolds"];
  readonly #deps: LineDeps;
  readonly #scope: Scope;
  readonly #main: Line;
  readonly #status: StatusWatch;
  readonly #open = new Map<Line, LinkedConnection>();
  readonly #spares: Line[] = [];
  /** Why it has ended. */
  #ended: SmartCardError | undefined;

  /** @param main a line with a context in it */
  constructor(deps: LineDeps, main: Line, scope: Scope) {
    this.#deps = deps;
    this.#scope = scope;
    this.#main = main;
    this.#status = new StatusWatch(main, deps.runtime.clock, deps.limits);
    const isOurs = main.session.extension > 0;
    this.cache = isOurs ? serviceCache(main) : undefined;
    this.whoHolds = isOurs ? (reader) => holderNow(main, reader) : undefined;
  }

  async isServed(): Promise<boolean> {
    return true;
  }

  async listReaders(): Promise<string[]> {
    const { readers } = await this.#status.look();
    return readers.map(({ name }) => name);
  }

  getStatusChange(query: StatusQuery): Promise<ReaderStateReport[]> {
    return this.#status.getStatusChange(query);
  }

  /** A connect is abandoned by closing its line: the service then cleans up. */
  async connect(attempt: ConnectAttempt): Promise<Connection> {
    const { reader } = attempt;
    const line = this.#spares.pop() ?? (await this.#openLine());
    this.#endInTime(line, attempt);
    if (this.#ended !== undefined) line.end(this.#ended);
    let isKept = false;
    try {
      const { answer, name } = await this.#askForCard(line, attempt);
      if (answer.rv !== 0) throw await this.#connectFailure(line, attempt, answer.rv);
      if (answer.card === 0) line.end(noHandle("card"));
      if (line.error !== undefined) throw line.error;
      const connection = attempt.keep(this.#cardLink(line, answer.card, name), name, answer.activeProtocol);
      this.#open.set(line, connection);
      isKept = true;
      return connection;
    } catch (error) {
      throw line.error === undefined ? error : await this.#whyLost(line.error, reader);
    } finally {
      if (!isKept) this.#spare(line);
    }
  }

  whenLost(listener: (error: SmartCardError) => void): void {
    this.#main.whenEnded((error) => {
      if (this.#ended !== undefined) return;
      this.#ended = error;
      listener(error);
      for (const line of [...this.#spares, ...this.#open.keys()]) line.end(error);
    });
  }

  async release(ended: SmartCardError, waitError: SmartCardError): Promise<void> {
    this.#ended = ended;
    const lines = [this.#main, ...this.#spares, ...this.#open.keys()];
    await Promise.all(lines.map((line) => line.release(waitError)));
  }

  #endInTime(line: Line, attempt: ConnectAttempt): void {
    const { givenUp, startDeadline, timeoutMs } = attempt;
    const end = (): void => line.end(givenUp.reason);
    if (givenUp.aborted) end();
    else givenUp.addEventListener("abort", end, { once: true });
    if (timeoutMs === undefined) return;
    const { connectMs } = this.#deps.limits;
    if (timeoutMs >= connectMs) startDeadline(timeoutMs);
    else void this.#endSoon(attempt, timeoutMs, connectMs);
  }

  /**
   * Starts a short deadline. A service that does not answer waits for another program's transaction, or starts the card,
   * which the deadline does not count. It does not say which: but a client with a transaction is connected, and where one is
   * connected the card has been started.
   */
  async #endSoon(
    { givenUp, reader, startDeadline }: ConnectAttempt,
    timeoutMs: number,
    connectMs: number,
  ): Promise<void> {
    const { clock } = this.#deps.runtime;
    const began = clock.now();
    const startIn = (ms: number): void => startDeadline(Math.max(0, ms - (clock.now() - began)));
    // The service has to have the time for an answer.
    const deadlineMs = Math.max(timeoutMs, LEAST_CONNECT_MS);
    if (await this.#isInUse(reader)) {
      startIn(deadlineMs);
      return;
    }
    const stop = clock.schedule(Math.max(0, deadlineMs - (clock.now() - began)), "connect deadline", () => {
      givenUp.removeEventListener("abort", stop);
      void this.#isInUse(reader).then((isInUse) => startIn(isInUse ? deadlineMs : connectMs));
    });
    givenUp.addEventListener("abort", stop, { once: true });
  }

  /** Whether a program is connected to a reader; false where that cannot be found out. */
  async #isInUse(reader: string): Promise<boolean> {
    const snapshot = await this.#status.look().catch(() => undefined);
    return snapshot !== undefined && (findReader(snapshot, reader)?.sharing ?? 0) !== 0;
  }

  async #openLine(): Promise<Line> {
    try {
      const line = await Line.open(this.#deps, this.#scope);
      line.whenEnded((error) => this.#lineEnded(line, error));
      return line;
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "security-violation") throw this.#ended ?? error;
      // This client was admitted before, so the reason is the number of clients, not access.
      throw tooManyClients(error);
    }
  }

  async #connectFailure(line: Line, { protocols, reader }: ConnectAttempt, rv: number): Promise<SmartCardError> {
    const look = () => this.#status.look();
    const handle = line.context;
    const why = await explain({ rv, operation: "connect", reader, line, handle, protocols, look });
    return callFailure(service, rv, "connect", { reader, ...why });
  }

  /** Asks for the reader, and once more where its name is written otherwise in the service. */
  async #askForCard(
    line: Line,
    { protocols, reader, shareMode }: ConnectAttempt,
  ): Promise<{ readonly name: string; readonly answer: Connected }> {
    const terms = { context: line.context, shareMode, preferredProtocols: protocols };
    // It may wait for another program's transaction. A service that never answers looks the same, so it has an end too.
    line.watch();
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

  #cardLink(line: Line, card: number, reader: string): PcscdCardLink {
    const close = (isClean: boolean): void => {
      this.#open.delete(line);
      if (isClean) this.#spare(line);
      else void line.release(unneeded());
    };
    return new PcscdCardLink({ line, card, reader, look: () => this.#status.look(), close });
  }

  /** Keeps an unused line for later, or closes it. */
  #spare(line: Line): void {
    if (line.error !== undefined) return;
    const isWanted = this.#ended === undefined && this.#spares.length < this.#deps.limits.spareLines;
    if (isWanted) this.#spares.push(line);
    else void line.release(unneeded());
  }

  #lineEnded(line: Line, error: SmartCardError): void {
    const at = this.#spares.indexOf(line);
    if (at >= 0) this.#spares.splice(at, 1);
    this.#open.get(line)?.lost(error);
    this.#open.delete(line);
  }

  /** pcscd closes the connection of a client that may not use a reader. It has not stopped then: our other line still works. */
  async #whyLost(error: SmartCardError, reader: string): Promise<SmartCardError> {
    if (error.code !== "service-stopped" || this.#ended !== undefined) return this.#ended ?? error;
    try {
      await this.#status.look();
      return readerNotAllowed(reader);
    } catch {
      return this.#ended ?? error;
    }
  }
}

/** Why a line is let go that has nothing in it any more. */
function unneeded(): SmartCardError {
  return new SmartCardError("invalid-context", "the context does not need this connection any more");
}

function tooManyClients(cause: SmartCardError): SmartCardError {
  const message = "the smart card service takes no more clients; pcscd takes 200 (its option --max-thread)";
  return new SmartCardError("server-too-busy", message, { operation: "connect" }, { cause });
}
