// SPDX-License-Identifier: MIT

import {
  type Connection,
  ConnectionBase,
  type ConnectionStatus,
  type Disposition,
  type Protocol,
  type ReconnectOptions,
  type ShareMode,
  SmartCardError,
  type TransmitOptions,
  type WaitOptions,
} from "../../port/index.ts";

/** A connection at a host, under the name that its reader has in the farm. */
export class FarmConnection extends ConnectionBase {
  readonly reader: string;
  readonly #connection: Connection;

  constructor(connection: Connection, host: string, preferredProtocols: readonly Protocol[], now: () => number) {
    super({ now, preferredProtocols });
    this.#connection = connection;
    this.reader = `${host}/${connection.reader}`;
  }

  get shareMode(): ShareMode {
    return this.#connection.shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#connection.protocol;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const protocol = await this.#named(this.#connection.reconnect(options));
    this.preferredProtocols = [...options.preferredProtocols];
    return protocol;
  }

  disconnect(disposition?: Disposition): Promise<void> {
    return this.#named(this.#connection.disconnect(disposition));
  }

  beginTransaction(options?: WaitOptions): Promise<void> {
    return this.#named(this.#connection.beginTransaction(options));
  }

  endTransaction(disposition?: Disposition): Promise<void> {
    return this.#named(this.#connection.endTransaction(disposition));
  }

  async status(options?: WaitOptions): Promise<ConnectionStatus> {
    return { ...(await this.#named(this.#connection.status(options))), reader: this.reader };
  }

  transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    return this.#named(this.#connection.transmit(command, options));
  }

  control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    return this.#named(this.#connection.control(code, input, options));
  }

  getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array> {
    return this.#named(this.#connection.getAttribute(attribute, options));
  }

  setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    return this.#named(this.#connection.setAttribute(attribute, value, options));
  }

  transmitCount(): Promise<number> {
    return this.#named(this.#connection.transmitCount());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  #named<T>(outcome: Promise<T>): Promise<T> {
    return outcome.catch((error: unknown) => {
      throw underName(error, this.reader);
    });
  }
}

/** An error of a host, about the reader as it is called in the farm. */
export function underName(error: unknown, reader: string): unknown {
  if (!(error instanceof SmartCardError) || error.details.reader === undefined) return error;
  const { cause, code, details, reason } = error;
  return new SmartCardError(code, reason, { ...details, reader }, cause === undefined ? {} : { cause });
}
