// SPDX-License-Identifier: MIT

import type { UsbInterfaceDescription } from "../ccid/index.ts";
import { usbId } from "../names/index.ts";

/** Which readers are wanted: those that fit all that is given; without any, all. */
export interface UsbSelection {
  /** Vendor and product, four hexadecimal digits each: `072f:2200`. */
  readonly device?: string;
  /** Several such, of which it is one. */
  readonly devices?: readonly string[];
  /** The serial number, as the device has it. */
  readonly serial?: string;
  /** Bus and ports that it is plugged into: `1-2.4`. */
  readonly port?: string;
  /** The number of the interface, for devices with several. */
  readonly interface?: number;
  /**
   * Whether programs may send commands to the reader's firmware (IOCTL_SMARTCARD_VENDOR_IFD_EXCHANGE), as libccid with
   * DRIVER_OPTION_CCID_EXCHANGE_AUTHORIZED. @default false
   */
  readonly allowEscape?: boolean;
  /** Whether a reader is used whose firmware is known not to work. @default false */
  readonly allowBogusFirmware?: boolean;
  /** The name that it has here, instead of the one that pcscd would give it. */
  readonly name?: string;
  /** What drives it: `own`, which is the default where ours can; `pcsc-lite`, the driver that is installed for pcscd; or the path of such a driver. */
  readonly driver?: string;
}

/** Whether a reader is of a selection. */
function fits(selection: UsbSelection, description: UsbInterfaceDescription): boolean {
  const { device, devices, port, serial } = selection;
  return (
    (devices === undefined || devices.includes(usbId(description))) &&
    (device === undefined || device.toLowerCase() === usbId(description)) &&
    (serial === undefined || serial === description.serial) &&
    (port === undefined || port === description.portPath) &&
    (selection.interface === undefined || selection.interface === description.interfaceNumber)
  );
}

/** The selection that a reader belongs to: the first that names something of it, else the first that fits. */
export function selectionOf(
  selections: readonly UsbSelection[],
  description: UsbInterfaceDescription,
): UsbSelection | undefined {
  const fitting = selections.filter((selection) => fits(selection, description));
  const named = fitting.find(
    ({ device, devices, port, serial }) => (device ?? devices ?? port ?? serial) !== undefined,
  );
  return named ?? fitting[0];
}
