// SPDX-License-Identifier: MIT

import { usbId } from "../names/index.ts";

/** What is known of a USB reader that a driver of pcsc-lite is to have; `UsbInterfaceDescription` has all of it. */
export interface IfdUsbDevice {
  readonly vendorId: number;
  readonly productId: number;
  /** The serial number of the device; empty where there is none. */
  readonly serial: string;
  /** Where it is plugged in: bus and ports, as "1-2.4". */
  readonly portPath: string;
  /** Bus number and address at this moment. */
  readonly bus: number;
  readonly address: number;
  readonly interfaceNumber: number;
  /** The string of iInterface; empty where there is none. */
  readonly interfaceName: string;
}

/**
 * What a driver is given to find its USB reader by, as pcscd with libudev writes it:
 * `usb:08e6/3437:libudev:0:/dev/bus/usb/008/047`.
 *
 * @see ifdhandler.h of pcsc-lite, IFDHCreateChannelByName
 */
export function usbDeviceName({ vendorId, productId, interfaceNumber, bus, address }: IfdUsbDevice): string {
  const node = `/dev/bus/usb/${digits(bus)}/${digits(address)}`;
  return `usb:${usbId({ vendorId, productId }, "/")}:libudev:${interfaceNumber}:${node}`;
}

function digits(number: number): string {
  return String(number).padStart(3, "0");
}
