// SPDX-License-Identifier: MIT

import { encodeHex } from "../../src/base/binary/index.ts";

/** What a card of the soak knows of its clients. */
export interface Surroundings {
  /** Whether what a client has begun may break off with a reset: it was killed, or the daemon is ending. */
  readonly mayBreakOff: (client: number) => boolean;
  /** Told of what must not be. */
  readonly violated: (what: string) => void;
}

interface Turn {
  readonly client: number;
  readonly transaction: number;
  /** How many challenges are still to come in it. */
  left: number;
}

/**
 * Watches from the card's side that transactions exclude each other. A transaction begins with the writing of a token that
 * says whose it is and how many challenges follow; each challenge names its client as well, so that the card needs no other client's
 * word for it.
 *
 * ```text
 *  00 D6 82 00 10 | client, 2 | transaction, 4 | challenges, 1 | random, 9
 *  80 10 00 00 10 | client, 2 | transaction, 4, 0 outside of one | sequence, 4 | random, 6
 * ```
 */
export class TurnWatch {
  readonly #surroundings: Surroundings;
  #turn: Turn | undefined;
  /** Transactions that came to their end. */
  completed = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** The client that is in a transaction, as far as the card can tell. */
  get holder(): number | undefined {
    return this.#turn?.client;
  }

  /** A token was written. */
  token(data: Uint8Array): void {
    const { client, transaction } = sender(data);
    if (this.#turn !== undefined) this.#broken(`client ${client} began transaction ${transaction}`);
    this.#turn = { client, transaction, left: data[6] ?? 0 };
  }

  /** A challenge has come. */
  challenge(data: Uint8Array): void {
    const { client, transaction } = sender(data);
    const turn = this.#turn;
    if (turn !== undefined && turn.client === client && turn.transaction === transaction) {
      turn.left--;
      if (turn.left > 0) return;
      this.#turn = undefined;
      this.completed++;
      return;
    }
    if (turn !== undefined) this.#broken(`client ${client} sent ${encodeHex(data)}`);
    else if (transaction !== 0) {
      this.#surroundings.violated(`client ${client} was in transaction ${transaction}, which the card had lost`);
    }
  }

  /** The card was reset or lost its power. */
  reset(): void {
    if (this.#turn !== undefined && !this.#surroundings.mayBreakOff(this.#turn.client))
      this.#broken("the card was reset");
    this.#turn = undefined;
  }

  /** The card was pulled, or another one is in its place. */
  pulled(): void {
    this.#turn = undefined;
  }

  #broken(what: string): void {
    const { client = 0, transaction = 0 } = this.#turn ?? {};
    this.#surroundings.violated(`${what} in transaction ${transaction} of client ${client}`);
    this.#turn = undefined;
  }
}

function sender(data: Uint8Array): { readonly client: number; readonly transaction: number } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { client: view.getUint16(0), transaction: view.getUint32(2) };
}
