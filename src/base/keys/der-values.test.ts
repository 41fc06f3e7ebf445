// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { encodeHex } from "../../base/binary/index.ts";
import { integer, objectIdentifier, smallInteger, time } from "./der-values.ts";

it.each([
  ["00", [0]],
  ["00", []],
  ["7F", [0, 0, 0x7f]],
  ["0080", [0x80]],
  ["0100", [1, 0]],
])("INTEGER %s is written in as few bytes as hold it (X.690, 8.3)", (expected, bytes) => {
  expect(encodeHex(integer(Uint8Array.from(bytes))).slice(4)).toBe(expected);
});

it("numbers have their sign bit clear", () => {
  expect(encodeHex(smallInteger(0x80))).toBe("02020080");
  expect(encodeHex(smallInteger(0xffff_ffff))).toBe("020500FFFFFFFF");
});

it.each([
  ["2.5.4.3", "0603550403"],
  ["1.2.840.113549.1.1.11", "06092A864886F70D01010B"],
  ["1.3.6.1.4.1.41482.3.8", "060A2B0601040182C40A0308"],
])("OBJECT IDENTIFIER %s (X.690, 8.19)", (dotted, expected) => {
  expect(encodeHex(objectIdentifier(dotted))).toBe(expected);
});

it("times are UTCTime to 2049, then GeneralizedTime (RFC 5280, 4.1.2.5)", () => {
  expect(encodeHex(time("20491231235959"))).toBe("170D3439313233313233353935395A");
  expect(encodeHex(time("20500101000000"))).toBe("180F32303530303130313030303030305A");
});
