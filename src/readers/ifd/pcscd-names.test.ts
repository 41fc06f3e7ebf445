// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { type IfdUsbDevice, slotName, usbDeviceName, usbReaderName } from "./pcscd-names.ts";

const device: IfdUsbDevice = {
  vendorId: 0x8e6,
  productId: 0x3437,
  serial: "",
  portPath: "8-1.2",
  bus: 8,
  address: 47,
  interfaceNumber: 0,
  interfaceName: "",
};

test("a driver finds its device by the name that pcscd gives with libudev", () => {
  expect(usbDeviceName(device)).toBe("usb:08e6/3437:libudev:0:/dev/bus/usb/008/047");
  expect(usbDeviceName({ ...device, vendorId: 0x1050, productId: 7, bus: 101, interfaceNumber: 2 })).toBe(
    "usb:1050/0007:libudev:2:/dev/bus/usb/101/047",
  );
});

test.each([
  ["", "", "Reader"],
  ["OMNIKEY", "", "Reader [OMNIKEY]"],
  ["", "0123", "Reader (0123)"],
  ["CCID", "0123", "Reader [CCID] (0123)"],
  ["CCID 0123", "0123", "Reader [CCID 0123]"],
  ["Löser", "", "Reader [L..ser]"],
])("interface %j and serial number %j give %j", (interfaceName, serial, name) => {
  expect(usbReaderName("Reader", { ...device, interfaceName, serial })).toBe(name);
});

test("numbers follow in two hexadecimal digits, and a name that is too long is cut", () => {
  expect(slotName("Reader", 0, 0)).toBe("Reader 00 00");
  expect(slotName("Reader", 26, 31)).toBe("Reader 1A 1F");
  expect(slotName("x".repeat(200), 0, 1)).toBe(`${"x".repeat(121)} 00 01`);
  expect(slotName(`${"x".repeat(120)}ö`, 0, 0)).toBe(`${"x".repeat(120)} 00 00`);
});
