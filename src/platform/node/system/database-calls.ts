// SPDX-License-Identifier: MIT

import type { Answer } from "../../../managers/client/index.ts";
import { type AtrMask, errorNumber, SmartCardError } from "../../../port/index.ts";
import { type Abi, dword, word } from "./abi.ts";
import { AUTOALLOCATE, atrMaskStruct, type DatabaseFunction } from "./database-abi.ts";
import type { DatabaseLibrary, NativeArgument } from "./library.ts";
import { decodeStates, encodeStates, type NativeReaderState } from "./reader-states.ts";
import type { Threads } from "./threads.ts";
import { SUCCESS } from "./winscard-calls.ts";

/** Room for an item of the cache at first; Windows says what is needed where it is too little. */
const CACHE_BYTES = 4_096;
/** An item may grow between being told its length and asking again. */
const CACHE_ATTEMPTS = 4;
const MAX_CACHE_BYTES = 1 << 24;

type Arguments = readonly NativeArgument[];

/** The functions of the database, each with its results taken out of memory. It contains no policy. */
export class DatabaseCalls {
  readonly abi: Abi;
  readonly #library: DatabaseLibrary;
  readonly #threads: Threads;

  constructor(abi: Abi, library: DatabaseLibrary, threads: Threads) {
    this.abi = abi;
    this.#library = library;
    this.#threads = threads;
  }

  /** A call that gives nothing but its code. */
  async code(name: DatabaseFunction, args: Arguments): Promise<Answer> {
    return { rv: await this.#run(name, args) };
  }

  /** A call that gives a DWORD. */
  async number(name: DatabaseFunction, args: Arguments): Promise<Answer & { readonly value: number }> {
    const cell = new Uint8Array(this.abi.dwordBytes);
    const rv = await this.#run(name, [...args, cell]);
    return { rv, value: dword(this.abi).read(viewOf(cell), 0) };
  }

  /**
   * A call that gives bytes, in memory that the library allocates, and that is freed here.
   *
   * @param unit how many bytes the library counts as one
   */
  async allocated(
    name: DatabaseFunction,
    context: bigint,
    args: Arguments,
    unit: number,
  ): Promise<Answer & { readonly value: Uint8Array }> {
    const place = new Uint8Array(this.abi.pointerBytes);
    const length = new Uint8Array(this.abi.dwordBytes);
    dword(this.abi).write(viewOf(length), 0, AUTOALLOCATE);
    const rv = await this.#run(name, [context, ...args, place, length]);
    if (rv !== SUCCESS) return { rv, value: new Uint8Array() };
    const address = word(this.abi.pointerBytes).read(viewOf(place), 0);
    const count = dword(this.abi).read(viewOf(length), 0) * unit;
    if (address === 0n) return { rv, value: new Uint8Array() };
    try {
      return { rv, value: this.#library.read(address, count) };
    } finally {
      await this.#run("SCardFreeMemory", [context, address]);
    }
  }

  /** A call that gives bytes into room that it is given: SCardReadCache is not documented to allocate. */
  async sized(name: DatabaseFunction, args: Arguments): Promise<Answer & { readonly value: Uint8Array }> {
    const tooSmall = errorNumber("insufficient-buffer", this.abi.dialect);
    let size = CACHE_BYTES;
    for (let attempt = 1; ; attempt++) {
      const room = new Uint8Array(size);
      const length = new Uint8Array(this.abi.dwordBytes);
      dword(this.abi).write(viewOf(length), 0, size);
      const rv = await this.#run(name, [...args, room, length]);
      const wanted = dword(this.abi).read(viewOf(length), 0);
      const value = room.slice(0, rv === SUCCESS ? wanted : 0);
      room.fill(0);
      if (rv !== tooSmall || attempt === CACHE_ATTEMPTS || wanted > MAX_CACHE_BYTES) return { rv, value };
      size = Math.max(wanted, 2 * size);
    }
  }

  /** A call that looks at readers. */
  async states(
    name: DatabaseFunction,
    args: Arguments,
    readers: readonly { readonly name: string; readonly state: number }[],
  ): Promise<Answer & { readonly states: NativeReaderState[] }> {
    const memory = encodeStates(this.abi, this.#library, readers);
    const rv = await this.#run(name, [...args, memory, readers.length]);
    return { rv, states: decodeStates(this.abi, memory, readers) };
  }

  /** SCARD_ATRMASK, one behind the other. */
  atrMasks(masks: readonly AtrMask[]): Uint8Array {
    const layout = atrMaskStruct(this.abi);
    const memory = new Uint8Array(masks.length * layout.size);
    for (const [index, { atr, mask = new Uint8Array(atr.length).fill(0xff) }] of masks.entries()) {
      const [rgbAtr, rgbMask] = [new Uint8Array(this.abi.atrBytes), new Uint8Array(this.abi.atrBytes)];
      if (atr.length > rgbAtr.length || mask.length !== atr.length) {
        throw new SmartCardError("invalid-atr", `an ATR of ${atr.length} bytes, a mask of ${mask.length}`);
      }
      rgbAtr.set(atr);
      rgbMask.set(mask);
      layout.write(viewOf(memory), index * layout.size, { cbAtr: atr.length, rgbAtr, rgbMask });
    }
    return memory;
  }

  #run(name: DatabaseFunction, args: Arguments): Promise<number> {
    return this.#threads.run("prompt", () => this.#library.call(name, args));
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
