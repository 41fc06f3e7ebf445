// SPDX-License-Identifier: MIT

import { SMART_CARD_CLASS, smartCardInterfaces, type UsbInterfaceDescription } from "../../readers/ccid/index.ts";
import { readConfigurationDescriptor } from "./control-requests.ts";
import { bytesOf, failureIn } from "./transfers.ts";
import type { WebUsbDevice, WebUsbIdentity } from "./web-usb.ts";

/**
 * Opens a device where it is not open, and describes its smart card interfaces; none where it has no such. WebUSB shows no class descriptors,
 * so the configuration's descriptor is asked of the device itself. A page does not learn where a device is plugged in:
 * `portPath` is empty, `bus` and `address` are 0.
 *
 * @throws UsbError `access-denied` where the page or this user may not open it, `busy`, `gone`, or `io`
 */
export async function describeWebUsb(device: WebUsbDevice): Promise<readonly UsbInterfaceDescription[]> {
  if (!device.opened) await failureIn(device, "open", () => device.open());
  const descriptor = await readConfigurationDescriptor(async (setup, length) =>
    bytesOf(await failureIn(device, "describe", () => device.controlTransferIn(setup, length)), length),
  );
  const [, , , , , value = 1] = descriptor;
  if (device.configuration?.configurationValue !== value) {
    await failureIn(device, "configure", () => device.selectConfiguration(value));
  }
  return smartCardInterfaces(descriptor).map(({ configuration, nameIndex, ...found }) => ({
    ...describeDevice(device),
    ...found,
    interfaceName: interfaceName(device, found.interfaceNumber),
  }));
}

/**
 * What WebUSB itself says of a device's interfaces of the smart card class, without opening it: no class descriptor, no endpoints. Readers
 * of the vendor's own class are not among them.
 */
export function previewWebUsb(device: WebUsbDevice): readonly UsbInterfaceDescription[] {
  const interfaces = device.configurations[0]?.interfaces ?? [];
  return interfaces.flatMap(({ alternates: [first], interfaceNumber }) => {
    if (first?.interfaceClass !== SMART_CARD_CLASS) return [];
    const { interfaceClass, interfaceName: name, interfaceProtocol } = first;
    return {
      ...describeDevice(device),
      interfaceNumber,
      interfaceName: name ?? "",
      interfaceClass,
      interfaceProtocol,
      classDescriptor: new Uint8Array(),
      endpoints: {},
    };
  });
}

function describeDevice(device: WebUsbDevice) {
  return { ...identityOf(device), portPath: "", bus: 0, address: 0 };
}

/** What WebUSB says of a device, in the driver's words. */
export function identityOf(
  device: WebUsbIdentity,
): Pick<UsbInterfaceDescription, "deviceRelease" | "manufacturer" | "product" | "productId" | "serial" | "vendorId"> {
  const { deviceVersionMajor: major, deviceVersionMinor: minor, deviceVersionSubminor: subminor } = device;
  return {
    vendorId: device.vendorId,
    productId: device.productId,
    deviceRelease: (major << 8) | (minor << 4) | subminor,
    manufacturer: device.manufacturerName ?? "",
    product: device.productName ?? "",
    serial: device.serialNumber ?? "",
  };
}

function interfaceName({ configuration }: WebUsbDevice, number: number): string {
  const found = configuration?.interfaces.find(({ interfaceNumber }) => interfaceNumber === number);
  return found?.alternates[0]?.interfaceName ?? "";
}
