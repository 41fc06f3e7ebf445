// SPDX-License-Identifier: MIT

import { withSecret } from "../../base/binary/index.ts";
import {
  ConnectionBase,
  type ConnectionStatus,
  checkControl,
  checkDisposition,
  checkGetAttribute,
  checkReconnectOptions,
  checkSetAttribute,
  checkTransmit,
  checkWait,
  classFunction,
  type Disposition,
  type Protocol,
  type ReconnectOptions,
  type ShareMode,
  type TransmitOptions,
  type WaitOptions,
} from "../../port/index.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { Operations } from "./operations.ts";
import { asClientWished } from "./reset-reason.ts";
import type { Slot } from "./slot.ts";

/**
 * One connection of the embedded manager, as a program holds it: it checks the arguments and whether the connection is still
 * usable, and hands the call down. No file below imports this one. The way of one APDU, each file once:
 *
 *     ResourceManager port
 *       connection.ts      arguments, a copy of the command that is cleared afterwards
 *       operations.ts      the turn (operation-turns.ts, transaction-queue.ts), the result for "get last error"
 *       reader-access.ts   the protocol, which card.ts makes the card speak after a reset
 *       driver.ts          time limit, interruption
 *     Reader port
 *
 * {@link ConnectionState.checkUsable} is asked when the call is made, when its turn has come, and before the card gets the command.
 */
export class SlotConnection extends ConnectionBase {
  readonly #slot: Slot;
  readonly #operations: Operations;
  readonly #state: ConnectionState;
  /** Tells the context that the connection is over. */
  readonly #closed: (connection: SlotConnection) => void;

  constructor(
    slot: Slot,
    state: ConnectionState,
    deps: {
      readonly preferredProtocols: readonly Protocol[];
      /** Milliseconds on the monotonic clock. */
      readonly now: () => number;
      readonly closed: (connection: SlotConnection) => void;
    },
  ) {
    super(deps);
    this.#slot = slot;
    this.#operations = slot.operations;
    this.#state = state;
    this.#closed = deps.closed;
  }

  get reader(): string {
    return this.#slot.name;
  }

  get shareMode(): ShareMode {
    return this.#state.shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#state.protocol;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const checked = checkReconnectOptions(options, this.reader);
    this.#state.checkUsable("reader");
    const protocol = await this.#slot.reconnect(this.#state, checked.initialization, checked);
    this.preferredProtocols = checked.preferredProtocols;
    return protocol;
  }

  async disconnect(disposition: Disposition = "leave"): Promise<void> {
    checkDisposition("disconnect", disposition);
    // A missing reader is not an error here: the connection ends all the same, as on Windows and with pcsc-lite.
    if (!this.#state.open) throw this.#state.closedError("disconnect");
    this.#closed(this);
    const why = asClientWished(this.#state.context, `disconnected with ${disposition}`);
    await this.#slot.disconnect(this.#state, disposition, why);
  }

  /**
   * Ends the connection because its program has exited, or its context ends. The promise settles when the card is disposed
   * of, or, while another connection holds the lock, at once.
   */
  abandon(how: string): Promise<void> {
    this.#closed(this);
    return this.#slot.abandon(this.#state, how);
  }

  async beginTransaction(options?: WaitOptions): Promise<void> {
    const wait = checkWait("begin transaction", options);
    return this.#slot.transactions.begin(this.#state, wait);
  }

  async endTransaction(disposition: Disposition = "leave"): Promise<void> {
    checkDisposition("end transaction", disposition);
    this.#state.checkUsable("reader");
    return this.#slot.transactions.end(this.#state, disposition);
  }

  async status(options?: WaitOptions): Promise<ConnectionStatus> {
    const wait = checkWait("status", options);
    this.#state.checkUsable("card");
    return this.#operations.status(this.#state, wait);
  }

  async transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    const checked = checkTransmit(command, options, this.reader);
    this.#state.checkUsable("card");
    return await withSecret(command, (secret) => this.#operations.transmit(this.#state, secret, checked));
  }

  async control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const { wait } = checkControl(code, input, options);
    this.#state.checkUsable("reader");
    const name = classFunction(code);
    if (name === "is-present" || name === "is-absent") {
      await this.#operations.untilCard(this.#state, name === "is-present", wait);
      return new Uint8Array();
    }
    return withSecret(input, (secret) =>
      name === undefined
        ? this.#operations.control(this.#state, code, secret, wait)
        : this.#operations.ioctl(this.#state, name, secret, wait),
    );
  }

  async getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    const { number } = checkGetAttribute(attribute, options);
    this.#state.checkUsable("reader");
    return this.#operations.getAttribute(this.#state, number);
  }

  async setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    const { number, wait } = checkSetAttribute(attribute, value, options);
    this.#state.checkUsable("reader");
    return withSecret(value, (secret) => this.#operations.setAttribute(this.#state, number, secret, wait));
  }

  async transmitCount(): Promise<number> {
    this.#state.checkUsable("reader");
    return this.#operations.countExchanges(this.#state);
  }

  /** Resets the card, as for a program that exits. To choose another disposition call {@link disconnect}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.open) await this.disconnect("reset");
  }
}
