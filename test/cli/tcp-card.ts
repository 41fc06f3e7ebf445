// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeFrame, FrameDecoder } from "../../src/readers/vpcd/index.ts";

/** A card that plugs into a reader of vpcd's kind by TCP. It has an ATR, and answers every command with 9000. */
export class TcpCard {
  readonly #socket: Socket;

  private constructor(socket: Socket, atr: Uint8Array) {
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      for (const message of decoder.decode(piece)) {
        if (message.length > 1) socket.write(encodeFrame(Uint8Array.of(0x90, 0x00)));
        else if (message[0] === GET_ATR) socket.write(encodeFrame(atr));
      }
    });
  }

  /** Plugs a card in. The reader may see it a little later. */
  static async insert(port: number, atr: Uint8Array): Promise<TcpCard> {
    const socket = connect(port, "127.0.0.1");
    const card = new TcpCard(socket, atr);
    await once(socket, "connect");
    return card;
  }

  /** Pulls it. */
  close(): void {
    this.#socket.destroy();
  }
}

/** The control message that is answered: vsmartcard, virtualsmartcard/src/vpcd/vpcd.h. */
const GET_ATR = 4;
