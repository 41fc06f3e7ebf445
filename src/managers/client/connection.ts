// SPDX-License-Identifier: MIT

import {
  type Clock,
  ConnectionBase,
  type ConnectionStatus,
  checkControl,
  checkDisposition,
  checkGetAttribute,
  checkReconnectOptions,
  checkSetAttribute,
  checkTransmit,
  checkWait,
  type Disposition,
  dispositions,
  fromNumber,
  type Holder,
  initializations,
  type Protocol,
  protocolMask,
  protocols,
  protocolToTransmit,
  type ReconnectOptions,
  type ShareMode,
  SmartCardError,
  shareModes,
  type TransmitOptions,
  toNumber,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
import { endless, noResponse, type Operation } from "./failures.ts";
import type { Answer, CardLink, CardRequest, LinkedConnection } from "./links.ts";
import { settledState } from "./reports.ts";
import { isRefusal, type RetryOwner, type RetryQueue } from "./retry-queue.ts";

/** What a connection tells and asks its context. */
export interface ConnectionHost {
  /** Whether a wait of that connection could never end: only its context could end it, and does one thing at a time. */
  isEndless(connection: ClientConnection): boolean;
  /** The connection is over. */
  connectionClosed(connection: ClientConnection): void;
}

/** What a connection works with. */
export interface ConnectionDeps {
  readonly link: CardLink;
  readonly reader: string;
  readonly shareMode: ShareMode;
  readonly preferredProtocols: readonly Protocol[];
  /** In the link's dialect. */
  readonly activeProtocol: number;
  readonly queue: RetryQueue;
  readonly clock: Clock;
  /** Asks the other side for the holder of the reader; undefined where it does not report it. It does not reject. */
  readonly whoHolds?: (() => Promise<Holder | undefined>) | undefined;
  readonly host: ConnectionHost;
}

/**
 * One connection to a reader in another process. It has its own link, so that a wait of another connection does not delay
 * it.
 */
export class ClientConnection extends ConnectionBase implements LinkedConnection, RetryOwner {
  readonly reader: string;
  readonly #deps: ConnectionDeps;
  readonly #link: CardLink;
  readonly #queue: RetryQueue;
  readonly #waits: WaitSet = new Set();
  #shareMode: ShareMode;
  #protocol: Protocol | undefined;
  #depth = 0;
  /** Why it cannot be used any more; undefined while it is open. */
  #ended: SmartCardError | undefined;
  /** How often the context was cancelled: a request that was refused meanwhile is not made again. */
  #cancels = 0;

  constructor(deps: ConnectionDeps) {
    super({ now: () => deps.clock.now(), preferredProtocols: deps.preferredProtocols });
    this.#deps = deps;
    this.reader = deps.reader;
    this.#link = deps.link;
    this.#queue = deps.queue;
    this.#shareMode = deps.shareMode;
    this.#protocol = this.#protocolOf(deps.activeProtocol);
    this.#queue.connections++;
  }

  get shareMode(): ShareMode {
    return this.#shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#protocol;
  }

  /** Whether it has a transaction, as far as is known here. */
  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  /** Whether a request of its is under way. */
  get isBusy(): boolean {
    return this.#link.isBusy;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const checked = checkReconnectOptions(options, this.reader);
    this.#checkOpen();
    const { dialect } = this.#link;
    const request = this.#link.reconnect(
      toNumber(shareModes, checked.shareMode, dialect) ?? 0,
      protocolMask(checked.preferredProtocols, dialect),
      toNumber(initializations, checked.initialization, dialect) ?? 0,
    );
    // A request for exclusive use is refused at once while others are connected. It does not wait for that.
    const isAskedOnce = checked.shareMode === "exclusive" && !this.inTransaction;
    const { activeProtocol } = isAskedOnce
      ? await this.#askOnce("reconnect", request)
      : await this.#retry("reconnect", checked, request);
    this.#shareMode = checked.shareMode;
    this.#protocol = this.#protocolOf(activeProtocol);
    this.preferredProtocols = checked.preferredProtocols;
    return this.#protocol;
  }

  async disconnect(disposition: Disposition = "leave"): Promise<void> {
    const how = this.#numberOf(disposition, "disconnect");
    this.#checkOpen();
    this.abandon(disconnected(this.reader));
    if (this.#link.interrupting !== undefined) await this.#link.interrupting;
    let isClean = false;
    try {
      const { rv } = await this.#link.disconnect(how);
      isClean = rv === 0;
      const failure = isClean ? undefined : await this.#failure(rv, "disconnect");
      // A missing reader is not an error here: the connection ends all the same.
      if (failure !== undefined && failure.code !== "reader-unavailable") throw failure;
    } finally {
      this.#queue.look();
      this.#deps.host.connectionClosed(this);
      this.#link.close(isClean);
    }
  }

  async beginTransaction(options?: WaitOptions): Promise<void> {
    const wait = checkWait("begin transaction", options);
    this.#checkOpen();
    const request = this.#link.begin();
    const ask = async (isBounded: boolean): Promise<Answer> => {
      const answer = await request.ask(isBounded);
      // Before the next of those who wait has a look.
      if (answer.rv === 0) this.#taken();
      return answer;
    };
    await this.#retry("begin transaction", wait, { ...request, ask });
  }

  async endTransaction(disposition: Disposition = "leave"): Promise<void> {
    const how = this.#numberOf(disposition, "end transaction");
    this.#checkOpen();
    try {
      const { rv } = await this.#link.end(how);
      if (this.#depth > 0) this.#depth--;
      if (this.#depth === 0) {
        this.#link.holds?.(false);
        this.#queue.freed(this);
      }
      if (rv !== 0) throw await this.#failure(rv, "end transaction");
    } finally {
      // Others of this very connection may have stood behind the request.
      this.#queue.look();
    }
  }

  async status(options?: WaitOptions): Promise<ConnectionStatus> {
    const wait = checkWait("status", options);
    this.#checkOpen();
    const { read } = await this.#ask("status", wait, this.#link.status());
    const { atr, eventCount, protocol: number, state: told } = await read();
    const protocol = this.#protocolOf(number);
    const state = this.#link.dialect === "pcsclite" ? settledState(told, protocol) : told;
    return { reader: this.reader, state, protocol, atr, eventCount };
  }

  async transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    const checked = checkTransmit(command, options, this.reader);
    this.#checkOpen();
    const request = this.#link.transmit(this.#numberToTransmit(checked.protocol), command);
    const { response } = await this.#ask("transmit", checked, request);
    // Some drivers report success where the card was removed, or did not answer.
    if (response.length < 2) throw noResponse(this.reader);
    this.#queue.exchanges++;
    return response;
  }

  async control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const { number, wait } = checkControl(code, input, options);
    this.#checkOpen();
    const { output } = await this.#ask("control", wait, this.#link.control(number, input));
    return output;
  }

  async getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    const { number, wait } = checkGetAttribute(attribute, options);
    this.#checkOpen();
    const { value } = await this.#ask("get attribute", wait, this.#link.getAttribute(number));
    return value;
  }

  async setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    const { number, wait } = checkSetAttribute(attribute, value, options);
    this.#checkOpen();
    await this.#ask("set attribute", wait, this.#link.setAttribute(number, value));
  }

  async transmitCount(): Promise<number> {
    this.#checkOpen();
    return this.#queue.exchanges;
  }

  /** Resets the card, as for a program that exits. To choose another disposition call {@link disconnect}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.disconnect("reset");
  }

  /** Ends its waits: the context is cancelled. A running exchange is not interrupted. */
  cancel(error: SmartCardError): void {
    this.#cancels++;
    this.#endWaits(error);
    this.#link.cancel?.();
  }

  /** Its link has ended. */
  lost(error: SmartCardError): void {
    this.#deps.host.connectionClosed(this);
    this.abandon(error);
  }

  /**
   * Ends it without a word to the other side.
   *
   * @param waitError what its waits end with
   * @param error what every later call fails with
   */
  abandon(waitError: SmartCardError, error: SmartCardError = waitError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#depth = 0;
    this.#queue.connections--;
    this.#endWaits(waitError);
    // The other side frees the card when the connection's end has reached it.
    this.#queue.freed(this);
  }

  #endWaits(error: SmartCardError): void {
    for (const wait of [...this.#waits]) wait.giveUp(error);
  }

  #taken(): void {
    if (this.#ended !== undefined || this.#depth++ > 0) return;
    this.#queue.taken(this);
    this.#link.holds?.(true);
  }

  /**
   * Makes a request, and repeats it while another connection has a transaction. @throws the error of its answer; timeout,
   * cancelled
   */
  async #ask<T extends object>(operation: Operation, wait: WaitOptions, request: CardRequest<T>): Promise<Answer & T> {
    try {
      let ticket: number | undefined;
      // The usual case: no other request is in the way, and the answer comes at once.
      if (!isBounded(wait) && this.#link.mayPassQueue && (this.#queue.isFree || this.inTransaction)) {
        ticket = this.#queue.ticket();
        const cancels = this.#cancels;
        const answer = await request.ask(false);
        if (!this.#queue.isFree) this.#queue.look();
        if (answer.rv === 0) return answer;
        if (!isRefusal(answer.rv)) throw await this.#failure(answer.rv, operation);
        if (cancels !== this.#cancels) throw this.#cancelled(operation);
      }
      return await this.#retry(operation, wait, request, ticket);
    } finally {
      request.wipe?.();
    }
  }

  /** Makes a request once: a refusal is the answer. */
  async #askOnce<T extends object>(operation: Operation, request: CardRequest<T>): Promise<Answer & T> {
    try {
      const answer = await request.ask(false);
      if (answer.rv !== 0) throw await this.#failure(answer.rv, operation);
      return answer;
    } finally {
      this.#queue.look();
    }
  }

  async #retry<T extends object>(
    operation: Operation,
    options: WaitOptions,
    request: CardRequest<T>,
    ticket: number = this.#queue.ticket(),
  ): Promise<Answer & T> {
    const { clock, host, whoHolds } = this.#deps;
    if (host.isEndless(this)) throw endless(this.reader, operation);
    const answer = await this.#queue.retry({
      deps: { clock, waits: this.#waits, operation, details: { reader: this.reader }, whoHolds },
      options,
      ticket,
      owner: this,
      ask: () => {
        this.#checkOpen();
        return request.ask(isBounded(options));
      },
      interrupt: request.letGo,
    });
    if (this.#link.interrupting !== undefined) await this.#link.interrupting;
    if (answer.rv !== 0) throw await this.#failure(answer.rv, operation);
    return answer;
  }

  /** Returns the number of the protocol to be used. @throws proto-mismatch */
  #numberToTransmit(protocol: Protocol | undefined): number {
    return toNumber(protocols, protocolToTransmit(this, protocol), this.#link.dialect) ?? 0;
  }

  #protocolOf(number: number): Protocol | undefined {
    return fromNumber(protocols, number, this.#link.dialect);
  }

  #numberOf(disposition: Disposition, operation: Operation): number {
    return toNumber(dispositions, checkDisposition(operation, disposition), this.#link.dialect) ?? 0;
  }

  #failure(rv: number, operation: Operation): SmartCardError | Promise<SmartCardError> {
    return this.#link.failure(rv, operation, this.#shareMode !== "direct");
  }

  #cancelled(operation: Operation): SmartCardError {
    return new SmartCardError("cancelled", "the context was cancelled", { reader: this.reader, operation });
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

/** Whether a wait may be given up before its end. */
function isBounded({ signal, timeoutMs }: WaitOptions): boolean {
  return signal !== undefined || timeoutMs !== undefined;
}

function disconnected(reader: string): SmartCardError {
  return new SmartCardError("invalid-handle", `the connection to "${reader}" was disconnected`, { reader });
}
