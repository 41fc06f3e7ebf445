// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, u32le } from "../../src/base/binary/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { CardLine, type CcidReaderModel, memoryUsb, type RigCard, readerModel } from "../usb/models/index.ts";
import { SerialLine } from "./serial-line.ts";

const SYNC = 0x03;
const ACK = 0x06;
const HEADER_BYTES = 10;
/** What libccidtwin takes a GemPC Twin for: TPDU, and nothing but clock and baud rate is automatic. */
const TWIN_FEATURES = 0x0001_0230;

/**
 * A GemPC Twin on a serial line: CCID messages between SYNC, ACK and a check byte, each one echoed before it is answered.
 * The reader behind the line is the model of a USB reader at TPDU level.
 *
 * @see CCID/src/ccid_serial.c
 */
export class TwinReader {
  readonly model: CcidReaderModel;
  readonly #usb: ReturnType<typeof memoryUsb>;
  readonly #signal = new AbortController();
  #received: Uint8Array = new Uint8Array(0);
  #answering: Promise<unknown> = Promise.resolve();
  #line: SerialLine | undefined;

  private constructor() {
    this.model = readerModel("TPDU", {
      clock: nodeRuntime().clock,
      features: TWIN_FEATURES,
      escape: (data) => (data[0] === 0x02 ? new TextEncoder().encode("GemTwin-V1.00") : new Uint8Array(0)),
    });
    this.#usb = memoryUsb(this.model);
  }

  /** Connects one; it is there when this settles. */
  static async connect(): Promise<TwinReader> {
    const reader = new TwinReader();
    reader.#line = await SerialLine.connect((bytes) => reader.#take(bytes));
    return reader;
  }

  /** Path of the terminal. */
  get path(): string {
    return this.#line?.path ?? "";
  }

  insert(card: RigCard): void {
    this.model.insert(new CardLine(card));
  }

  remove(): void {
    this.model.remove();
  }

  async close(): Promise<void> {
    this.#signal.abort();
    this.#line?.close();
    await this.#answering.catch(() => {});
  }

  #take(bytes: Uint8Array): void {
    this.#received = concatBytes(this.#received, bytes);
    for (;;) {
      const start = this.#received.indexOf(SYNC);
      if (start < 0) return;
      const frame = this.#received.subarray(start);
      if (frame.length < 2 + HEADER_BYTES) return;
      const length = HEADER_BYTES + u32le.read(new DataView(frame.buffer, frame.byteOffset), 3);
      if (frame.length < 2 + length + 1) return;
      const message = copyBytes(frame.subarray(2, 2 + length));
      this.#received = copyBytes(frame.subarray(2 + length + 1));
      this.#answering = this.#answering.then(() => this.#answer(message)).catch(() => {});
    }
  }

  async #answer(message: Uint8Array): Promise<void> {
    const { signal } = this.#signal;
    this.#send(message);
    await this.#usb.bulkOut(message, signal);
    this.#send(await this.#usb.bulkIn(65_556, signal));
  }

  #send(message: Uint8Array): void {
    const check = message.reduce((sum, byte) => sum ^ byte, SYNC ^ ACK);
    this.#line?.send(concatBytes(Uint8Array.of(SYNC, ACK), message, Uint8Array.of(check)));
  }
}
