// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import type { UsbEndpoint, UsbInterfaceDescription } from "./usb-interface.ts";

/** What the descriptors of a device say of one of its smart card interfaces. */
export interface SmartCardInterface
  extends Pick<
    UsbInterfaceDescription,
    "classDescriptor" | "endpoints" | "interfaceClass" | "interfaceNumber" | "interfaceProtocol"
  > {
  /** bConfigurationValue of the configuration that it belongs to. */
  readonly configuration: number;
  /** iInterface: the index of the string with its name, 0 where there is none. */
  readonly nameIndex: number;
}

// USB 2.0, table 9-5: types of descriptors; CCID 1.1, 5.1: the class descriptor.
const CONFIGURATION = 2;
const INTERFACE = 4;
const ENDPOINT = 5;
const SMART_CARD_CLASS_DESCRIPTOR = 0x21;

/** bLength of the class descriptor. */
const CLASS_DESCRIPTOR_BYTES = 54;

/** bInterfaceClass of smart card readers. CCID 1.1, 5.1 */
export const SMART_CARD_CLASS = 0x0b;

/** bInterfaceClass of the vendor's own, which readers older than the class have. */
const VENDOR_SPECIFIC = 0xff;

const BULK = 2;
const INTERRUPT = 3;
const DIRECTION_IN = 0x80;

/**
 * Finds the smart card interfaces in configuration descriptors, one after the other, as GET_DESCRIPTOR answers and as
 * Linux has them in sysfs: interfaces of the smart card class, and interfaces of the vendor's own class that have a smart card class
 * descriptor (older readers). The class descriptor stands behind the interface, or, in some readers, behind the last endpoint.
 *
 * Bytes of a device: whatever they are, it ends, and what cannot be read is left out. Alternate settings other than 0 are
 * left out, as no reader needs one.
 *
 * @param bytes of all configurations @param configuration only that one, by its bConfigurationValue
 */
export function smartCardInterfaces(bytes: Uint8Array, configuration?: number): readonly SmartCardInterface[] {
  return interfacesIn(bytes, configuration).filter(isSmartCardInterface);
}

/**
 * Finds all interfaces, whatever their class, as {@link smartCardInterfaces} does.
 *
 * @param bytes of all configurations @param configuration only that one, by its bConfigurationValue
 */
export function interfacesIn(bytes: Uint8Array, configuration?: number): readonly SmartCardInterface[] {
  const found: Draft[] = [];
  let current = 0;
  let draft: Draft | undefined;
  for (const descriptor of descriptorsIn(bytes)) {
    const [, type, second = 0, third = 0] = descriptor;
    if (type === CONFIGURATION) {
      current = descriptor[5] ?? 0;
      draft = undefined;
    } else if (type === INTERFACE) {
      draft = third === 0 ? draftOf(descriptor, current) : undefined;
      if (draft !== undefined) found.push(draft);
    } else if (type === ENDPOINT) draft?.endpoints.push({ address: second, kind: third & 3, ...packetOf(descriptor) });
    else if (isClassDescriptor(descriptor) && draft !== undefined) draft.classDescriptor ??= copyBytes(descriptor);
  }
  return found.filter((one) => configuration === undefined || one.configuration === configuration).map(finished);
}

/** An interface while its descriptors are read. */
interface Draft {
  readonly configuration: number;
  readonly interfaceNumber: number;
  readonly interfaceClass: number;
  readonly interfaceProtocol: number;
  readonly nameIndex: number;
  readonly endpoints: (UsbEndpoint & { readonly kind: number })[];
  classDescriptor: Uint8Array | undefined;
}

function* descriptorsIn(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = bytes[at] ?? 0;
    if (length < 2) return;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

function draftOf(descriptor: Uint8Array, configuration: number): Draft | undefined {
  if (descriptor.length < 9) return undefined;
  const [, , interfaceNumber = 0, , , interfaceClass = 0, , interfaceProtocol = 0, nameIndex = 0] = descriptor;
  return {
    configuration,
    interfaceNumber,
    interfaceClass,
    interfaceProtocol,
    nameIndex,
    endpoints: [],
    classDescriptor: undefined,
  };
}

function packetOf(descriptor: Uint8Array): { maxPacketBytes: number } {
  // Bits 11 and 12 are the transactions of a microframe of high speed.
  return { maxPacketBytes: (descriptor[4] ?? 0) | (((descriptor[5] ?? 0) & 7) << 8) };
}

function isClassDescriptor(descriptor: Uint8Array): boolean {
  const type = descriptor[1];
  return descriptor.length === CLASS_DESCRIPTOR_BYTES && (type === SMART_CARD_CLASS_DESCRIPTOR || type === 0xff);
}

/** Whether an interface is of the smart card class, or of the vendor's own class with a smart card class descriptor. */
export function isSmartCardInterface({
  classDescriptor,
  interfaceClass,
}: Pick<UsbInterfaceDescription, "classDescriptor" | "interfaceClass">): boolean {
  const hasDescriptor = classDescriptor.length === CLASS_DESCRIPTOR_BYTES;
  return interfaceClass === SMART_CARD_CLASS || (interfaceClass === VENDOR_SPECIFIC && hasDescriptor);
}

function finished({ classDescriptor = new Uint8Array(), endpoints, ...rest }: Draft): SmartCardInterface {
  const first = (kind: number, direction: number): UsbEndpoint | undefined => {
    const found = endpoints.find((one) => one.kind === kind && (one.address & DIRECTION_IN) === direction);
    return found && { address: found.address, maxPacketBytes: found.maxPacketBytes };
  };
  const bulkOut = first(BULK, 0);
  const bulkIn = first(BULK, DIRECTION_IN);
  const interruptIn = first(INTERRUPT, DIRECTION_IN);
  return {
    ...rest,
    classDescriptor,
    endpoints: { ...(bulkOut && { bulkOut }), ...(bulkIn && { bulkIn }), ...(interruptIn && { interruptIn }) },
  };
}
