// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, zeroBytes } from "../../base/binary/index.ts";
import { instructionName, pinPadCommand } from "../../base/iso7816/index.ts";
import {
  type ClientIdentity,
  type Connection,
  ConnectionBase,
  type ConnectionStatus,
  type Disposition,
  MAX_COMMAND_BYTES,
  type Protocol,
  type ReconnectOptions,
  type ShareMode,
  type TransmitOptions,
  type WaitOptions,
} from "../../port/index.ts";
import type { ObservedOperation, ObservedPinPad } from "./events.ts";
import { dispositionOf, initializationIn, numberOf, preferredProtocolsIn, shareModeIn } from "./given-options.ts";
import { type CallFacts, CallTiming, type Observation, outcomeOf } from "./observation.ts";

/** Whose connection it is. */
export interface ConnectionOwner {
  readonly client: ClientIdentity;
  /** The number of its context. */
  readonly context: number;
  /** The number of the connection. */
  readonly number: number;
  /** Whether its context has not ended. */
  readonly isOpen: () => boolean;
}

/** How a command ended. */
interface Ending {
  response: Uint8Array | undefined;
  /** False where the policy refused it. */
  isSent: boolean;
  /** Whether the policy was told how it ended. */
  isJudged: boolean;
  outcome: ReturnType<typeof outcomeOf> | "success";
}

/** A connection whose calls are told while there are listeners. Else a call returns the promise of the connection behind it. */
export class ObservedConnection extends ConnectionBase {
  readonly #connection: Connection;
  readonly #observation: Observation;
  readonly #owner: ConnectionOwner;
  #isOpen = true;

  constructor(
    connection: Connection,
    observation: Observation,
    owner: ConnectionOwner,
    preferredProtocols: readonly Protocol[],
  ) {
    super({ now: () => observation.clock.now(), preferredProtocols });
    this.#connection = connection;
    this.#observation = observation;
    this.#owner = owner;
  }

  get reader(): string {
    return this.#connection.reader;
  }

  get shareMode(): ShareMode {
    return this.#connection.shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#connection.protocol;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const wanted = preferredProtocolsIn(options);
    const disposition = initializationIn(options);
    try {
      const protocol = await this.#reconnect(options, disposition);
      this.preferredProtocols = wanted;
      return protocol;
    } finally {
      if (disposition !== "leave") this.#observation.forget(this.reader);
    }
  }

  #reconnect(options: ReconnectOptions, disposition: Disposition | undefined): Promise<Protocol | undefined> {
    if (!this.#observation.isActive) return this.#observation.passes(this.#connection.reconnect(options));
    return this.#observation.tell(
      this.#facts("reconnect", { shareMode: shareModeIn(options), disposition }),
      options,
      (wait) => this.#connection.reconnect(wait as ReconnectOptions),
      (protocol) => ({ protocol }),
    );
  }

  disconnect(disposition?: Disposition): Promise<void> {
    if (!this.#observation.isActive) return this.#observation.passes(this.#connection.disconnect(disposition));
    const facts = this.#facts("disconnect", { disposition: dispositionOf(disposition ?? "leave") });
    return this.#disposes(facts, () => this.#connection.disconnect(disposition)).then(() => {
      this.#isOpen = false;
    });
  }

  beginTransaction(options?: WaitOptions): Promise<void> {
    if (!this.#observation.isActive) return this.#connection.beginTransaction(options);
    return this.#observation.tell(this.#facts("begin-transaction"), options, (wait) =>
      this.#connection.beginTransaction(wait),
    );
  }

  endTransaction(disposition?: Disposition): Promise<void> {
    if (!this.#observation.isActive) return this.#observation.passes(this.#connection.endTransaction(disposition));
    const facts = this.#facts("end-transaction", { disposition: dispositionOf(disposition ?? "leave") });
    return this.#disposes(facts, () => this.#connection.endTransaction(disposition));
  }

  status(options?: WaitOptions): Promise<ConnectionStatus> {
    if (!this.#observation.isActive) return this.#connection.status(options);
    return this.#observation.tell(this.#facts("status"), options, (wait) => this.#connection.status(wait));
  }

  transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    const { isActive, policy } = this.#observation;
    if (!isActive && policy === undefined) return this.#observation.passes(this.#connection.transmit(command, options));
    // What cannot be a command is for the manager to refuse.
    if (!isBytes(command) || command.length > MAX_COMMAND_BYTES) return this.#connection.transmit(command, options);
    return this.#transmit(command, options);
  }

  control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const { isActive, policy } = this.#observation;
    const hasPolicy = policy?.beforeControl !== undefined || policy?.afterControl !== undefined;
    // The manager refuses what is not a control call.
    if (hasPolicy && isBytes(input) && numberOf(code) !== undefined) return this.#control(code, input, options);
    return isActive ? this.#toldControl(code, input, options) : this.#connection.control(code, input, options);
  }

  getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    if (!this.#observation.isActive) return this.#connection.getAttribute(attribute, options);
    return this.#observation.tell(this.#facts("get-attribute", { code: numberOf(attribute) }), options, (wait) =>
      this.#connection.getAttribute(attribute, wait),
    );
  }

  setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    if (!this.#observation.isActive) return this.#connection.setAttribute(attribute, value, options);
    return this.#observation.tell(this.#facts("set-attribute", { code: numberOf(attribute) }), options, (wait) =>
      this.#connection.setAttribute(attribute, value, wait),
    );
  }

  transmitCount(): Promise<number> {
    return this.#connection.transmitCount();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispose = (): Promise<void> => Promise.resolve(this.#connection[Symbol.asyncDispose]());
    // Of a connection that has ended it is no call.
    if (!this.#isOpen || !this.#owner.isOpen() || !this.#observation.isActive) return dispose();
    await this.#disposes(this.#facts("disconnect", { disposition: "reset" }), dispose);
    this.#isOpen = false;
  }

  /** A call that may reset the card. */
  async #disposes(facts: CallFacts, run: () => Promise<void>): Promise<void> {
    try {
      await this.#observation.tell(facts, undefined, run);
    } finally {
      if (facts.disposition !== "leave") this.#observation.forget(this.reader);
    }
  }

  #toldControl(code: number, input: Uint8Array, options: WaitOptions | undefined): Promise<Uint8Array> {
    // The manager refuses what is not bytes, and the caller may change them.
    const instruction = isBytes(input) ? pinPadCommand(input)?.[1] : undefined;
    return this.#observation.tell(
      this.#facts("control", { code: numberOf(code) }),
      options,
      (wait) => this.#connection.control(code, input, wait),
      (output) => (instruction === undefined ? {} : { pinPad: pinPadOf(instruction, output) }),
    );
  }

  /** A control call of which the policy is asked. */
  async #control(code: number, given: Uint8Array, options: WaitOptions | undefined): Promise<Uint8Array> {
    const observation = this.#observation;
    const { policy } = observation;
    const { client, number: connection } = this.#owner;
    const input = copyBytes(given);
    const asked = { client, reader: this.reader, connection, code, input };
    const timing = new CallTiming(observation.clock);
    let output: Uint8Array | undefined;
    try {
      return await this.#inTurn(options, async () => {
        const refusal = policy?.beforeControl?.(asked);
        if (refusal !== undefined) {
          observation.told(this.#facts("control", { code: numberOf(code) }), timing, { outcome: refusal.code });
          throw refusal;
        }
        try {
          output = await this.#toldControl(code, input, options);
          return output;
        } finally {
          policy?.afterControl?.({ ...asked, output });
        }
      });
    } finally {
      zeroBytes(input);
    }
  }

  async #transmit(given: Uint8Array, options: TransmitOptions | undefined): Promise<Uint8Array> {
    const observation = this.#observation;
    const { client, number: connection } = this.#owner;
    const asked = { client, reader: this.reader, connection };
    const timing = new CallTiming(observation.clock);
    const { moment } = observation;
    // The caller may change its bytes as soon as it has made the call.
    const command = copyBytes(given);
    const ending: Ending = { response: undefined, isSent: false, isJudged: false, outcome: "success" };
    try {
      const wait = timing.watch(options);
      const response = await this.#inTurn(wait, async () => {
        const refusal = observation.policy?.before({ ...asked, command });
        if (refusal !== undefined) throw refusal;
        ending.isSent = true;
        // What was judged is what is sent: the caller may have changed its bytes meanwhile.
        const answered = await this.#connection.transmit(observation.policy === undefined ? given : command, wait);
        if (isBytes(answered)) ending.response = answered;
        observation.policy?.after({ ...asked, command, response: ending.response });
        ending.isJudged = true;
        return answered;
      });
      return response;
    } catch (error) {
      ending.outcome = outcomeOf(error);
      throw error;
    } finally {
      if (ending.isSent && !ending.isJudged) observation.policy?.after({ ...asked, command, response: undefined });
      const facts = { ...this.#facts("transmit"), reader: this.reader };
      const { isSent, outcome, response } = ending;
      const isKept = observation.transmitted(facts, timing, moment, { command, isSent, outcome, response });
      if (!isKept) zeroBytes(command);
    }
  }

  /**
   * Runs something while the connection has the lock, where a policy judges it: else another program could change what it judges by
   * before its turn comes.
   */
  async #inTurn<T>(wait: WaitOptions | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#observation.policy === undefined) return work();
    const { onTurn, signal, timeoutMs } = wait ?? {};
    await this.#connection.beginTransaction({
      ...(onTurn !== undefined && { onTurn }),
      ...(signal !== undefined && { signal }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    try {
      return await work();
    } finally {
      // What ends the lock in another way has its own error: of the command.
      await this.#connection.endTransaction("leave").catch(() => undefined);
    }
  }

  #facts(operation: ObservedOperation, more: Partial<CallFacts> = {}): CallFacts {
    const { client, context, number: connection } = this.#owner;
    return { operation, client, context, connection, reader: this.reader, ...more };
  }
}

/** What a reader with a PIN pad did. @param instruction of the command that it completed */
function pinPadOf(instruction: number, output: unknown): ObservedPinPad {
  const [sw1, sw2] = isBytes(output) ? output.slice(-2) : [];
  const statusWord = sw1 === undefined || sw2 === undefined ? undefined : (sw1 << 8) | sw2;
  return { name: instructionName(0, instruction) ?? "unknown instruction", statusWord };
}
