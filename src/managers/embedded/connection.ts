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
import { answerIoctl, type IoctlTarget } from "./ioctl.ts";
import type { Slot } from "./slot.ts";
import type { TurnContext } from "./transaction-queue.ts";

/** Why a connection cannot be used until it is reconnected, or at all. */
export interface Fault {
  readonly code: "reset-card" | "removed-card" | "reader-unavailable";
  /** What happened and which client caused it, in words. */
  readonly why: string;
}

/** One connection of the embedded manager: the checks, and the way into the reader's turns. */
export class SlotConnection extends ConnectionBase {
  readonly context: TurnContext;
  /** When it was made, on the monotonic clock. */
  readonly since: number;
  /** Set by the slot when the card was reset or removed, or the reader is gone. */
  fault: Fault | undefined;
  readonly #slot: Slot;
  /** Tells the context that the connection is over. */
  readonly #closed: () => void;
  /** What the last operation failed with, as a number; 0 where it succeeded. */
  lastError = 0;
  #shareMode: ShareMode;
  #protocol: Protocol | undefined;
  #open = true;
  #endedByService = false;

  constructor(
    slot: Slot,
    context: TurnContext,
    deps: {
      readonly shareMode: ShareMode;
      readonly protocol: Protocol | undefined;
      readonly preferredProtocols: readonly Protocol[];
      /** Milliseconds on the monotonic clock. */
      readonly now: () => number;
      readonly closed: (connection: SlotConnection) => void;
    },
  ) {
    super(deps);
    this.#slot = slot;
    this.context = context;
    this.since = deps.now();
    this.#shareMode = deps.shareMode;
    this.#protocol = deps.protocol;
    this.#closed = () => deps.closed(this);
  }

  get reader(): string {
    return this.#slot.name;
  }

  get shareMode(): ShareMode {
    return this.#shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#protocol;
  }

  /** False for a connection to the reader alone, which what happens to cards does not concern. */
  get usesCard(): boolean {
    return this.#shareMode !== "direct" || this.#protocol !== undefined;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const checked = checkReconnectOptions(options, this.reader);
    this.checkOpen();
    if (this.fault?.code === "reader-unavailable") throw this.faultError("reconnect");
    const protocol = await this.#slot.reconnect(this, checked.initialization, checked);
    this.preferredProtocols = checked.preferredProtocols;
    return protocol;
  }

  async disconnect(disposition: Disposition = "leave"): Promise<void> {
    checkDisposition("disconnect", disposition);
    // A missing reader is not an error here: the connection ends all the same, as on Windows and with pcsc-lite.
    if (!this.#open) throw this.closedError("disconnect");
    await this.close(disposition, `${this.context.client.name} disconnected with ${disposition}`);
  }

  /** Ends the connection without any check; the promise settles when the card is disposed of. */
  close(disposition: Disposition, why: string): Promise<void> {
    this.#open = false;
    this.#endedByService = this.context.serviceStopped;
    this.#closed();
    return this.#slot.disconnect(this, disposition, why);
  }

  async beginTransaction(options?: WaitOptions): Promise<void> {
    const wait = checkWait("begin transaction", options);
    return this.#slot.begin(this, wait);
  }

  async endTransaction(disposition: Disposition = "leave"): Promise<void> {
    checkDisposition("end transaction", disposition);
    this.checkOpen();
    return this.#slot.end(this, disposition);
  }

  async status(options?: WaitOptions): Promise<ConnectionStatus> {
    const wait = checkWait("status", options);
    this.checkUsable();
    return this.#slot.operate(this, "status", this.usesCard ? "card" : "connection", wait, () =>
      this.#slot.status(this),
    );
  }

  async transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    const checked = checkTransmit(command, options, this.reader);
    const { protocol } = checked;
    this.checkUsable();
    return withSecret(command, (secret) =>
      this.#slot.operate(this, "transmit", "card", checked, () => this.#exchange(secret, protocol)),
    );
  }

  /** One exchange, in the connection's turn. @throws proto-mismatch, and what the exchange fails with */
  async #exchange(sent: SecretBytes, protocol: Protocol | undefined): Promise<Uint8Array> {
    return this.#slot.exchange(this, sent, this.protocolToTransmit(protocol));
  }

  async control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const { wait } = checkControl(code, input, options);
    this.checkOpen();
    const name = classFunction(code);
    if (name === "is-present" || name === "is-absent") {
      await this.#slot.untilCard(name === "is-present", this, wait);
      return new Uint8Array();
    }
    return withSecret(input, (secret) =>
      this.#slot.operate(this, "control", "reader", wait, async () =>
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
      power: (action) => this.#slot.power(this, action),
      setProtocol: async (preferred) => {
        this.#protocol = await this.#slot.setProtocol(this, preferred);
        return this.#protocol;
      },
      state: () => this.#slot.cardState,
      transmit: async (command, protocol) => {
        this.checkUsable();
        checkCommand(command, this.reader);
        return await withSecret(command, (secret) => this.#exchange(secret, protocol));
      },
      eject: () => this.#slot.eject(),
      getAttribute: (attribute) => this.#attribute(attribute),
      setAttribute: (attribute, value) => {
        if (!this.#slot.setAttribute(attribute, value)) throw this.#unsupportedAttribute(attribute, "set attribute");
      },
      lastError: this.lastError,
    };
  }

  async getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    const { number } = checkGetAttribute(attribute, options);
    this.checkOpen();
    return this.#attribute(number);
  }

  /** @throws not-supported */
  #attribute(attribute: number): Uint8Array {
    const value = this.#slot.getAttribute(this, attribute);
    if (value === undefined) throw this.#unsupportedAttribute(attribute, "get attribute");
    return copyBytes(value);
  }

  async setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    const { number, wait } = checkSetAttribute(attribute, value, options);
    this.checkOpen();
    // A driver that keeps the value copies it: see Reader.
    return withSecret(value, (secret) =>
      this.#slot.operate(this, "set attribute", "reader", wait, () =>
        secret.use((bytes) => {
          if (!this.#slot.setAttribute(number, bytes)) throw this.#unsupportedAttribute(number, "set attribute");
        }),
      ),
    );
  }

  async transmitCount(): Promise<number> {
    this.checkOpen();
    return this.#slot.countExchanges(this);
  }

  /** Resets the card, as for a program that exits. To choose another disposition call {@link disconnect}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) await this.disconnect("reset");
  }

  /** Takes up the state after a successful reconnect. */
  renewed(shareMode: ShareMode, protocol: Protocol | undefined): void {
    this.#shareMode = shareMode;
    this.#protocol = protocol;
    this.fault = undefined;
  }

  /** @throws invalid-handle, reader-unavailable */
  checkOpen(): void {
    if (!this.#open) throw this.closedError("this call");
    if (this.fault?.code === "reader-unavailable") throw this.faultError("this call");
  }

  /** @throws invalid-handle, reader-unavailable, reset-card, removed-card */
  checkUsable(): void {
    this.checkOpen();
    if (this.fault !== undefined) throw this.faultError("this call");
  }

  closedError(operation: string): SmartCardError {
    if (this.#endedByService) {
      const message = `${operation} on a connection to "${this.reader}": the resource manager has stopped`;
      return new SmartCardError("service-stopped", message, { reader: this.reader, operation });
    }
    const message = `${operation} on a connection to "${this.reader}" that was disconnected`;
    return new SmartCardError("invalid-handle", message, { reader: this.reader, operation });
  }

  faultError(operation: string): SmartCardError {
    const { code, why }: Fault = this.fault ?? { code: "reset-card", why: "the card was reset" };
    const remedy: Readonly<Record<Fault["code"], string>> = {
      "reset-card": "; reconnect to go on",
      "removed-card": "; reconnect when a card is there",
      "reader-unavailable": "",
    };
    return new SmartCardError(code, `${why}${remedy[code]}`, { reader: this.reader, operation });
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
