// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableEntriesOf } from "./client-library.ts";

/** An ELF file of 64 bits with three sections: none, `.bss` with so many bytes, and the texts of their names. */
function elf(zeroedBytes: number, name = ".bss"): Uint8Array {
  const texts = new TextEncoder().encode(`\0${name}\0.shstrtab\0`);
  const file = new Uint8Array(64 + texts.length + 3 * 64);
  const view = new DataView(file.buffer);
  const sections = 64 + texts.length;
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setBigUint64(0x28, BigInt(sections), true);
  view.setUint16(0x3c, 3, true);
  view.setUint16(0x3e, 2, true);
  file.set(texts, 64);
  view.setUint32(sections + 64, 1, true);
  view.setBigUint64(sections + 64 + 0x20, BigInt(zeroedBytes), true);
  view.setUint32(sections + 128, name.length + 2, true);
  view.setBigUint64(sections + 128 + 0x18, 64n, true);
  return file;
}

describe("the reader table of a libpcsclite", () => {
  // What readelf -SW tells of the builds: Debian's 1.9.9; 2.4.1, with 16 and with 48 readers; 2.5.1.
  it.each([
    [0xcd0, 16],
    [0xd50, 16],
    [0x2450, 48],
    [0x1d0, "any"],
  ])("%i zeroed bytes are a table of %s", (bytes, entries) => {
    expect(tableEntriesOf(elf(bytes))).toBe(entries);
  });

  it("is found for every number from 1 to 255, in every release", () => {
    for (let entries = 1; entries <= 255; entries++) {
      for (const rest of [336, 464]) expect(tableEntriesOf(elf(entries * 184 + rest))).toBe(entries);
    }
  });

  it("is undefined for other files", () => {
    expect(tableEntriesOf(new Uint8Array())).toBeUndefined();
    expect(tableEntriesOf(elf(0xcd0, ".data"))).toBeUndefined();
    expect(tableEntriesOf(Uint8Array.from(elf(0xcd0)).fill(1, 4, 5))).toBeUndefined();
  });

  it("never throws for damaged files", () => {
    const whole = elf(0xcd0);
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (length, at, byte) => {
        const file = whole.slice();
        file[at] = byte;
        tableEntriesOf(file.subarray(0, length));
      }),
      { numRuns: 2000 },
    );
  });
});
