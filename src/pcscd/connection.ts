// SPDX-License-Identifier: MIT

import {
  type Connection,
  type ConnectionStatus,
  type Disposition,
  dispositions,
  fromNumber,
  initializations,
  MAX_COMMAND_BYTES,
  type Protocol,
  protocolMask,
  protocols,
  type ReconnectOptions,
  type ShareMode,
  SmartCardError,
  shareModes,
  toPcscliteControlCode,
  type WaitOptions,
} from "../pcsc/index.ts";
import { MAX_ATTRIBUTE_BYTES, type Outcome, prepareControl, prepareTransmit } from "../pcsclite/index.ts";
import { checkConnectOptions, checkTerm } from "./arguments.ts";
import { callFailure, type Operation } from "./failures.ts";
import type { Line } from "./line.ts";
import { isRefusal, type ReaderTurns, type TurnOwner } from "./reader-turns.ts";
import { cardState, findReader, type Snapshot } from "./reports.ts";
import { checkWait, type WaitSet, type WaitSetting } from "./wait.ts";

/** What a connection needs of its context. */
export interface ConnectionSetting {
  readonly line: Line;
  /** The handle of the card in the service. */
  readonly card: number;
  readonly reader: string;
  readonly shareMode: ShareMode;
  readonly protocol: Protocol | undefined;
  readonly turns: ReaderTurns;
  readonly clock: WaitSetting["clock"];
  /** The readers as they are now. */
  readonly look: () => Promise<Snapshot>;
  /** Why a wait of this connection could never end; undefined where it can. */
  readonly deadlock: (connection: PcscdConnection, operation: string) => SmartCardError | undefined;
  /** The connection is over; `isClean` where the service has confirmed that, and has nothing in the line any more. */
  readonly closed: (connection: PcscdConnection, isClean: boolean) => void;
}

const noOptions: WaitOptions = {};

/**
 * One connection to a reader through the service. It has a wire connection of its own, so that nothing that another one
 * waits for stands in its way.
 */
export class PcscdConnection implements Connection, TurnOwner {
  readonly reader: string;
  readonly line: Line;
  /** The waits of this connection. */
  readonly waits: WaitSet = new Set();
  readonly #setting: ConnectionSetting;
  readonly #card: number;
  readonly #turns: ReaderTurns;
  #shareMode: ShareMode;
  #protocol: Protocol | undefined;
  #depth = 0;
  /** Why it cannot be used any more; undefined while it is open. */
  #ended: SmartCardError | undefined;
  /** How often the context was cancelled: a request that was held meanwhile is not made again. */
  #cancels = 0;
  #interrupting: Promise<void> | undefined;

  constructor(setting: ConnectionSetting) {
    this.#setting = setting;
    this.reader = setting.reader;
    this.line = setting.line;
    this.#card = setting.card;
    this.#turns = setting.turns;
    this.#shareMode = setting.shareMode;
    this.#protocol = setting.protocol;
    this.#turns.connections++;
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
    return this.line.session.busy;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    this.#checkOpen();
    checkConnectOptions("reconnect", options, this.reader);
    checkTerm(initializations, options.initialization, "initialization", "reconnect");
    const terms = {
      card: this.#card,
      shareMode: shareModes[options.shareMode].pcsclite ?? 0,
      preferredProtocols: protocolMask(options.preferredProtocols, "pcsclite"),
      initialization: initializations[options.initialization].pcsclite ?? 0,
    };
    const ask = (): Promise<Outcome & { readonly activeProtocol: number }> => this.line.session.reconnect(terms);
    // Whoever asks for exclusive use is refused as long as others are connected, and is not kept waiting for that.
    const answer =
      options.shareMode === "exclusive" && !this.inTransaction
        ? await this.#askOnce(ask)
        : await this.#contest("reconnect", options, ask);
    if (answer.rv !== 0) throw this.#failure(answer.rv, "reconnect");
    this.#shareMode = options.shareMode;
    this.#protocol = protocolOf(answer.activeProtocol);
    return this.#protocol;
  }

  async disconnect(disposition: Disposition): Promise<void> {
    this.#checkOpen();
    checkTerm(dispositions, disposition, "disposition", "disconnect");
    this.abandon(disconnected(this.reader));
    await this.#interrupting;
    const how = dispositions[disposition].pcsclite ?? 0;
    let isClean = false;
    try {
      const { rv } = await this.#askOnce(() => this.line.session.disconnect(this.#card, how));
      isClean = rv === 0;
      const failure = isClean ? undefined : this.#failure(rv, "disconnect");
      // A reader that is gone is no error here: the connection ends all the same.
      if (failure !== undefined && failure.code !== "reader-unavailable") throw failure;
    } finally {
      this.#setting.closed(this, isClean);
    }
  }

  async beginTransaction(wait: WaitOptions = noOptions): Promise<void> {
    checkWait("begin transaction", wait);
    this.#checkOpen();
    const { rv } = await this.#contest("begin transaction", wait, async () => {
      const answer = await this.line.session.begin(this.#card);
      // Before the next of those who wait has a look.
      if (answer.rv === 0 && this.#ended === undefined && this.#depth++ === 0) this.#turns.taken(this);
      return answer;
    });
    if (rv !== 0) throw this.#failure(rv, "begin transaction");
  }

  async endTransaction(disposition: Disposition): Promise<void> {
    this.#checkOpen();
    checkTerm(dispositions, disposition, "disposition", "end transaction");
    const how = dispositions[disposition].pcsclite ?? 0;
    const { rv } = await this.#askOnce(() => this.line.session.end(this.#card, how));
    if (this.#depth > 0) this.#depth--;
    if (this.#depth === 0) this.#turns.freed(this);
    if (rv !== 0) throw this.#failure(rv, "end transaction");
  }

  async status(wait: WaitOptions = noOptions): Promise<ConnectionStatus> {
    checkWait("status", wait);
    this.#checkOpen();
    const { rv } = await this.#ask("status", wait, () => this.line.session.status(this.#card));
    if (rv !== 0) throw this.#failure(rv, "status");
    const state = findReader(await this.#setting.look(), this.reader);
    if (state === undefined) throw readerUnavailable(this.reader, "status");
    return {
      reader: this.reader,
      state: cardState(state.state),
      protocol: protocolOf(state.protocol),
      atr: state.atr,
      eventCount: state.eventCounter & 0xffff,
    };
  }

  async transmit(command: Uint8Array, protocol?: Protocol, wait: WaitOptions = noOptions): Promise<Uint8Array> {
    checkWait("transmit", wait);
    this.#checkOpen();
    if (command.length < 4 || command.length > MAX_COMMAND_BYTES) {
      const message = `a command has 4 to ${MAX_COMMAND_BYTES} bytes, not ${command.length}`;
      throw new SmartCardError("invalid-parameter", message, { reader: this.reader, operation: "transmit" });
    }
    const inUse = this.#protocol;
    if (inUse === undefined || (protocol !== undefined && protocol !== inUse)) {
      const message = `the connection's protocol is ${inUse ?? "not agreed on"}; ${protocol ?? "one"} was asked for`;
      throw new SmartCardError("proto-mismatch", message, { reader: this.reader, operation: "transmit" });
    }
    const number = protocols[inUse].pcsclite ?? 0;
    const request = prepareTransmit(this.#card, number, command);
    const { response, rv } = await this.#ask("transmit", wait, () => this.line.session.send(request));
    if (rv !== 0) throw this.#failure(rv, "transmit");
    // Some drivers call it a success where the card was pulled, or has said nothing.
    if (response.length < 2) throw noResponse(this.reader);
    this.#turns.exchanges++;
    return response;
  }

  async control(code: number, input: Uint8Array, wait: WaitOptions = noOptions): Promise<Uint8Array> {
    checkWait("control", wait);
    this.#checkOpen();
    const request = prepareControl(this.#card, toPcscliteControlCode(code), input);
    const { output, rv } = await this.#ask("control", wait, () => this.line.session.send(request));
    if (rv !== 0) throw this.#failure(rv, "control");
    return output;
  }

  async getAttribute(attribute: number, wait: WaitOptions = noOptions): Promise<Uint8Array> {
    checkWait("get attribute", wait);
    this.#checkOpen();
    const ask = () => this.line.session.getAttrib(this.#card, attribute >>> 0);
    const { rv, value } = await this.#ask("get attribute", wait, ask);
    if (rv !== 0) throw this.#failure(rv, "get attribute");
    return value;
  }

  async setAttribute(attribute: number, value: Uint8Array, wait: WaitOptions = noOptions): Promise<void> {
    checkWait("set attribute", wait);
    this.#checkOpen();
    if (value.length > MAX_ATTRIBUTE_BYTES) {
      const message = `the value of an attribute has ${MAX_ATTRIBUTE_BYTES} bytes at most, not ${value.length}`;
      throw new SmartCardError("invalid-parameter", message, { reader: this.reader, operation: "set attribute" });
    }
    const copy = value.slice();
    const ask = () => this.line.session.setAttrib(this.#card, attribute >>> 0, copy);
    const { rv } = await this.#ask("set attribute", wait, ask);
    if (rv !== 0) throw this.#failure(rv, "set attribute");
  }

  async transmitCount(): Promise<number> {
    this.#checkOpen();
    return this.#turns.exchanges;
  }

  /** Resets the card, as for a program that exits: whoever disposes explicitly calls {@link disconnect}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.disconnect("reset");
  }

  /** Ends its waits: the context is cancelled. An exchange under way is not torn. */
  cancel(error: SmartCardError): void {
    this.#cancels++;
    this.#endWaits(error);
    if (this.line.session.busy) this.#interrupt();
  }

  /**
   * Ends it without a word to the service.
   *
   * @param waitError what its waits end with
   * @param error what every later call fails with
   */
  abandon(waitError: SmartCardError, error: SmartCardError = waitError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#depth = 0;
    this.#turns.connections--;
    this.#endWaits(waitError);
    // The service frees the card when the connection's end has reached it.
    this.#turns.freed(this);
  }

  #endWaits(error: SmartCardError): void {
    for (const wait of [...this.waits]) wait.giveUp(error);
  }

  /** Asks, and asks again where another connection has a transaction. */
  async #ask<T extends Outcome>(operation: Operation, wait: WaitOptions, ask: () => Promise<T>): Promise<T> {
    // The usual case: nobody is in the way, and the answer comes at once.
    const mayBeQuick = wait.signal === undefined && wait.timeoutMs === undefined;
    if (!mayBeQuick || !(this.#turns.isFree || this.inTransaction)) return this.#contest(operation, wait, ask);
    const ticket = this.#turns.ticket();
    const cancels = this.#cancels;
    this.line.watch();
    const answer = await ask();
    if (!this.#turns.isFree) this.#turns.look();
    if (!isRefusal(answer.rv)) return answer;
    if (cancels !== this.#cancels) throw this.#cancelled(operation);
    return this.#contest(operation, wait, ask, ticket);
  }

  /** Asks once; a refusal is the answer. */
  async #askOnce<T extends Outcome>(ask: () => Promise<T>): Promise<T> {
    this.line.watch();
    try {
      return await ask();
    } finally {
      this.#turns.look();
    }
  }

  async #contest<T extends Outcome>(
    operation: Operation,
    options: WaitOptions,
    ask: () => Promise<T>,
    ticket: number = this.#turns.ticket(),
  ): Promise<T> {
    const deadlock = this.#setting.deadlock(this, operation);
    if (deadlock !== undefined) throw deadlock;
    const answer = await this.#turns.contest({
      setting: { clock: this.#setting.clock, waits: this.waits, operation, details: { reader: this.reader } },
      options,
      ticket,
      owner: this,
      ask: () => {
        this.#checkOpen();
        this.line.watch();
        return ask();
      },
      interrupt: () => this.#interrupt(),
    });
    // The next request of this line must not be the one that the cancel finds.
    if (this.#interrupting !== undefined) await this.#interrupting;
    return answer;
  }

  #interrupt(): void {
    this.#interrupting ??= this.line.interrupt().then(() => {
      this.#interrupting = undefined;
    });
  }

  #failure(rv: number, operation: Operation): SmartCardError {
    return callFailure(rv, operation, { reader: this.reader, usesCard: this.#shareMode !== "direct" });
  }

  #cancelled(operation: Operation): SmartCardError {
    return new SmartCardError("cancelled", "the context was cancelled", { reader: this.reader, operation });
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

/** The protocol that a number of the wire stands for. */
export function protocolOf(number: number): Protocol | undefined {
  return fromNumber(protocols, number, "pcsclite");
}

/** An answer of a card ends with SW1 SW2 at least. ISO/IEC 7816-4:2020, 5.1. */
function noResponse(reader: string): SmartCardError {
  const message = `transmit on «${reader}»: the card, or its reader's driver, has answered nothing`;
  return new SmartCardError("comm-error", message, { reader, operation: "transmit" });
}

function readerUnavailable(reader: string, operation: Operation): SmartCardError {
  return new SmartCardError("reader-unavailable", `${operation}: «${reader}» is gone`, { reader, operation });
}

function disconnected(reader: string): SmartCardError {
  return new SmartCardError("invalid-handle", `the connection to «${reader}» was disconnected`, { reader });
}
