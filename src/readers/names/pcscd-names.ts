// SPDX-License-Identifier: MIT

import { hexWord } from "../../base/binary/index.ts";

/** The longest name of a reader of pcsc-lite without its numbers, in bytes: MAX_READERNAME, 128, less " 00 00" and the NUL. */
const MAX_BASE_BYTES = 121;

/** Vendor and product of a USB device, four digits each: `072f:2200`. */
export function usbId(
  { productId, vendorId }: { readonly vendorId: number; readonly productId: number },
  separator = ":",
): string {
  return `${hexWord(vendorId)}${separator}${hexWord(productId)}`.toLowerCase();
}

/**
 * The name of a USB reader without its numbers, as pcscd makes it: `Friendly name [Interface name] (serial)`. The serial number
 * is left out where the interface's name has it already.
 */
export function usbReaderName(
  friendlyName: string,
  { interfaceName, serial }: { readonly interfaceName: string; readonly serial: string },
): string {
  const named = interfaceName === "" ? friendlyName : `${friendlyName} [${asciiOf(interfaceName)}]`;
  return cut(serial === "" || interfaceName.includes(serial) ? named : `${named} (${serial})`);
}

/**
 * The name of a slot as pcscd makes it: the reader's name, its number among the readers of the same driver, and the slot,
 * both as two hexadecimal digits: `Gemalto GemPC Twin (1234) 00 01`. A name that is too long is cut.
 */
export function slotName(base: string, reader: number, slot: number): string {
  return `${cut(base)} ${twoDigits(reader)} ${twoDigits(slot)}`;
}

/** A character that is cut in two is left out. */
function cut(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_BASE_BYTES) return name;
  return new TextDecoder().decode(bytes.subarray(0, MAX_BASE_BYTES)).replace(/\ufffd+$/u, "");
}

/** pcscd has a full stop for each byte that is not ASCII. */
function asciiOf(text: string): string {
  const encoded = new TextEncoder().encode(text);
  return String.fromCharCode(...encoded.map((byte) => (byte < 0x80 ? byte : 0x2e)));
}

/** Three where there are more than 256 readers of a driver. */
function twoDigits(number: number): string {
  return number.toString(16).toUpperCase().padStart(2, "0");
}
