// SPDX-License-Identifier: MIT

import { type Abi, encodeText, readerStateStruct } from "./abi.ts";

/** A reader in SCardGetStatusChange. */
export interface NativeReaderState {
  readonly name: string;
  /** Flags, and the event count in the high word. */
  readonly state: number;
  readonly atr: Uint8Array;
}

/** A reader that is asked for, with its last state. */
export interface AskedReader {
  readonly name: string;
  readonly state: number;
}

/** SCARD_READERSTATE of each, in one piece of memory: the structures, and the names that they point to behind them. */
export function encodeStates(
  abi: Abi,
  library: { addressOf(bytes: Uint8Array): bigint },
  readers: readonly AskedReader[],
): Uint8Array {
  const layout = readerStateStruct(abi);
  const names = readers.map(({ name }) => encodeText(abi, name));
  const memory = new Uint8Array(names.reduce((size, name) => size + name.length, readers.length * layout.size));
  const view = new DataView(memory.buffer);
  const address = library.addressOf(memory);
  let at = readers.length * layout.size;
  for (const [index, { state }] of readers.entries()) {
    const name = names[index] ?? memory.subarray(0, 0);
    layout.write(view, index * layout.size, {
      szReader: address + BigInt(at),
      pvUserData: 0n,
      dwCurrentState: state,
      dwEventState: 0,
      cbAtr: 0,
      rgbAtr: new Uint8Array(abi.atrBytes),
    });
    memory.set(name, at);
    at += name.length;
  }
  return memory;
}

/** The states that the library has written there, in the same order. */
export function decodeStates(abi: Abi, memory: Uint8Array, readers: readonly AskedReader[]): NativeReaderState[] {
  const layout = readerStateStruct(abi);
  const view = new DataView(memory.buffer);
  return readers.map(({ name }, index) => {
    const { cbAtr, dwEventState, rgbAtr } = layout.read(view, index * layout.size);
    return { name, state: dwEventState, atr: rgbAtr.slice(0, cbAtr) };
  });
}
