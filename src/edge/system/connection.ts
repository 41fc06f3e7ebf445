// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  type ConnectionStatus,
  cardStates,
  type Disposition,
  dispositions,
  errorNumber,
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
  toNumber,
  toPcscliteControlCode,
  toWindowsControlCode,
  type WaitOptions,
} from "../../pcsc/index.ts";
import {
  cardState,
  checkConnectOptions,
  checkTerm,
  checkWait,
  type ReaderTurns,
  type TurnOwner,
  type WaitSet,
} from "../../pcscd/index.ts";
import { atExit } from "./at-exit.ts";
import { type Answer, type Calls, MAX_EXCHANGE_BYTES, SUCCESS } from "./calls.ts";
import { callFailure, isLost, type Operation } from "./failures.ts";
import type { NativeContext } from "./native-context.ts";
import { Pending } from "./pending.ts";
import type { CallKind } from "./threads.ts";

/** What a connection needs of its context. */
export interface ConnectionSetting {
  /** A context of the library that is this connection's alone. */
  readonly native: NativeContext;
  readonly card: bigint;
  readonly reader: string;
  readonly shareMode: ShareMode;
  readonly protocol: Protocol | undefined;
  readonly turns: ReaderTurns;
  readonly clock: Clock;
  /** The event count of the reader, where the library's status does not tell it. */
  readonly eventCount: () => Promise<number>;
  /** Why a wait of this connection could never end; undefined where it can. */
  readonly deadlock: (connection: SystemConnection, operation: string) => SmartCardError | undefined;
  /** What an answer means that says that the service is gone. */
  readonly whyLost: (failure: SmartCardError) => Promise<SmartCardError>;
  /** The connection is over, and so is everything that it had under way. */
  readonly closed: (connection: SystemConnection) => void;
}

/** A call of the library, made when its turn has come. */
interface Request<T extends Answer> {
  readonly operation: Operation;
  readonly call: (calls: Calls, kind: CallKind) => Promise<T>;
  /**
   * Gives back what a call has got that nobody waits for any more. A call without this is waited for: an exchange under
   * way is never torn.
   */
  readonly undo?: (calls: Calls, answer: T) => Promise<unknown>;
}

const noOptions: WaitOptions = {};

/**
 * One connection to a reader. It has a context of the library of its own, so that what another one waits for stands in
 * nobody's way, and makes one call after the other on it.
 */
export class SystemConnection implements Connection, TurnOwner {
  readonly reader: string;
  readonly native: NativeContext;
  /** The waits of this connection. */
  readonly waits: WaitSet = new Set();
  readonly #setting: ConnectionSetting;
  readonly #card: bigint;
  readonly #turns: ReaderTurns;
  #shareMode: ShareMode;
  #protocol: Protocol | undefined;
  #depth = 0;
  /** Why it cannot be used any more; undefined while it is open. */
  #ended: SmartCardError | undefined;
  #forgetExit: (() => void) | undefined;
  /** Where answers are written. */
  #room: Uint8Array | undefined;

  constructor(setting: ConnectionSetting) {
    this.#setting = setting;
    this.reader = setting.reader;
    this.native = setting.native;
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

  get isBusy(): boolean {
    return this.native.isBusy;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    this.#checkOpen();
    checkConnectOptions("reconnect", options, this.reader);
    checkTerm(initializations, options.initialization, "initialization", "reconnect");
    const { dialect } = this.native.calls.abi;
    const shareMode = toNumber(shareModes, options.shareMode, dialect) ?? 0;
    const mask = protocolMask(options.preferredProtocols, dialect);
    const initialization = toNumber(initializations, options.initialization, dialect) ?? 0;
    const request: Request<Answer & { readonly protocol: number }> = {
      operation: "reconnect",
      call: (calls, kind) => calls.reconnect(kind, this.#card, shareMode, mask, initialization),
    };
    // Whoever asks for exclusive use is refused as long as others are connected, and is not kept waiting for that.
    const isAskedOnce = options.shareMode === "exclusive" && !this.inTransaction;
    const { protocol } = isAskedOnce ? await this.#askOnce(request) : await this.#contest(request, options);
    this.#shareMode = options.shareMode;
    this.#protocol = fromNumber(protocols, protocol, dialect);
    return this.#protocol;
  }

  async disconnect(disposition: Disposition): Promise<void> {
    this.#checkOpen();
    const how = this.#numberOf(disposition, "disconnect");
    const kind = this.#kind;
    this.abandon(disconnected(this.reader));
    try {
      const { rv } = await this.native.run((calls) => calls.disconnect(kind, this.#card, how));
      const failure = rv === SUCCESS ? undefined : await this.#failure(rv, "disconnect");
      // A reader that is gone is no error here: the connection ends all the same.
      if (failure !== undefined && failure.code !== "reader-unavailable") throw failure;
    } finally {
      this.#setting.closed(this);
    }
  }

  async beginTransaction(wait: WaitOptions = noOptions): Promise<void> {
    checkWait("begin transaction", wait);
    this.#checkOpen();
    await this.#contest(
      {
        operation: "begin transaction",
        call: (calls, kind) => calls.beginTransaction(kind, this.#card),
        undo: (calls) => calls.endTransaction(this.#card, 0),
      },
      wait,
    );
  }

  async endTransaction(disposition: Disposition): Promise<void> {
    this.#checkOpen();
    const how = this.#numberOf(disposition, "end transaction");
    const { rv } = await this.native.run((calls) => calls.endTransaction(this.#card, how));
    if (this.#depth > 0) this.#depth--;
    if (this.#depth === 0) this.#freed();
    if (rv !== SUCCESS) throw await this.#failure(rv, "end transaction");
  }

  async status(wait: WaitOptions = noOptions): Promise<ConnectionStatus> {
    checkWait("status", wait);
    this.#checkOpen();
    const { dialect } = this.native.calls.abi;
    const answer = await this.#contest(
      // A status that nobody waits for any more has done nothing that could be given back.
      { operation: "status", call: (calls, kind) => calls.status(kind, this.#card), undo: async () => {} },
      wait,
    );
    const state = answer.state & 0xffff;
    return {
      reader: this.reader,
      state: dialect === "windows" ? (fromNumber(cardStates, state, dialect) ?? "unknown") : cardState(state),
      protocol: fromNumber(protocols, answer.protocol, dialect),
      atr: answer.atr,
      eventCount: dialect === "windows" ? await this.#setting.eventCount() : answer.state >>> 16,
    };
  }

  async transmit(command: Uint8Array, protocol?: Protocol, wait: WaitOptions = noOptions): Promise<Uint8Array> {
    checkWait("transmit", wait);
    this.#checkOpen();
    const details = { reader: this.reader, operation: "transmit" };
    if (command.length < 4 || command.length > MAX_COMMAND_BYTES) {
      const message = `a command has 4 to ${MAX_COMMAND_BYTES} bytes, not ${command.length}`;
      throw new SmartCardError("invalid-parameter", message, details);
    }
    const inUse = this.#protocol;
    if (inUse === undefined || (protocol !== undefined && protocol !== inUse)) {
      const message = `the connection's protocol is ${inUse ?? "not agreed on"}; ${protocol ?? "one"} was asked for`;
      throw new SmartCardError("proto-mismatch", message, details);
    }
    const number = toNumber(protocols, inUse, this.native.calls.abi.dialect) ?? 0;
    const copy = command.slice();
    try {
      const { bytes } = await this.#contest(
        { operation: "transmit", call: (calls, kind) => calls.transmit(kind, this.#card, number, copy, this.#space()) },
        wait,
      );
      // Some drivers call it a success where the card was pulled, or has said nothing.
      if (bytes.length < 2) throw new SmartCardError("comm-error", "transmit: the card has answered nothing", details);
      this.#turns.exchanges++;
      return bytes;
    } finally {
      copy.fill(0);
    }
  }

  async control(code: number, input: Uint8Array, wait: WaitOptions = noOptions): Promise<Uint8Array> {
    checkWait("control", wait);
    this.#checkOpen();
    if (input.length > MAX_EXCHANGE_BYTES) {
      const message = `the input of a control command has ${MAX_EXCHANGE_BYTES} bytes at most, not ${input.length}`;
      throw new SmartCardError("invalid-parameter", message, { reader: this.reader, operation: "control" });
    }
    const { dialect } = this.native.calls.abi;
    const translated = dialect === "windows" ? toWindowsControlCode(code) : toPcscliteControlCode(code);
    const copy = input.slice();
    try {
      const { bytes } = await this.#contest(
        {
          operation: "control",
          call: (calls, kind) => calls.control(kind, this.#card, translated, copy, this.#space()),
        },
        wait,
      );
      return bytes;
    } finally {
      copy.fill(0);
    }
  }

  async getAttribute(attribute: number, wait: WaitOptions = noOptions): Promise<Uint8Array> {
    checkWait("get attribute", wait);
    this.#checkOpen();
    const call = (calls: Calls, kind: CallKind) => calls.getAttribute(kind, this.#card, attribute >>> 0);
    const { bytes } = await this.#contest({ operation: "get attribute", call, undo: async () => {} }, wait);
    return bytes;
  }

  async setAttribute(attribute: number, value: Uint8Array, wait: WaitOptions = noOptions): Promise<void> {
    checkWait("set attribute", wait);
    this.#checkOpen();
    const copy = value.slice();
    const call = (calls: Calls, kind: CallKind) => calls.setAttribute(kind, this.#card, attribute >>> 0, copy);
    await this.#contest({ operation: "set attribute", call }, wait);
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
    for (const wait of [...this.waits]) wait.giveUp(error);
  }

  /**
   * Ends it without a word to the library.
   *
   * @param waitError what its waits end with
   * @param error what every later call fails with
   */
  abandon(waitError: SmartCardError, error: SmartCardError = waitError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#depth = 0;
    this.#turns.connections--;
    this.cancel(waitError);
    this.#freed();
  }

  /** Calls of whoever has the transaction are held up by nobody. */
  get #kind(): CallKind {
    return this.inTransaction ? "prompt" : "patient";
  }

  #space(): Uint8Array {
    this.#room ??= new Uint8Array(MAX_EXCHANGE_BYTES);
    return this.#room;
  }

  /** Makes a call until it is not refused any more. @throws what its answer stands for; timeout, cancelled */
  async #contest<T extends Answer>(request: Request<T>, options: WaitOptions): Promise<T> {
    const { clock, deadlock } = this.#setting;
    const { operation } = request;
    const impossible = deadlock(this, operation);
    if (impossible !== undefined) throw impossible;
    const isBounded = options.timeoutMs !== undefined || options.signal !== undefined;
    let pending: Pending<T> | undefined;
    const answer = await this.#turns.contest<Answer | T>({
      setting: { clock, waits: this.waits, operation, details: { reader: this.reader } },
      options,
      ticket: this.#turns.ticket(),
      owner: this,
      ask: () => {
        this.#checkOpen();
        pending = new Pending<T>({ rv: this.#sharingViolation });
        this.#ask(request, isBounded, pending).catch(pending.fail);
        return pending.answer;
      },
      // An exchange under way is never torn: it is waited for.
      interrupt: () => pending?.letGo(),
    });
    if (answer.rv !== SUCCESS) throw await this.#failure(answer.rv, operation);
    return answer as T;
  }

  /**
   * Makes a call once. A library that waits for other programs by itself gives no way to end that, so that what may wait,
   * and must not be let go of once it is under way, comes behind a status: that waits just as long, and can be let go of.
   */
  async #ask<T extends Answer>(request: Request<T>, isBounded: boolean, pending: Pending<T>): Promise<void> {
    const { operation, undo } = request;
    const isBegin = operation === "begin transaction";
    // With refusals, libpcsclite refuses everything but this one, for which it asks until it gets it.
    const mayWait = (isBegin && this.native.calls.abi.refuses) || (isBounded && undo === undefined);
    const kind = this.#kind;
    if (mayWait && !this.inTransaction) {
      const { rv } = await this.#run((calls) => calls.status(kind, this.#card));
      if (rv === this.#sharingViolation) pending.letGo();
      // Anything else that a status is refused for the call itself is refused for as well.
      if (!pending.isWanted) return;
    }
    if (undo === undefined) pending.hold();
    const answer = await this.#run((calls) => request.call(calls, kind));
    if (pending.settle(answer)) {
      if (isBegin && answer.rv === SUCCESS) this.#taken();
    } else if (answer.rv === SUCCESS) {
      await this.#run((calls) => undo?.(calls, answer) ?? Promise.resolve());
    }
  }

  /** Makes a call; when it has come back those who wait may go on. */
  #run<T>(call: (calls: Calls) => Promise<T>): Promise<T> {
    return this.native.run(call).finally(() => this.#turns.look());
  }

  /** Before the next of those who wait has a look. */
  #taken(): void {
    if (this.#ended !== undefined || this.#depth++ > 0) return;
    this.#turns.taken(this);
    this.#forgetExit = atExit(() => this.native.releaseNow());
  }

  #freed(): void {
    this.#forgetExit?.();
    this.#turns.freed(this);
  }

  /** Makes a call once; a refusal is the answer. */
  async #askOnce<T extends Answer>(request: Request<T>): Promise<T> {
    const answer = await this.#run((calls) => request.call(calls, this.#kind));
    if (answer.rv !== SUCCESS) throw await this.#failure(answer.rv, request.operation);
    return answer;
  }

  async #failure(rv: number, operation: Operation): Promise<SmartCardError> {
    const { abi } = this.native.calls;
    const failure = callFailure(abi, rv, operation, { reader: this.reader, usesCard: this.#shareMode !== "direct" });
    if (!isLost(abi, rv)) return failure;
    this.native.isLost = true;
    return this.#setting.whyLost(failure);
  }

  get #sharingViolation(): number {
    return errorNumber("sharing-violation", this.native.calls.abi.dialect);
  }

  #numberOf(disposition: Disposition, operation: string): number {
    checkTerm(dispositions, disposition, "disposition", operation);
    return toNumber(dispositions, disposition, this.native.calls.abi.dialect) ?? 0;
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

function disconnected(reader: string): SmartCardError {
  return new SmartCardError("invalid-handle", `the connection to «${reader}» was disconnected`, { reader });
}
