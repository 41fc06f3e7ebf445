// SPDX-License-Identifier: MIT

import { initializations, protocolMask, type ReconnectOptions, shareModes, toNumber } from "../src/port/index.ts";

/** The arguments of a reconnect on the wire. */
export interface ReconnectTerms {
  readonly shareMode: number;
  readonly preferredProtocols: number;
  readonly initialization: number;
}

/** The arguments of a reconnect of the port, as on the wire. */
export function termsOf({ initialization, preferredProtocols, shareMode }: ReconnectOptions): ReconnectTerms {
  return {
    shareMode: toNumber(shareModes, shareMode, "pcsclite") ?? -1,
    preferredProtocols: preferredProtocols.length === 0 ? 0 : protocolMask(preferredProtocols, "pcsclite"),
    initialization: toNumber(initializations, initialization, "pcsclite") ?? -1,
  };
}

/**
 * What clients of the service were told of their reconnects, and what the manager has done. The service keeps a place for a
 * client that must retry: a client that is told that its reconnect is done must have got the one that it requested.
 */
export class Reconnects {
  /** Reconnects done, less those that their clients were told of, by client and terms. */
  readonly #untold = new Map<string, number>();

  /** The manager has done one. */
  done(client: string, terms: ReconnectTerms): void {
    const key = keyOf(client, terms);
    this.#untold.set(key, (this.#untold.get(key) ?? 0) + 1);
  }

  /** A client was told that one is done. Answers whether there was one. */
  told(client: string, terms: ReconnectTerms): boolean {
    const key = keyOf(client, terms);
    const untold = this.#untold.get(key) ?? 0;
    this.#untold.set(key, untold - 1);
    return untold > 0;
  }
}

function keyOf(client: string, { initialization, preferredProtocols, shareMode }: ReconnectTerms): string {
  return `${client} ${shareMode} ${preferredProtocols} ${initialization}`;
}
