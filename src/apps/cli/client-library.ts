// SPDX-License-Identifier: MIT

import { readerStateStruct } from "../../wire/pcsclite/index.ts";

/** Elf64_Ehdr, as far as it is needed; little-endian (System V ABI, gABI 4.1, ELF header). */
const magic = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const HEADER_BYTES = 64;
const SECTION_BYTES = 64;

/**
 * How many readers the table of a libpcsclite has room for.
 *
 * Up to 2.4.1 the library keeps `static READER_STATE readerStates[PCSCLITE_MAX_READERS_CONTEXTS]` (winscard_clnt.c), which is
 * nearly all of its zeroed data, the section `.bss`. The rest of it was 336 bytes in 1.9.9 and 464 in 2.4.1 and 2.5.1.
 *
 * @param library the file
 * @returns "any" for a library without such a table, as from 2.5 on; undefined for anything but such a 64-bit library
 */
export function tableEntriesOf(library: Uint8Array): number | "any" | undefined {
  const zeroed = zeroedBytes(library);
  if (zeroed === undefined) return undefined;
  const rest = 400;
  const entries = Math.round((zeroed - rest) / readerStateStruct.size);
  return entries < 1 ? "any" : entries;
}

/** The size of the section `.bss`; undefined where it is missing. */
function zeroedBytes(file: Uint8Array): number | undefined {
  if (file.length < HEADER_BYTES || magic.some((byte, index) => file[index] !== byte)) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const sections = Number(view.getBigUint64(0x28, true));
  const count = view.getUint16(0x3c, true);
  if (sections + count * SECTION_BYTES > file.length) return undefined;
  const at = (index: number): number => sections + index * SECTION_BYTES;
  const names = view.getUint16(0x3e, true);
  if (names >= count) return undefined;
  const texts = Number(view.getBigUint64(at(names) + 0x18, true));
  for (let index = 0; index < count; index++) {
    const name = texts + view.getUint32(at(index), true);
    if (isName(file, name, ".bss")) return Number(view.getBigUint64(at(index) + 0x20, true));
  }
  return undefined;
}

function isName(file: Uint8Array, at: number, name: string): boolean {
  const bytes = new TextEncoder().encode(`${name}\0`);
  return at + bytes.length <= file.length && bytes.every((byte, index) => file[at + index] === byte);
}
