// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { encodeFrame, FrameDecoder } from "../../src/readers/vpcd/index.ts";

/** What the reader asks for with one byte. vpcd.h of the vsmartcard project: VPCD_CTRL_*. */
const control = { off: 0, on: 1, reset: 2, atr: 4 } as const;

/** One of our cards in any reader that speaks vpcd's protocol: that of stock pcscd, for one. */
export class SoftwareVpcdCard {
  readonly #socket: Socket;
  readonly #card: SoftwareCard;
  readonly #decoder = new FrameDecoder();
  /** Frames are answered one after the other. */
  #last: Promise<void> = Promise.resolve();
  #atr: Uint8Array;

  private constructor(socket: Socket, card: SoftwareCard) {
    this.#socket = socket;
    this.#card = card;
    this.#atr = card.reset("cold");
    socket.setNoDelay(true);
    socket.on("data", (piece) => {
      for (const frame of this.#decoder.decode(piece)) this.#last = this.#last.then(() => this.#answer(frame));
    });
    // A reader that goes takes its cards along.
    socket.on("error", () => {});
  }

  /** Puts the card into the reader at a port of this machine. */
  static async insert(card: SoftwareCard, port: number): Promise<SoftwareVpcdCard> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new SoftwareVpcdCard(socket, card);
  }

  /** Pulls the card. */
  async remove(): Promise<void> {
    this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, "close");
  }

  async #answer(frame: Uint8Array): Promise<void> {
    const [code] = frame;
    if (frame.length > 1) this.#socket.write(encodeFrame(await this.#card.process(frame)));
    else if (code === control.atr) this.#socket.write(encodeFrame(this.#atr));
    else if (code === control.off) this.#card.powerOff();
    else this.#atr = this.#card.reset(code === control.on ? "cold" : "warm");
  }
}
