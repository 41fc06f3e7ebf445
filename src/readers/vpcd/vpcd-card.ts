// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { encodeResponse, MAX_EXTENDED_DATA_BYTES, statusWords } from "../../base/iso7816/index.ts";
import type { SoftwareCard } from "../../cards/software-card/index.ts";
import type { BytePipe } from "./byte-pipe.ts";
import { type ControlCommand, decodeControl, encodeFrame, FrameDecoder } from "./frame.ts";

/**
 * Plays a software card to a reader of vpcd: the other side of the protocol, as vpicc is. Commands are carried out one after
 * another; the reader's power, as with a card of plastic, goes off and on at any time.
 *
 * @see vsmartcard, virtualsmartcard/doc/api.txt
 */
export class VpcdCard {
  readonly #card: SoftwareCard;
  readonly #pipe: Pick<BytePipe, "write">;
  readonly #decoder = new FrameDecoder();
  /** Undefined while the card has no power. */
  #atr: Uint8Array | undefined;
  /** Counts resets: the answer to a command that a reset has overtaken is not sent. */
  #life = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(card: SoftwareCard, pipe: Pick<BytePipe, "write">) {
    this.#card = card;
    this.#pipe = pipe;
  }

  /** Bytes came in from the reader. They are copied before the call returns. */
  received(bytes: Uint8Array): void {
    for (const frame of this.#decoder.decode(bytes)) {
      if (frame.length > 1) this.#carryOut(frame);
      else if (frame.length === 1) this.#control(decodeControl(frame[0] ?? 0));
    }
  }

  /** The reader is gone, and the card's power with it. */
  closed(): void {
    this.#powerOff();
  }

  #control(command: ControlCommand | undefined): void {
    switch (command) {
      case "power-on":
        this.#reset("cold");
        return;
      case "reset":
        this.#reset("warm");
        return;
      case "power-off":
        this.#powerOff();
        return;
      case "get-atr":
        if (this.#atr === undefined) this.#reset("cold");
        // An empty one says that there is no card that answers.
        this.#pipe.write(encodeFrame(this.#atr ?? new Uint8Array(0)));
        return;
      case undefined:
        return;
    }
  }

  #reset(kind: "cold" | "warm"): void {
    this.#life++;
    try {
      this.#atr = copyBytes(this.#card.reset(this.#atr === undefined ? "cold" : kind));
    } catch {
      // A card that throws is mute.
      this.#atr = undefined;
    }
  }

  #powerOff(): void {
    this.#life++;
    if (this.#atr === undefined) return;
    this.#atr = undefined;
    try {
      this.#card.powerOff();
    } catch {
      // The power is off in any case.
    }
  }

  #carryOut(command: Uint8Array): void {
    const life = this.#life;
    const work = async (): Promise<void> => {
      const answer = await this.#answer(command, life);
      if (life === this.#life) this.#pipe.write(encodeFrame(answer));
    };
    this.#last = this.#last.then(work).finally(() => zeroBytes(command));
  }

  /** Every command is answered, as the reader waits for it. */
  async #answer(command: Uint8Array, life: number): Promise<Uint8Array> {
    if (this.#atr === undefined || life !== this.#life) return noDiagnosis();
    try {
      const answer = await this.#card.process(command);
      const fits = answer.length >= 2 && answer.length <= MAX_EXTENDED_DATA_BYTES;
      return fits ? answer : noDiagnosis();
    } catch {
      return noDiagnosis();
    }
  }
}

function noDiagnosis(): Uint8Array {
  return encodeResponse(new Uint8Array(0), statusWords.noDiagnosis);
}
