// SPDX-License-Identifier: MIT

import { concatBytes } from "../../src/base/binary/index.ts";
import { UsbDeviceModel } from "../usb/models/usb-device.ts";
import { GemCore } from "./gem-core.ts";

const BULK_IN = 0x82;
const BULK_OUT = 0x02;
const VENDOR_SPECIFIC = 0xff;

const device = [18, 1, 0x10, 0x01, 0, 0, 0, 8, 0xe6, 0x08, 0x30, 0x04, 0x00, 0x01, 1, 2, 0, 1];
const body = [
  ...[9, 4, 0, 0, 2, VENDOR_SPECIFIC, 0, 0, 0],
  // libGemPC430 takes the first endpoint for the one that it reads.
  ...[7, 5, BULK_IN, 2, 64, 0, 0],
  ...[7, 5, BULK_OUT, 2, 64, 0, 0],
];

/**
 * A GemPC 430: a USB reader from before the smart card class, with an interface of the vendor's own and no class descriptor. A command
 * is its length and its bytes, and so is the answer.
 */
export class GemUsbReader extends UsbDeviceModel {
  readonly core: GemCore = new GemCore();
  #command: Uint8Array = new Uint8Array(0);

  constructor() {
    const configuration = Uint8Array.of(9, 2, 9 + body.length, 0, 1, 1, 0, 0x80, 50, ...body);
    const strings = ["Gemplus", "USB GemPC430 SmartCard Reader"];
    super({ device: Uint8Array.from(device), configuration, strings }, "full");
  }

  protected override received(_endpoint: number, bytes: Uint8Array): void {
    this.#command = concatBytes(this.#command, bytes);
    const length = this.#command[0] ?? 0;
    if (this.#command.length < 1 + length) return;
    const answer = this.core.command(this.#command.subarray(1, 1 + length));
    this.#command = new Uint8Array(0);
    this.send(BULK_IN, Uint8Array.of(answer.length, ...answer));
  }

  protected override classRequest(): undefined {
    return undefined;
  }

  protected override configured(): void {}

  protected override powerLost(): void {
    this.#command = new Uint8Array(0);
  }
}
