// SPDX-License-Identifier: MIT

import { readerKey } from "../../port/index.ts";
import type { UsbInterfaceDescription } from "../ccid/index.ts";
import { usbId, usbReaderName } from "../names/index.ts";
import { knownReaderName } from "./known-readers.ts";

/** pcscd writes the number of a reader with two hexadecimal digits. */
const MOST_NUMBERS = 256;

/**
 * The name of a reader but for its numbers, as pcscd makes it: the name that libccid lists, or that the device gives itself; then the
 * name of the interface in brackets, and the serial number in parentheses unless the interface's name has it already.
 */
export function baseName(description: UsbInterfaceDescription): string {
  return usbReaderName(friendlyName(description), description);
}

/** The name of one slot of a reader that the configuration gives a name: the further ones have a number behind it. */
export function aliasName(alias: string, slot: number): string {
  return slot === 0 ? alias : `${alias} ${slot}`;
}

/**
 * What stays the same of a reader over restarts: vendor, product, serial number, the port that it is plugged into, and its
 * interface. A slot adds its number.
 */
export function interfaceId(description: UsbInterfaceDescription): string {
  const { interfaceNumber, portPath, serial } = description;
  // An id has at most 255 bytes.
  const known = [...serial].slice(0, 60).join("").replaceAll(":", ".");
  return `usb:${usbId(description)}:${known}:${portPath}:${interfaceNumber}`;
}

/** A number that a reader has. */
interface TakenNumber {
  readonly number: number;
  readonly driver: string;
  readonly holder: object;
}

/**
 * Numbers readers as pcscd does: all of a driver count together, and one that comes has the first number that is free. One that was
 * here before has the number that it had, unless another has it now.
 */
export class ReaderNumbers {
  readonly #taken = new Map<string, TakenNumber>();
  readonly #before = new Map<string, number>();

  /**
   * The number of a reader, until it is given back.
   *
   * @param driver whose readers it is counted among
   * @param holder who gives it back: a reader that is plugged in again may take it before the one that was pulled has ended
   */
  take(id: string, driver: string, holder: object): number {
    const own = this.#taken.get(id);
    const number = own?.driver === driver ? own.number : this.#free(id, driver);
    this.#taken.set(id, { number, driver, holder });
    this.#before.set(id, number);
    return number;
  }

  free(id: string, holder: object): void {
    if (this.#taken.get(id)?.holder === holder) this.#taken.delete(id);
  }

  #free(id: string, driver: string): number {
    const ofDriver = [...this.#taken.values()].filter((taken) => taken.driver === driver);
    const taken = new Set(ofDriver.map(({ number }) => number));
    const before = this.#before.get(id);
    let number = before !== undefined && !taken.has(before) ? before : 0;
    while (taken.has(number) && number < MOST_NUMBERS) number++;
    return number;
  }
}

/** Whether two names mean the same reader. */
export function isSameReader(a: string, b: string): boolean {
  return readerKey(a) === readerKey(b);
}

function friendlyName(description: UsbInterfaceDescription): string {
  const { manufacturer, product } = description;
  const known = knownReaderName(usbId(description));
  if (known !== undefined) return known;
  const own = product.toLowerCase().startsWith(manufacturer.toLowerCase()) ? product : `${manufacturer} ${product}`;
  return own.trim() || `USB reader ${usbId(description)}`;
}

/** What an interface is called: by people, by vendor and product, and by its id. */
export function describeUsbInterface(description: UsbInterfaceDescription): {
  readonly id: string;
  readonly device: string;
  readonly title: string;
} {
  return { id: interfaceId(description), device: usbId(description), title: baseName(description) };
}
