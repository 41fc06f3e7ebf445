// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { slotName, usbId, usbReaderName } from "./pcscd-names.ts";

test("vendor and product have four lower-case digits each", () => {
  expect(usbId({ vendorId: 0x72f, productId: 0xb100 })).toBe("072f:b100");
  expect(usbId({ vendorId: 0x8e6, productId: 7 }, "/")).toBe("08e6/0007");
});

test.each([
  ["", "", "Reader"],
  ["OMNIKEY", "", "Reader [OMNIKEY]"],
  ["", "0123", "Reader (0123)"],
  ["CCID", "0123", "Reader [CCID] (0123)"],
  ["CCID 0123", "0123", "Reader [CCID 0123]"],
  ["Löser", "", "Reader [L..ser]"],
  ["", "9".repeat(200), `Reader (${"9".repeat(113)}`],
])("interface %j and serial number %j give %j", (interfaceName, serial, name) => {
  expect(usbReaderName("Reader", { interfaceName, serial })).toBe(name);
});

test("numbers follow in two hexadecimal digits, and a name that is too long is cut", () => {
  expect(slotName("Reader", 0, 0)).toBe("Reader 00 00");
  expect(slotName("Reader", 26, 31)).toBe("Reader 1A 1F");
  expect(slotName("x".repeat(200), 0, 1)).toBe(`${"x".repeat(121)} 00 01`);
  expect(slotName(`${"x".repeat(120)}ö`, 0, 0)).toBe(`${"x".repeat(120)} 00 00`);
});
