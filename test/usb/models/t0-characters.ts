// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";

const HEADER_BYTES = 5;
const NULL_BYTE = 0x60;

/** Instructions whose P3 counts bytes that go to the card: ISO/IEC 7816-4, and EC of the rig's card. */
const incoming: ReadonlySet<number> = new Set([
  0x20, 0x22, 0x24, 0x2a, 0x2c, 0x46, 0x82, 0x86, 0x87, 0x88, 0xa4, 0xc2, 0xd0, 0xd2, 0xd6, 0xda, 0xdb, 0xdc, 0xe0,
  0xe2, 0xec,
]);

/** Whether the data of a command goes to the card, by its header. */
export function isIncoming(header: Uint8Array): boolean {
  return incoming.has(header[1] ?? 0) && (header[HEADER_BYTES - 1] ?? 0) > 0;
}

export interface T0CharactersOptions {
  /** What the card does with a command TPDU: header, and the data where the command has some. */
  process(tpdu: Uint8Array): Promise<Uint8Array>;
  /** NULL bytes before the first procedure byte. @default 0 */
  readonly nulls?: number;
  /** Acknowledges each data byte of a command by itself, with the complemented instruction. @default false */
  readonly oneByOne?: boolean;
}

/**
 * The card's side of T=0, byte by byte: ISO/IEC 7816-3:2006, 10.3. `receive` takes what comes in and returns what the card
 * sends, as far as it can before it needs more.
 */
export class T0Characters {
  readonly #options: T0CharactersOptions;
  #header: Uint8Array | undefined;
  #data: Uint8Array = new Uint8Array(0);

  constructor(options: T0CharactersOptions) {
    this.#options = options;
  }

  async receive(bytes: Uint8Array): Promise<Uint8Array> {
    const nulls = new Uint8Array(this.#options.nulls ?? 0).fill(NULL_BYTE);
    if (this.#header === undefined) {
      if (bytes.length !== HEADER_BYTES) return new Uint8Array(0);
      const [, instruction = 0] = bytes;
      if (isIncoming(bytes)) {
        this.#header = bytes.slice();
        this.#data = new Uint8Array(0);
        return concatBytes(nulls, this.#acknowledge(instruction));
      }
      return concatBytes(nulls, await this.#answer(bytes));
    }
    this.#data = concatBytes(this.#data, bytes);
    const [, instruction = 0, , , p3 = 0] = this.#header;
    if (this.#data.length < p3) return this.#acknowledge(instruction);
    const tpdu = concatBytes(this.#header, this.#data.subarray(0, p3));
    this.#header = undefined;
    return concatBytes(nulls, await this.#answer(tpdu));
  }

  #acknowledge(instruction: number): Uint8Array {
    return Uint8Array.of(this.#options.oneByOne ? instruction ^ 0xff : instruction);
  }

  async #answer(tpdu: Uint8Array): Promise<Uint8Array> {
    const response = await this.#options.process(tpdu);
    const [, instruction = 0] = tpdu;
    if (response.length === 2) return response;
    // Outgoing data: all at once after the instruction, or each byte after its complement.
    const data = response.subarray(0, -2);
    const sent = this.#options.oneByOne
      ? Uint8Array.from([...data].flatMap((byte) => [instruction ^ 0xff, byte]))
      : Uint8Array.of(instruction, ...data);
    return concatBytes(sent, response.subarray(-2));
  }
}
