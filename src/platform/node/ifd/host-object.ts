// SPDX-License-Identifier: MIT

/**
 * The functions that pcscd has for its drivers: they log what a driver does. Here they return at once, as that may be an
 * APDU with a PIN in it.
 */
export const hostFunctions = ["log_msg", "log_xxd", "log_msg_rv", "DebugLogSetLevel"] as const;

interface Machine {
  /** EI_CLASS: 32 or 64 bits. */
  readonly bits: 32 | 64;
  /** e_machine. */
  readonly number: number;
  /** e_flags. */
  readonly flags: number;
  /** The instruction that returns from a function. */
  readonly returns: readonly number[];
}

/** The architectures of Node on Linux, all with the least significant byte first. */
const machines: Readonly<Partial<Record<string, Machine>>> = {
  x64: { bits: 64, number: 62, flags: 0, returns: [0xc3] },
  ia32: { bits: 32, number: 3, flags: 0, returns: [0xc3] },
  arm64: { bits: 64, number: 183, flags: 0, returns: [0xc0, 0x03, 0x5f, 0xd6] },
  // EABI version 5, floating point in registers; bx lr.
  arm: { bits: 32, number: 40, flags: 0x0500_0400, returns: [0x1e, 0xff, 0x2f, 0xe1] },
  // Floating point in double registers; ret.
  riscv64: { bits: 64, number: 243, flags: 0x4, returns: [0x67, 0x80, 0x00, 0x00] },
  loong64: { bits: 64, number: 258, flags: 0x43, returns: [0x20, 0x00, 0x00, 0x4c] },
  // ELF version 2; blr.
  ppc64: { bits: 64, number: 21, flags: 0x2, returns: [0x20, 0x00, 0x80, 0x4e] },
};

const PAGE_BYTES = 0x1_0000;

/**
 * A shared object for Linux that has these functions, none of which does anything. It is put together here so that no compiler is
 * needed: one segment to read and execute (header, symbols, names, hash table, code), one with the dynamic section.
 *
 * Drivers expect pcscd to have the functions, and many are linked so that they cannot be loaded without.
 *
 * @returns undefined for an architecture that is not known
 * @see System V ABI, "Object Files" and "Dynamic Linking"
 */
export function hostObject(architecture: string, names: readonly string[] = hostFunctions): Uint8Array | undefined {
  const machine = machines[architecture];
  if (machine === undefined) return undefined;
  const strings = `\0${names.join("\0")}\0libscard-ifd-host.so\0`;
  const nameOffsets = names.map((_, index) => names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 1));
  const objectName = nameOffsets.reduce((_, offset, index) => offset + (names[index]?.length ?? 0) + 1, 1);
  const { header, segment, symbol, dynamic } = machine.bits === 64 ? sizes64 : sizes32;
  const symbolCount = names.length + 1;
  const symbolsAt = header + 4 * segment;
  const stringsAt = symbolsAt + symbolCount * symbol;
  const hashAt = aligned(stringsAt + strings.length, 8);
  const codeAt = aligned(hashAt + 4 * (3 + symbolCount), 16);
  const textEnd = codeAt + 16;
  const entries = [
    [DT_HASH, hashAt],
    [DT_STRTAB, stringsAt],
    [DT_SYMTAB, symbolsAt],
    [DT_STRSZ, strings.length],
    [DT_SYMENT, symbol],
    [DT_SONAME, objectName],
    [DT_NULL, 0],
  ] as const;
  const dynamicBytes = entries.length * dynamic;
  const image = new Image(machine.bits, PAGE_BYTES + dynamicBytes);
  image.header(machine, header, segment);
  image.segment(header, PT_LOAD, PF_READ | PF_EXECUTE, 0, textEnd, PAGE_BYTES);
  image.segment(header + segment, PT_LOAD, PF_READ | PF_WRITE, PAGE_BYTES, dynamicBytes, PAGE_BYTES);
  image.segment(header + 2 * segment, PT_DYNAMIC, PF_READ | PF_WRITE, PAGE_BYTES, dynamicBytes, 8);
  // Without this one the stack of the whole process would become executable.
  image.segment(header + 3 * segment, PT_GNU_STACK, PF_READ | PF_WRITE, 0, 0, 16);
  nameOffsets.forEach((name, index) => {
    image.symbol(symbolsAt + (index + 1) * symbol, name, codeAt, machine.returns.length);
  });
  image.bytes.set(new TextEncoder().encode(strings), stringsAt);
  image.hash(hashAt, symbolCount);
  image.bytes.set(machine.returns, codeAt);
  entries.forEach(([tag, value], index) => {
    image.words(PAGE_BYTES + index * dynamic, tag, value);
  });
  return image.bytes;
}

const sizes64 = { header: 64, segment: 56, symbol: 24, dynamic: 16 };
const sizes32 = { header: 52, segment: 32, symbol: 16, dynamic: 8 };

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474_e551;
const PF_EXECUTE = 1;
const PF_WRITE = 2;
const PF_READ = 4;
const DT_NULL = 0;
const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const DT_SONAME = 14;
/** ET_DYN, EV_CURRENT. */
const SHARED_OBJECT = 3;
const CURRENT_VERSION = 1;
/** STB_GLOBAL and STT_FUNC. */
const GLOBAL_FUNCTION = 0x12;

function aligned(offset: number, to: number): number {
  return Math.ceil(offset / to) * to;
}

/** Writes the structures of an object file. */
class Image {
  readonly bytes: Uint8Array;
  readonly #bits: 32 | 64;
  readonly #view: DataView;

  constructor(bits: 32 | 64, size: number) {
    this.#bits = bits;
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Words of the machine's size. */
  words(at: number, ...values: readonly number[]): void {
    const size = this.#bits / 8;
    values.forEach((value, index) => {
      this.#view.setUint32(at + index * size, value, true);
    });
  }

  header({ bits, flags, number }: Machine, headerBytes: number, segmentBytes: number): void {
    const view = this.#view;
    this.bytes.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, CURRENT_VERSION]);
    view.setUint16(16, SHARED_OBJECT, true);
    view.setUint16(18, number, true);
    view.setUint32(20, CURRENT_VERSION, true);
    // No entry point; the program headers follow; there are no sections.
    this.words(24, 0, headerBytes, 0);
    const rest = 24 + (3 * bits) / 8;
    view.setUint32(rest, flags, true);
    view.setUint16(rest + 4, headerBytes, true);
    view.setUint16(rest + 6, segmentBytes, true);
    view.setUint16(rest + 8, 4, true);
    view.setUint16(rest + 10, bits === 64 ? 64 : 40, true);
  }

  segment(at: number, type: number, flags: number, offset: number, size: number, alignment: number): void {
    this.#view.setUint32(at, type, true);
    if (this.#bits === 64) {
      this.#view.setUint32(at + 4, flags, true);
      this.words(at + 8, offset, offset, offset, size, size, alignment);
    } else {
      this.words(at + 4, offset, offset, offset, size, size, flags, alignment);
    }
  }

  symbol(at: number, name: number, value: number, size: number): void {
    this.#view.setUint32(at, name, true);
    // The number of its section: any but 0, as it is defined here.
    if (this.#bits === 64) {
      this.bytes[at + 4] = GLOBAL_FUNCTION;
      this.#view.setUint16(at + 6, 1, true);
      this.words(at + 8, value, size);
    } else {
      this.words(at + 4, value, size);
      this.bytes[at + 12] = GLOBAL_FUNCTION;
      this.#view.setUint16(at + 14, 1, true);
    }
  }

  /** A hash table with one chain, in which all symbols are. */
  hash(at: number, symbolCount: number): void {
    const chain = Array.from({ length: symbolCount }, (_, index) =>
      index > 0 && index + 1 < symbolCount ? index + 1 : 0,
    );
    [1, symbolCount, symbolCount > 1 ? 1 : 0, ...chain].forEach((value, index) => {
      this.#view.setUint32(at + 4 * index, value, true);
    });
  }
}
