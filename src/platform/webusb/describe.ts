// SPDX-License-Identifier: MIT

import { smartCardInterfaces, UsbError, type UsbInterfaceDescription } from "../../readers/ccid/index.ts";
import { bytesOf, failureIn } from "./transfers.ts";
import type { WebUsbDevice } from "./web-usb.ts";

// USB 2.0, 9.4.3: GET_DESCRIPTOR, and the descriptor of a configuration.
const GET_DESCRIPTOR = 6;
const CONFIGURATION = 0x0200;
const CONFIGURATION_BYTES = 9;

/** bInterfaceClass of readers. */
const SMART_CARD = 0x0b;

/**
 * Opens a device where it is not open, and describes its smart card interfaces; none where it has no such. WebUSB shows no class descriptors,
 * so the configuration's descriptor is asked of the device itself. A page does not learn where a device is plugged in:
 * `portPath` is empty, `bus` and `address` are 0.
 *
 * @throws UsbError `access-denied` where the page or this user may not open it, `busy`, `gone`, or `io`
 */
export async function describeWebUsb(device: WebUsbDevice): Promise<readonly UsbInterfaceDescription[]> {
  if (!device.opened) await failureIn(device, "open", () => device.open());
  const descriptor = await configurationDescriptor(device);
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
    if (first?.interfaceClass !== SMART_CARD) return [];
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
  const { deviceVersionMajor: major, deviceVersionMinor: minor, deviceVersionSubminor: subminor } = device;
  return {
    vendorId: device.vendorId,
    productId: device.productId,
    deviceRelease: (major << 8) | (minor << 4) | subminor,
    manufacturer: device.manufacturerName ?? "",
    product: device.productName ?? "",
    serial: device.serialNumber ?? "",
    portPath: "",
    bus: 0,
    address: 0,
  };
}

async function configurationDescriptor(device: WebUsbDevice): Promise<Uint8Array> {
  const head = await readDescriptor(device, CONFIGURATION_BYTES);
  const [, , low = 0, high = 0] = head;
  const total = low | (high << 8);
  if (head.length < CONFIGURATION_BYTES || total < CONFIGURATION_BYTES) {
    throw new UsbError(
      "io",
      `the device's configuration descriptor has ${head.length} bytes, and says ${total}: unplug it and plug it in again`,
    );
  }
  return readDescriptor(device, total);
}

async function readDescriptor(device: WebUsbDevice, length: number): Promise<Uint8Array> {
  const setup = {
    requestType: "standard",
    recipient: "device",
    request: GET_DESCRIPTOR,
    value: CONFIGURATION,
    index: 0,
  } as const;
  return bytesOf(await failureIn(device, "describe", () => device.controlTransferIn(setup, length)), length);
}

function interfaceName({ configuration }: WebUsbDevice, number: number): string {
  const found = configuration?.interfaces.find(({ interfaceNumber }) => interfaceNumber === number);
  return found?.alternates[0]?.interfaceName ?? "";
}
