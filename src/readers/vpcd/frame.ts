// SPDX-License-Identifier: MIT

import { ByteCursor, checkBytes, checkWord, u16be } from "../../base/binary/index.ts";

/** What the reader can tell the card side apart from commands. Only `get-atr` is answered. */
export type ControlCommand = "power-off" | "power-on" | "reset" | "get-atr";

/** The control codes of vpcd.h (vsmartcard, virtualsmartcard/src/vpcd/vpcd.h: VPCD_CTRL_*). */
const controlCodes: Readonly<Record<ControlCommand, number>> = {
  "power-off": 0,
  "power-on": 1,
  reset: 2,
  "get-atr": 4,
};

/**
 * Writes one message of the vpcd protocol: its length in 16 bits, most significant byte first, then the payload. Both
 * are in one array, because a peer that gets them in two segments waits 40 ms for the second (Nagle's algorithm
 * against delayed acknowledgement).
 *
 * @throws TypeError for anything but bytes; RangeError for a payload of more than 65,535 bytes
 */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  checkBytes(payload, "encodeFrame: payload");
  const frame = new Uint8Array(u16be.size + payload.length);
  u16be.write(new DataView(frame.buffer), 0, payload.length);
  frame.set(payload, u16be.size);
  return frame;
}

/** Writes a control command as one message: a frame with a payload of one byte. @throws TypeError (any other word) */
export function encodeControl(command: ControlCommand): Uint8Array {
  checkWord(command, Object.keys(controlCodes), "encodeControl: command");
  return encodeFrame(Uint8Array.of(controlCodes[command]));
}

/** Reads the payload of a control command; undefined for a code that there is not. */
export function decodeControl(code: number): ControlCommand | undefined {
  return (Object.keys(controlCodes) as ControlCommand[]).find((command) => controlCodes[command] === code);
}

/**
 * Takes frames out of a byte stream that arrives in pieces of any size.
 *
 * Every byte is copied a fixed number of times however the stream is cut, and no more than one unfinished frame
 * (65,535 bytes) is held. Every byte sequence is a sequence of frames, so there is nothing that can be malformed: a
 * peer that lost its place is found out by an answer that was not requested.
 */
export class FrameDecoder {
  #lengthBytes = 0;
  #length = 0;
  #body: Uint8Array | undefined;
  #filled = 0;

  /** True where a frame has begun and not ended. */
  get partial(): boolean {
    return this.#lengthBytes > 0;
  }

  /**
   * Reads the next piece of the stream and yields the payload of each frame that ends in it, in an array of its own.
   * A caller that stops before the last one gives up the stream: what was not read of the piece is lost.
   */
  *decode(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    const cursor = new ByteCursor(piece);
    while (cursor.remaining > 0) {
      if (this.#lengthBytes < u16be.size) {
        this.#length = (this.#length << 8) | cursor.u8("length");
        this.#lengthBytes++;
        if (this.#lengthBytes < u16be.size) continue;
      }
      const payload = this.#fill(cursor);
      if (payload !== undefined) yield payload;
    }
  }

  /** Reads what there is of the payload; returns it, and starts over, when it is complete. */
  #fill(cursor: ByteCursor): Uint8Array | undefined {
    this.#body ??= new Uint8Array(this.#length);
    const part = cursor.bytes(Math.min(this.#length - this.#filled, cursor.remaining), "payload");
    this.#body.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled < this.#length) return undefined;
    const payload = this.#body;
    this.#lengthBytes = 0;
    this.#length = 0;
    this.#body = undefined;
    this.#filled = 0;
    return payload;
  }
}
