// SPDX-License-Identifier: MIT

import { type UsbControlRequest, UsbError } from "../../readers/ccid/index.ts";
import type { WebUsbSetup } from "./web-usb.ts";

const types = ["standard", "class", "vendor"] as const;
const recipients = ["device", "interface", "endpoint", "other"] as const;

/** A control request in WebUSB's words: bmRequestType as two of them. USB 2.0, table 9-2. */
export function webUsbSetup({ index, request, requestType, value }: UsbControlRequest): WebUsbSetup {
  const requestTypeName = types[(requestType >> 5) & 3] ?? "vendor";
  const recipient = recipients[requestType & 0x1f] ?? "other";
  return { requestType: requestTypeName, recipient, request, value, index };
}

/** GET_DESCRIPTOR of the first configuration, to the device: USB 2.0, 9.4.3. */
const configurationRequest = webUsbSetup({ requestType: 0x80, request: 6, value: 0x0200, index: 0 });

/** bLength of a configuration descriptor; the third and fourth byte say how long it is with all that belongs to it. */
const CONFIGURATION_BYTES = 9;

/**
 * The descriptors of a device's first configuration, which WebUSB does not show whole. It is asked twice, first for the length.
 *
 * @param read a control transfer from the device
 * @throws UsbError `io` where the device answers with less than a descriptor
 */
export async function readConfigurationDescriptor(
  read: (setup: WebUsbSetup, length: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const head = await read(configurationRequest, CONFIGURATION_BYTES);
  const [, , low = 0, high = 0] = head;
  const total = low | (high << 8);
  if (head.length < CONFIGURATION_BYTES || total < CONFIGURATION_BYTES) {
    throw new UsbError(
      "io",
      `the device's configuration descriptor has ${head.length} bytes, and says ${total}: unplug it and plug it in again`,
    );
  }
  return read(configurationRequest, total);
}
