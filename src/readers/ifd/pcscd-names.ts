// SPDX-License-Identifier: MIT

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
  return `usb:${hex(vendorId)}/${hex(productId)}:libudev:${interfaceNumber}:${node}`;
}

/**
 * The name of a USB reader without its numbers, as pcscd makes it: `Friendly name [Interface name] (serial)`. The serial number
 * is left out where the interface's name has it already.
 */
export function usbReaderName(friendlyName: string, { interfaceName, serial }: IfdUsbDevice): string {
  const named = interfaceName === "" ? friendlyName : `${friendlyName} [${ascii(interfaceName)}]`;
  return serial === "" || interfaceName.includes(serial) ? named : `${named} (${serial})`;
}

/** Longest name before the numbers, in bytes: MAX_READERNAME (128) without " 00 00" and its NUL. */
const MAX_BASE_BYTES = 121;

/**
 * The name of a slot as pcscd makes it: the reader's name, its number among the readers of the same driver, and the slot,
 * both as two hexadecimal digits: `Gemalto GemPC Twin (1234) 00 01`.
 */
export function slotName(base: string, reader: number, slot: number): string {
  const encoded = new TextEncoder().encode(base);
  // A character that is cut in two is left out.
  const cut =
    encoded.length <= MAX_BASE_BYTES
      ? base
      : new TextDecoder().decode(encoded.subarray(0, MAX_BASE_BYTES)).replace(/\ufffd+$/u, "");
  return `${cut} ${hexByteText(reader)} ${hexByteText(slot)}`;
}

function hexByteText(number: number): string {
  return number.toString(16).toUpperCase().padStart(2, "0");
}

function hex(number: number): string {
  return number.toString(16).padStart(4, "0");
}

function digits(number: number): string {
  return String(number).padStart(3, "0");
}

/** Each byte beyond ASCII becomes a full stop. */
function ascii(text: string): string {
  const encoded = new TextEncoder().encode(text);
  return String.fromCharCode(...encoded.map((byte) => (byte < 0x80 ? byte : 0x2e)));
}
