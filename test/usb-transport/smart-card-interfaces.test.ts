// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { smartCardInterfaces } from "../../src/readers/ccid/index.ts";
import { configurationOf, readerInterface } from "./sysfs-tree.ts";

/** A keyboard: an interface of class 3 with its 9-byte class descriptor, also of type 21h. */
const keyboard = Uint8Array.of(9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x11, 1, 0, 1, 0x22, 65, 0, 7, 5, 0x81, 3, 8, 0, 10);

describe("smart card interfaces", () => {
  test("of a keyboard with a reader: the reader's alone", () => {
    const [found, ...others] = smartCardInterfaces(configurationOf(keyboard, readerInterface(1, { nameIndex: 4 })));
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      configuration: 1,
      interfaceNumber: 1,
      interfaceClass: 0x0b,
      interfaceProtocol: 0,
      nameIndex: 4,
      endpoints: {
        bulkOut: { address: 0x01, maxPacketBytes: 64 },
        bulkIn: { address: 0x82, maxPacketBytes: 64 },
        interruptIn: { address: 0x83, maxPacketBytes: 8 },
      },
    });
    expect(found?.classDescriptor).toEqual(Uint8Array.of(54, 0x21, 0x10, 1, ...new Array<number>(50).fill(1)));
  });

  test("two in one device, in their order", () => {
    const both = smartCardInterfaces(configurationOf(readerInterface(1), readerInterface(2)));
    expect(both.map(({ interfaceNumber }) => interfaceNumber)).toEqual([1, 2]);
    expect(both.map(({ classDescriptor }) => classDescriptor[10])).toEqual([1, 2]);
  });

  test("a class descriptor behind the last endpoint, as in the OZ776", () => {
    const [found] = smartCardInterfaces(configurationOf(readerInterface(0, { classAtEnd: true })));
    expect(found?.classDescriptor).toHaveLength(54);
  });

  test("of the vendor's own class where it has the descriptor, and no other", () => {
    const own = readerInterface(0, { interfaceClass: 0xff, classType: 0xff });
    expect(smartCardInterfaces(configurationOf(own))).toHaveLength(1);
    const other = Uint8Array.of(9, 4, 0, 0, 0, 0xff, 0, 0, 0);
    expect(smartCardInterfaces(configurationOf(other))).toEqual([]);
  });

  test("an ICCD without endpoints", () => {
    const [found] = smartCardInterfaces(configurationOf(readerInterface(0, { protocol: 1, endpoints: false })));
    expect(found).toMatchObject({ interfaceProtocol: 1, endpoints: {} });
  });

  test("alternate settings other than 0 are left out", () => {
    const alternate = readerInterface(0);
    alternate[3] = 1;
    expect(smartCardInterfaces(configurationOf(readerInterface(0), alternate))).toHaveLength(1);
    expect(smartCardInterfaces(configurationOf(alternate))).toEqual([]);
  });

  test("only of the configuration that is in use", () => {
    const second = configurationOf(readerInterface(3));
    second[5] = 2;
    const all = Uint8Array.of(...configurationOf(readerInterface(0)), ...second);
    expect(smartCardInterfaces(all).map(({ interfaceNumber }) => interfaceNumber)).toEqual([0, 3]);
    expect(smartCardInterfaces(all, 2).map(({ interfaceNumber }) => interfaceNumber)).toEqual([3]);
  });

  test("high-speed endpoints: bits 11 and 12 are no part of the size", () => {
    const reader = readerInterface(0);
    reader.set([0x00, 0x0a], 9 + 54 + 4);
    expect(smartCardInterfaces(configurationOf(reader))[0]?.endpoints.bulkOut?.maxPacketBytes).toBe(512);
  });

  test("of any bytes: it ends, and what it finds is whole", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 70 }),
      fc.constant(readerInterface(0)),
      fc.constant(keyboard),
      fc.constant(configurationOf()),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(600), (pieces, cut) => {
        const bytes = Uint8Array.from(pieces.flatMap((one) => [...one])).subarray(0, cut);
        for (const { classDescriptor } of smartCardInterfaces(bytes)) expect([0, 54]).toContain(classDescriptor.length);
      }),
    );
  });
});
