// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes } from "../../src/base/binary/index.ts";
import { GemCore } from "./gem-core.ts";
import { SerialLine } from "./serial-line.ts";

/** NAD of a block to the reader, and of one from it: host 2, reader 4. */
const TO_READER = 0x42;
const FROM_READER = 0x24;
/** PCB: an I-block has its sequence bit at 40h; R-blocks are 80h to 9Fh; a resynchronisation and its answer. */
const SEQUENCE = 0x40;
const NO_I_BLOCK = 0x80;
const WRONG_CHECK = 0x81;
const RESYNCH_REQUEST = 0xc0;
const RESYNCH_RESPONSE = 0xe0;

/** The command that sets the speed of the line. */
const SIO_CONFIGURE = 0x0a;

const none = new Uint8Array(0);

/**
 * A GemPC 410 on a serial line: GemCore commands in the Gemplus block protocol. A block that did not get through is asked for again.
 * The speed of the line is set twice, before and after the computer has it; one of the two is lost on a real line, and here as it
 * happens: both answers have the same sequence bit.
 */
export class GemReader {
  readonly core: GemCore = new GemCore();
  #line: SerialLine | undefined;
  #received: Uint8Array = none;
  #sequence = SEQUENCE;
  #hasSetSpeed = false;
  #last: Uint8Array = none;

  /** Connects one to a new line. */
  static async connect(): Promise<GemReader> {
    const reader = new GemReader();
    reader.#line = await SerialLine.connect((bytes) => reader.#take(bytes));
    return reader;
  }

  /** Path of the terminal. */
  get path(): string {
    return this.#line?.path ?? "";
  }

  close(): void {
    this.#line?.close();
  }

  #take(bytes: Uint8Array): void {
    this.#received = concatBytes(this.#received, bytes);
    for (;;) {
      const start = this.#received.indexOf(TO_READER);
      const block = this.#received.subarray(Math.max(start, 0));
      const length = 4 + (block[2] ?? 0);
      if (start < 0 || block.length < 4 || block.length < length) return;
      this.#received = copyBytes(block.subarray(length));
      this.#block(block.subarray(0, length));
    }
  }

  #block(block: Uint8Array): void {
    const [, pcb = 0] = block;
    const isSound = block.reduce((sum, byte) => sum ^ byte, 0) === 0;
    if (!isSound) this.#send(WRONG_CHECK, none);
    else if (pcb === RESYNCH_REQUEST) {
      this.#sequence = SEQUENCE;
      this.#send(RESYNCH_RESPONSE, none);
    } else if ((pcb & NO_I_BLOCK) !== 0) this.#line?.send(this.#last);
    else this.#command(block.subarray(3, -1));
  }

  #command(command: Uint8Array): void {
    const setsSpeed = command[0] === SIO_CONFIGURE;
    if (!setsSpeed || !this.#hasSetSpeed) this.#sequence ^= SEQUENCE;
    this.#hasSetSpeed = setsSpeed;
    this.#last = this.#send(this.#sequence, setsSpeed ? Uint8Array.of(0) : this.core.command(command));
  }

  #send(pcb: number, data: Uint8Array): Uint8Array {
    const block = Uint8Array.of(FROM_READER, pcb, data.length, ...data);
    const sent = concatBytes(block, Uint8Array.of(block.reduce((sum, byte) => sum ^ byte, 0)));
    this.#line?.send(sent);
    return sent;
  }
}
