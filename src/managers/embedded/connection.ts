// SPDX-License-Identifier: MIT

import { copyBytes, hexDword, type SecretBytes, withSecret } from "../../base/binary/index.ts";
import {
  ConnectionBase,
  type ConnectionStatus,
  checkCommand,
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
  SmartCardError,
  type TransmitOptions,
  toPcscliteControlCode,
  type WaitOptions,
} from "../../port/index.ts";
import type { ConnectionState } from "./connection-state.ts";
import { answerIoctl, type IoctlTarget } from "./ioctl.ts";
import type { Slot } from "./slot.ts";

/** One connection of the embedded manager: the checks, and the way into the reader's turns. */
export class SlotConnection extends ConnectionBase {
  readonly #slot: Slot;
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
    const why = `${this.#state.context.client.name} disconnected with ${disposition}`;
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
    return this.#slot.begin(this.#state, wait);
  }

  async endTransaction(disposition: Disposition = "leave"): Promise<void> {
    checkDisposition("end transaction", disposition);
    this.#state.checkUsable("reader");
    return this.#slot.end(this.#state, disposition);
  }

  async status(options?: WaitOptions): Promise<ConnectionStatus> {
    const wait = checkWait("status", options);
    this.#state.checkUsable("card");
    return this.#slot.operate(this.#state, "status", this.#state.usesCard ? "card" : "connection", wait, () =>
      this.#slot.status(this.#state),
    );
  }

  async transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    const checked = checkTransmit(command, options, this.reader);
    const { protocol } = checked;
    this.#state.checkUsable("card");
    return withSecret(command, (secret) =>
      this.#slot.operate(this.#state, "transmit", "card", checked, () => this.#exchange(secret, protocol)),
    );
  }

  /** One exchange, in the connection's turn. @throws proto-mismatch, and what the exchange fails with */
  async #exchange(sent: SecretBytes, protocol: Protocol | undefined): Promise<Uint8Array> {
    return this.#slot.exchange(this.#state, sent, this.protocolToTransmit(protocol));
  }

  async control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const { wait } = checkControl(code, input, options);
    this.#state.checkUsable("reader");
    const name = classFunction(code);
    if (name === "is-present" || name === "is-absent") {
      await this.#slot.untilCard(name === "is-present", this.#state, wait);
      return new Uint8Array();
    }
    return withSecret(input, (secret) =>
      this.#slot.operate(this.#state, "control", "reader", wait, async () =>
        name === undefined
          ? copyBytes(await this.#slot.control(toPcscliteControlCode(code), secret))
          : await secret.use((bytes) => answerIoctl(name, bytes, this.#target)),
      ),
    );
  }

  /** What the functions of Windows' class driver work on, in a turn of this connection. */
  get #target(): IoctlTarget {
    return {
      reader: this.reader,
      power: (action) => this.#slot.power(this.#state, action),
      setProtocol: async (preferred) => {
        const protocol = await this.#slot.setProtocol(this.#state, preferred);
        this.#state.changeProtocol(protocol);
        return protocol;
      },
      state: () => this.#slot.cardState,
      transmit: async (command, protocol) => {
        this.#state.checkUsable("card");
        checkCommand(command, this.reader);
        return await withSecret(command, (secret) => this.#exchange(secret, protocol));
      },
      eject: () => this.#slot.eject(),
      getAttribute: (attribute) => this.#attribute(attribute),
      setAttribute: (attribute, value) => {
        if (!this.#slot.setAttribute(attribute, value)) throw this.#unsupportedAttribute(attribute, "set attribute");
      },
      lastError: this.#state.lastError,
    };
  }

  async getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    const { number } = checkGetAttribute(attribute, options);
    this.#state.checkUsable("reader");
    return this.#attribute(number);
  }

  /** @throws not-supported */
  #attribute(attribute: number): Uint8Array {
    const value = this.#slot.getAttribute(this.#state, attribute);
    if (value === undefined) throw this.#unsupportedAttribute(attribute, "get attribute");
    return copyBytes(value);
  }

  async setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    const { number, wait } = checkSetAttribute(attribute, value, options);
    this.#state.checkUsable("reader");
    // A driver that keeps the value copies it: see Reader.
    return withSecret(value, (secret) =>
      this.#slot.operate(this.#state, "set attribute", "reader", wait, () =>
        secret.use((bytes) => {
          if (!this.#slot.setAttribute(number, bytes)) throw this.#unsupportedAttribute(number, "set attribute");
        }),
      ),
    );
  }

  async transmitCount(): Promise<number> {
    this.#state.checkUsable("reader");
    return this.#slot.countExchanges(this.#state);
  }

  /** Resets the card, as for a program that exits. To choose another disposition call {@link disconnect}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.open) await this.disconnect("reset");
  }

  #unsupportedAttribute(attribute: number, operation: string): SmartCardError {
    const details = { reader: this.reader, operation };
    return new SmartCardError(
      "not-supported",
      `${operation}: "${this.reader}" does not know attribute ${hexDword(attribute)}`,
      details,
    );
  }
}
