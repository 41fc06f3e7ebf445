// SPDX-License-Identifier: MIT

/** Exchanges commands with one card, from the agreement on a protocol to the next reset. */
export interface CardExchange {
  /**
   * Sends one command and returns the whole response.
   *
   * @throws comm-error, removed-card, cancelled, reader-unavailable; invalid-parameter for a command that is too long
   */
  transmit(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

/** What an exchange has to keep to. */
export interface ExchangeTerms {
  /** Longest message to the reader, header included. */
  readonly maxMessageBytes: number;
  /** How long the answer to a command may take, in milliseconds. */
  waitMs(command: Uint8Array): number;
}
