// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { type ClassDescriptor, decodeClassDescriptor, knownQuirks, type Quirk } from "../../src/readers/ccid/index.ts";

interface KnownReader {
  readonly id: string;
  readonly release: number;
  readonly protocol: number;
  readonly endpoints: number;
  readonly bytes: Uint8Array;
  readonly descriptor: ClassDescriptor;
}

const lines = readFileSync(new URL("ccid-readers.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));

const readers: readonly KnownReader[] = lines.map((line) => {
  const [id = "", release = "", protocol = "", endpoints = "", hex = ""] = line.split(" ");
  const decoded = decodeClassDescriptor(hexBytes(hex));
  if (!decoded.ok) throw new Error(`${line}: ${decoded.error.message}`);
  const numbers = { protocol: Number(protocol), endpoints: Number(endpoints) };
  return { id, release: Number.parseInt(release, 16), ...numbers, bytes: hexBytes(hex), descriptor: decoded.value };
});

function count(matches: (reader: KnownReader) => boolean): number {
  return readers.filter(matches).length;
}

describe("the descriptors of 691 files about real readers", () => {
  test("all are read, and what they are is counted as their files say", () => {
    expect(readers).toHaveLength(773);
    expect(count(({ descriptor }) => descriptor.pin.verify && descriptor.pin.modify)).toBe(96);
    expect(count(({ descriptor }) => descriptor.pin.verify)).toBe(98);
    expect(count(({ descriptor }) => descriptor.slots > 1)).toBe(49);
    expect(count(({ descriptor }) => descriptor.slots === 8)).toBe(2);
    expect(count(({ descriptor }) => descriptor.fields.bcdCCID === 0x1001)).toBe(3);
    expect(count(({ descriptor }) => descriptor.fields.bMaxCCIDBusySlots === 0)).toBe(6);
    expect(count(({ descriptor }) => descriptor.fields.bMaxCCIDBusySlots === 8)).toBe(2);
    expect(count(({ descriptor }) => descriptor.fields.bDescriptorType === 0xff)).toBe(5);
    expect(count(({ protocol }) => protocol === 1)).toBe(3);
    expect(count(({ protocol }) => protocol === 2)).toBe(9);
    expect(count(({ descriptor }) => descriptor.fields.dwFeatures === 0x0001_00ba)).toBe(63);
  });

  test("every value is one that the driver can work with", () => {
    for (const { descriptor, id } of readers) {
      const { busySlots, maxIfsd, maxMessageBytes, protocols, slots, voltages } = descriptor;
      const where = { id, busySlots, maxIfsd, maxMessageBytes, slots };
      expect(busySlots >= 1 && busySlots <= slots, JSON.stringify(where)).toBe(true);
      expect(maxIfsd >= 1 && maxIfsd <= 254, JSON.stringify(where)).toBe(true);
      expect(maxMessageBytes >= 271 && maxMessageBytes <= 66_048, JSON.stringify(where)).toBe(true);
      expect(protocols.length > 0 && voltages.length > 0, JSON.stringify(where)).toBe(true);
    }
  });

  test("the fields are where the specification has them: written again, they are the same bytes", () => {
    for (const { bytes, descriptor, id } of readers) {
      const { fields } = descriptor;
      expect(encodeHex(bytes.subarray(0, 2)), id).toBe(fields.bDescriptorType === 0xff ? "36FF" : "3621");
      const view = new DataView(bytes.buffer);
      expect(view.getUint32(40, true), id).toBe(fields.dwFeatures);
      expect(view.getUint32(44, true), id).toBe(fields.dwMaxCCIDMessageLength);
      expect(view.getUint8(53), id).toBe(fields.bMaxCCIDBusySlots);
    }
  });

  test("every quirk is about a reader that is known", () => {
    const known = new Set(readers.map(({ id }) => id));
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, "0");
    const unknown = knownQuirks
      .filter(({ product }) => product !== undefined)
      .map(({ product = 0, vendor }) => `${hex(vendor)}:${hex(product)}`)
      .filter((id) => !known.has(id));
    expect([...new Set(unknown)].sort()).toEqual([]);
  });
});

test("docs/interop/ccid.md has every quirk, and no other", () => {
  const page = readFileSync(new URL("../../docs/interop/ccid.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => /^\| [0-9A-F]{4}:/.test(line));
  expect(rows).toEqual(knownQuirks.map(rowOf));
});

/** A line of the table in docs/interop/ccid.md. */
function rowOf({ onlyLevel, product, releases, source, vendor, why }: Quirk): string {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, "0");
  const bcd = (value: number): string => `${(value >> 8).toString(16)}.${(value & 0xff).toString(16).padStart(2, "0")}`;
  const { from, to } = releases ?? {};
  const range =
    from !== undefined && to !== undefined ? `${bcd(from)} to ${bcd(to)}` : to !== undefined ? `to ${bcd(to)}` : "all";
  const which = onlyLevel === undefined ? range : `${range}, ${onlyLevel}`;
  return `| ${hex(vendor)}:${product === undefined ? "all" : hex(product)} | ${which} | ${why} | ${source} |`;
}
