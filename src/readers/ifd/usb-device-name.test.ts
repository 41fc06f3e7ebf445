// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { type IfdUsbDevice, usbDeviceName } from "./usb-device-name.ts";

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
