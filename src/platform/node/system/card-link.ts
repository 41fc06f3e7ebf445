// SPDX-License-Identifier: MIT

import { SecretBytes } from "../../../base/binary/index.ts";
import {
  type Answer,
  type CardLink,
  type CardRequest,
  type CardStatus,
  callFailure,
  cardState,
  type Operation,
} from "../../../managers/client/index.ts";
import {
  cardStates,
  type Dialect,
  errorNumber,
  fromNumber,
  SmartCardError,
  serviceControlCode,
  toWindowsControlCode,
} from "../../../port/index.ts";
import { atExit } from "./at-exit.ts";
import { isLost, library } from "./failures.ts";
import type { NativeContext } from "./native-context.ts";
import { Pending } from "./pending.ts";
import type { CallKind } from "./threads.ts";
import { type Calls, MAX_EXCHANGE_BYTES, type NativeStatus, SUCCESS } from "./winscard-calls.ts";

/** What a card's link needs of its context. */
export interface CardLinkDeps {
  /** A context of the library that is this card's alone. */
  readonly native: NativeContext;
  readonly card: bigint;
  readonly reader: string;
  /** A call has returned: waiting calls may continue. */
  readonly look: () => void;
  /** The event count of the reader, where the library's status does not tell it. */
  readonly eventCount: () => Promise<number>;
  /** Interprets an answer which means that the service is gone. */
  readonly whyLost: (failure: SmartCardError) => Promise<SmartCardError>;
  /** This card no longer needs its library context. */
  readonly close: (link: SystemCardLink) => void;
}

/** A call of the library, made when its turn has come. */
type Call<T> = (calls: Calls, kind: CallKind) => Promise<T>;

/** Properties of such a call. */
interface Terms<T> {
  /**
   * Undoes the result of an abandoned call. A call without this is always awaited: an exchange is never
   * interrupted.
   */
  readonly undo?: (answer: T) => Promise<unknown>;
  /** Whether the library itself waits in it for other programs, even where it refuses everything else. */
  readonly waits?: boolean;
  /** Bytes to clear at the end. */
  readonly secret?: SecretBytes;
}

/** For calls whose result needs no undoing. */
const harmless = { undo: async (): Promise<void> => {} };

/** A card in the library, in a context of its own. One call is made after the other. */
export class SystemCardLink implements CardLink {
  /** Each call keeps a thread for as long as it lasts. */
  readonly mayPassQueue = false;
  readonly dialect: Dialect;
  readonly native: NativeContext;
  readonly #deps: CardLinkDeps;
  readonly #card: bigint;
  #inTransaction = false;
  #forgetExit: (() => void) | undefined;
  /** Where answers are written. */
  #room: Uint8Array | undefined;

  constructor(deps: CardLinkDeps) {
    this.#deps = deps;
    this.native = deps.native;
    this.dialect = deps.native.calls.abi.dialect;
    this.#card = deps.card;
  }

  get isBusy(): boolean {
    return this.native.isBusy;
  }

  reconnect(shareMode: number, protocols: number, initialization: number): CardRequest<{ activeProtocol: number }> {
    return this.#request((calls, kind) => calls.reconnect(kind, this.#card, shareMode, protocols, initialization));
  }

  begin(): CardRequest {
    return this.#request((calls, kind) => calls.beginTransaction(kind, this.#card), {
      // With refusals, libpcsclite refuses everything but this one, for which it asks until it gets it.
      waits: this.native.calls.abi.refuses,
      undo: () => this.#run((calls) => calls.endTransaction(this.#card, 0)),
    });
  }

  status(): CardRequest<{ read: () => Promise<CardStatus> }> {
    return this.#request(async (calls, kind) => {
      const answer = await calls.status(kind, this.#card);
      return { rv: answer.rv, read: () => this.#readStatus(answer) };
    }, harmless);
  }

  transmit(protocol: number, command: Uint8Array): CardRequest<{ response: Uint8Array }> {
    const secret = SecretBytes.copy(command);
    return this.#request(
      (calls, kind) => secret.use((bytes) => calls.transmit(kind, this.#card, protocol, bytes, this.#space())),
      { secret },
    );
  }

  control(code: number, input: Uint8Array): CardRequest<{ output: Uint8Array }> {
    if (input.length > MAX_EXCHANGE_BYTES) {
      const message = `the input of a control command has ${MAX_EXCHANGE_BYTES} bytes at most, not ${input.length}`;
      throw new SmartCardError("invalid-parameter", message, { reader: this.#deps.reader, operation: "control" });
    }
    const number = this.dialect === "windows" ? toWindowsControlCode(code) : serviceControlCode(code);
    const secret = SecretBytes.copy(input);
    return this.#request(
      (calls, kind) => secret.use((bytes) => calls.control(kind, this.#card, number, bytes, this.#space())),
      { secret },
    );
  }

  getAttribute(attribute: number): CardRequest<{ value: Uint8Array }> {
    return this.#request((calls, kind) => calls.getAttribute(kind, this.#card, attribute), harmless);
  }

  setAttribute(attribute: number, value: Uint8Array): CardRequest {
    const secret = SecretBytes.copy(value);
    return this.#request(
      (calls, kind) => secret.use((bytes) => calls.setAttribute(kind, this.#card, attribute, bytes)),
      { secret },
    );
  }

  end(disposition: number): Promise<Answer> {
    return this.native.run((calls) => calls.endTransaction(this.#card, disposition));
  }

  disconnect(disposition: number): Promise<Answer> {
    this.#forgetExit?.();
    const kind = this.#kind;
    return this.native.run((calls) => calls.disconnect(kind, this.#card, disposition));
  }

  async failure(rv: number, operation: Operation, usesCard: boolean): Promise<SmartCardError> {
    const { abi } = this.native.calls;
    const failure = callFailure(library(abi), rv, operation, { reader: this.#deps.reader, usesCard });
    if (!isLost(abi, rv)) return failure;
    this.native.isLost = true;
    return this.#deps.whyLost(failure);
  }

  holds(isHolding: boolean): void {
    this.#inTransaction = isHolding;
    this.#forgetExit?.();
    if (isHolding) this.#forgetExit = atExit(() => this.native.releaseNow());
  }

  close(): void {
    this.#deps.close(this);
  }

  /** Releases its context of the library, which disconnects the card. */
  release(kind: CallKind = this.#kind): Promise<void> {
    this.#forgetExit?.();
    return this.native.release(kind);
  }

  /** Calls of the connection that has the transaction wait for no other program. */
  get #kind(): CallKind {
    return this.#inTransaction ? "prompt" : "patient";
  }

  #request<T extends object>(call: Call<Answer & T>, terms: Terms<T> = {}): CardRequest<T> {
    let pending: Pending<Answer & T> | undefined;
    return {
      ask: (isBounded) => {
        const asked = new Pending<Answer & T>({ rv: this.#sharingViolation });
        pending = asked;
        this.#make(call, terms, isBounded, asked).catch(asked.fail);
        // Every answer but success is only its number.
        return asked.answer as Promise<Answer & T>;
      },
      letGo: () => pending?.letGo(),
      wipe: () => terms.secret?.release(),
    };
  }

  /**
   * Makes a call once. A library that waits for other programs cannot be interrupted. So a call that may wait, but must not
   * be abandoned, is preceded by a status query: that waits just as long, and can be abandoned.
   */
  async #make<T extends Answer>(
    call: Call<T>,
    { undo, waits = false }: Terms<T>,
    isBounded: boolean,
    pending: Pending<T>,
  ): Promise<void> {
    const kind = this.#kind;
    if ((waits || (isBounded && undo === undefined)) && !this.#inTransaction) {
      const { rv } = await this.#run((calls) => calls.status(kind, this.#card));
      if (rv === this.#sharingViolation) pending.letGo();
      // The call itself would be refused for the same reasons as the status.
      if (!pending.isWanted) return;
    }
    if (undo === undefined) pending.hold();
    const answer = await this.#run((calls) => call(calls, kind));
    if (!pending.settle(answer) && answer.rv === SUCCESS) await undo?.(answer);
  }

  /** Makes a call; when it returns, waiting calls may continue. */
  #run<T>(call: (calls: Calls) => Promise<T>): Promise<T> {
    return this.native.run(call).finally(this.#deps.look);
  }

  async #readStatus({ atr, protocol, state }: NativeStatus): Promise<CardStatus> {
    const number = state & 0xffff;
    if (this.dialect !== "windows") return { state: cardState(number), protocol, atr, eventCount: state >>> 16 };
    const known = fromNumber(cardStates, number, this.dialect) ?? "unknown";
    return { state: known, protocol, atr, eventCount: await this.#deps.eventCount() };
  }

  #space(): Uint8Array {
    this.#room ??= new Uint8Array(MAX_EXCHANGE_BYTES);
    return this.#room;
  }

  get #sharingViolation(): number {
    return errorNumber("sharing-violation", this.dialect);
  }
}
