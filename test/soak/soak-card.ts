// SPDX-License-Identifier: MIT

import { connect, type Socket } from "node:net";
import { concatBytes } from "../../src/base/binary/index.ts";
import { type Surroundings, TurnWatch } from "./turn-watch.ts";

/** How often a card tries to get into a reader that does not listen. */
const RETRY_MS = 50;

const control = { off: 0, on: 1, reset: 2, atr: 4 } as const;

/** T=0 and T=1, historical bytes "soak", and the check byte that T=1 asks for. */
const atr = Uint8Array.of(0x3b, 0x84, 0x80, 0x01, 0x73, 0x6f, 0x61, 0x6b, 0x13);

const success = Uint8Array.of(0x90, 0x00);
const unknownInstruction = Uint8Array.of(0x6d, 0x00);
const TOKEN_BYTES = 16;

/**
 * A card of the soak, in a reader of vpcd's kind. It lives in the director, so that it can tell at once what it should
 * not see.
 *
 * - `80 10 00 00 10` and a challenge: answers its number, and the challenge with each byte exclusive-or 5A
 * - `00 D6 82 00 10` and a token: keeps it until it is without power
 * - `00 B0 82 00 10`: answers the token
 */
export class SoakCard {
  readonly #number: number;
  readonly #port: number;
  readonly #turns: TurnWatch;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #received: Uint8Array = new Uint8Array();
  #token: Uint8Array = new Uint8Array(TOKEN_BYTES);
  #wanted = false;
  #powered = false;
  /** Commands that it answered. */
  answered = 0;

  constructor(number: number, port: number, surroundings: Surroundings) {
    this.#number = number;
    this.#port = port;
    this.#turns = new TurnWatch({
      mayBreakOff: surroundings.mayBreakOff,
      violated: (what) => surroundings.violated(`card ${number}: ${what}`),
    });
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** Transactions that came to their end. */
  get turns(): number {
    return this.#turns.completed;
  }

  /** The client that is in a transaction with it, as far as it can tell. */
  get holder(): number | undefined {
    return this.#turns.holder;
  }

  /** Puts it into its reader, and again whenever it was ejected or the reader has gone. */
  insert(): void {
    this.#wanted = true;
    if (this.#socket === undefined) this.#connect();
  }

  /** Pulls it. */
  pull(): void {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#socket = socket;
    this.#received = new Uint8Array();
    socket.on("error", () => {});
    socket.on("data", (bytes) => this.#take(socket, bytes));
    socket.on("close", () => {
      this.#socket = undefined;
      this.#powered = false;
      this.#turns.pulled();
      if (this.#wanted) this.#retry = setTimeout(() => this.#wanted && this.insert(), RETRY_MS);
    });
  }

  #take(socket: Socket, bytes: Uint8Array): void {
    // What comes after a card was pulled reaches no card.
    if (!this.#wanted) return;
    this.#received = concatBytes(this.#received, bytes);
    for (;;) {
      const [high = 0, low = 0] = this.#received;
      const end = 2 + high * 256 + low;
      if (this.#received.length < 2 || this.#received.length < end) return;
      const message = this.#received.subarray(2, end);
      this.#received = this.#received.slice(end);
      const answer = message.length === 1 ? this.#obey(message[0]) : this.#answer(message);
      if (answer !== undefined) {
        socket.write(concatBytes(Uint8Array.of(answer.length >> 8, answer.length & 0xff), answer));
      }
    }
  }

  #obey(command: number | undefined): Uint8Array | undefined {
    if (command === control.atr) return atr;
    this.#powered = command !== control.off;
    this.#token = new Uint8Array(TOKEN_BYTES);
    this.#turns.reset();
    return undefined;
  }

  #answer(command: Uint8Array): Uint8Array {
    this.answered++;
    const data = command.subarray(5, 5 + TOKEN_BYTES);
    const [cla = 0, ins = 0, p1 = 0] = command;
    if (cla === 0x80 && ins === 0x10 && data.length === TOKEN_BYTES) {
      this.#turns.challenge(data);
      return concatBytes(
        Uint8Array.of(this.#number),
        data.map((byte) => byte ^ 0x5a),
        success,
      );
    }
    if (cla === 0x00 && ins === 0xd6 && p1 === 0x82 && data.length === TOKEN_BYTES) {
      this.#turns.token(data);
      this.#token = data.slice();
      return success;
    }
    if (cla === 0x00 && ins === 0xb0 && p1 === 0x82) return concatBytes(this.#token, success);
    return unknownInstruction;
  }
}
