// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex } from "../base/binary/index.ts";
import {
  type AttributeFacts,
  attributes,
  channelIdOf,
  endAttributeText,
  type ReaderDescription,
  readerAttribute,
} from "./index.ts";

const description: ReaderDescription = {
  name: "Lesé",
  id: "virtual:1",
  vendor: "scard",
  product: "Virtual Reader",
  type: "vendor",
  protocols: ["raw", "t0", "t1"],
  canEject: true,
};
const empty: AttributeFacts = { description, cardPresent: false, powered: false, atr: undefined, protocol: undefined };
const full: AttributeFacts = {
  ...{ description: { ...description, serial: "0815", canEject: false }, cardPresent: true, powered: true },
  ...{
    atr: Uint8Array.of(0x3b, 0x00),
    protocol: "t1",
    version: 0x0102_0003,
    channelId: 0x0020_0001,
    maxInputBytes: 261,
  },
};

function all(facts: AttributeFacts): Record<string, string> {
  const entries = Object.entries(attributes).map(([name, { value }]) => [name, readerAttribute(value, facts)] as const);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, encodeHex(value)]])),
  );
}

const ascii = (text: string): string => encodeHex(new TextEncoder().encode(text));

describe("readerAttribute", () => {
  it("has what follows from a description, of an empty reader", () => {
    expect(all(empty)).toEqual({
      "vendor-name": ascii("scard"),
      "vendor-ifd-type": ascii("Virtual Reader"),
      "protocol-types": "03000000",
      characteristics: "02000000",
      "icc-presence": "00",
      "icc-interface-status": "00",
      "icc-type-per-atr": "00",
      "device-friendly-name-a": "4C6573C3A9",
      "device-friendly-name-w": "4C0065007300E900",
      "device-system-name-a": ascii("virtual:1"),
      "device-system-name-w": "7600690072007400750061006C003A003100",
    });
  });

  it("has what is known of a card with power, and of the reader beside its description", () => {
    expect(all(full)).toMatchObject({
      "vendor-ifd-serial-no": ascii("0815"),
      "vendor-ifd-version": "03000201",
      "channel-id": "01002000",
      maxinput: "05010000",
      characteristics: "00000000",
      "icc-presence": "02",
      "icc-interface-status": "01",
      "icc-type-per-atr": "01",
      "atr-string": "3B00",
      "current-protocol-type": "02000000",
    });
  });

  it("has nothing for other numbers", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (number) => {
        const isKnown = Object.values(attributes).some(({ value }) => value === number);
        if (!isKnown) expect(readerAttribute(number, full)).toBeUndefined();
      }),
    );
  });
});

describe("endAttributeText", () => {
  it.each([
    ["vendor-name", "7363", false, "7363"],
    ["vendor-name", "7363", true, "736300"],
    ["vendor-name", "73630000", false, "7363"],
    ["vendor-name", "736300", true, "736300"],
    ["vendor-ifd-serial-no", "", true, "00"],
    ["vendor-ifd-serial-no", "", false, ""],
    ["device-friendly-name-a", "41", false, "4100"],
    ["device-friendly-name-a", "4100", true, "4100"],
    ["device-friendly-name-w", "41000001", false, "410000010000"],
    ["device-friendly-name-w", "41000000", true, "41000000"],
    ["device-system-name-w", "4100FF", true, "41000000"],
    ["atr-string", "3B00", true, "3B00"],
    ["protocol-types", "03000000", true, "03000000"],
    ["max-clk", "00000000", true, "00000000"],
  ] as const)("of %s %s (%s) gives %s", (name, given, vendorNul, ended) => {
    const bytes = decodeHex(given);
    if (!bytes.ok) throw new Error(bytes.error.message);
    expect(encodeHex(endAttributeText(attributes[name].value, bytes.value, vendorNul))).toBe(ended);
  });
});

it("the channel is read from the value of its attribute", () => {
  expect(channelIdOf(Uint8Array.of(0x02, 0x01, 0x20, 0x00))).toBe(0x0020_0102);
  expect([channelIdOf(undefined), channelIdOf(new Uint8Array(3))]).toEqual([undefined, undefined]);
});
