// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type Connection, type Context, type ErrorCode, protocolsInMask, SmartCardError } from "../../port/index.ts";
import type { CompatHost } from "./host.ts";
import { type PcscFunction, pcscliteError } from "./pcsclite-error.ts";
import { dispositionOf, protocolNumber, protocolOf, shareModeOf } from "./terms.ts";

/** Failures of an end that has already happened. */
const ended: readonly ErrorCode[] = [
  "removed-card",
  "invalid-handle",
  "invalid-context",
  "service-stopped",
  "no-service",
];

/**
 * What `pcsclite` has for each reader: one context and one connection in it, and one call at a time, in the order in which
 * they were made. Failures are those of `pcsclite`; numbers are its numbers.
 */
export class CardLine {
  readonly #host: CompatHost;
  readonly #reader: string;
  #context: Context | undefined;
  #connection: Connection | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: CompatHost, reader: string) {
    this.#host = host;
    this.#reader = reader;
  }

  /**
   * Connects to the card, or to the reader, and returns the protocol, 0 for none. If an earlier call has connected
   * already, that connection is kept and its protocol returned.
   */
  connect(shareMode: number, protocols: number): Promise<number> {
    return this.#call("SCardConnect", async () => {
      const { dialect } = this.#host;
      const options = {
        shareMode: shareModeOf(shareMode, dialect),
        preferredProtocols: protocolsInMask(protocols, dialect),
      };
      this.#connection ??= await (await this.#open()).connect(this.#reader, options);
      return protocolNumber(this.#connection.protocol, dialect);
    });
  }

  /** Ends the connection; without one it does nothing. */
  disconnect(disposition: number): Promise<void> {
    return this.#call("SCardDisconnect", async () => {
      const term = dispositionOf(disposition, this.#host.dialect);
      const connection = this.#connection;
      this.#connection = undefined;
      try {
        await connection?.disconnect(term);
      } catch (error) {
        // With a missing card or service there is nothing left to end.
        if (!(error instanceof SmartCardError) || !ended.includes(error.code)) throw error;
      }
    });
  }

  /** @param maxBytes room for the answer; a longer one is SCARD_E_INSUFFICIENT_BUFFER */
  transmit(command: Uint8Array, maxBytes: number, protocol: number): Promise<Uint8Array> {
    const sent = copyBytes(command);
    const answer = this.#call("SCardTransmit", async () => {
      const term = protocolOf(protocol, this.#host.dialect);
      return fitting(await this.#connected().transmit(sent, { protocol: term }), maxBytes);
    });
    // It may hold a PIN.
    return answer.finally(() => zeroBytes(sent));
  }

  /** @param maxBytes room for the answer; a longer one is SCARD_E_INSUFFICIENT_BUFFER */
  control(input: Uint8Array, code: number, maxBytes: number): Promise<Uint8Array> {
    const sent = copyBytes(input);
    const answer = this.#call("SCardControl", async () => {
      return fitting(await this.#connected().control(code, sent), maxBytes);
    });
    return answer.finally(() => zeroBytes(sent));
  }

  /** Ends the line when the calls under way have ended; never rejects. The card is left as for a program that exits. */
  async close(): Promise<void> {
    await this.#last;
    const context = this.#context;
    this.#context = undefined;
    this.#connection = undefined;
    // A context ends with its service.
    await context?.release().catch(() => {});
  }

  async #open(): Promise<Context> {
    const before = this.#context;
    if (before !== undefined && (await before.isValid())) return before;
    // The service was restarted since that context was opened: the next one is of the new service.
    await before?.release().catch(() => {});
    this.#context = undefined;
    this.#context = await (await this.#host.manager()).establishContext();
    return this.#context;
  }

  #connected(): Connection {
    if (this.#connection === undefined) throw new SmartCardError("invalid-handle", "there is no connection");
    return this.#connection;
  }

  /** Runs a call behind those before it. */
  #call<T>(name: PcscFunction, work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work).catch((error: unknown) => {
      throw pcscliteError(name, error, this.#host.dialect);
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

function fitting(answer: Uint8Array, maxBytes: number): Uint8Array {
  if (answer.length <= maxBytes) return answer;
  throw new SmartCardError("insufficient-buffer", `the answer has ${answer.length} bytes, and room is for ${maxBytes}`);
}
