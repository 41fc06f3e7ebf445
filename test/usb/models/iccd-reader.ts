// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import type { CardLine } from "./card-line.ts";
import { type CcidReaderOptions, shapeOf } from "./ccid-reader.ts";
import { type ReaderShape, usbDescriptors } from "./descriptors.ts";
import { errors, littleEndian } from "./messages.ts";
import { isIncoming } from "./t0-characters.ts";
import { type Setup, UsbDeviceModel } from "./usb-device.ts";

/** ICCD 1.0, 5 and 6: bRequest of the class requests to the interface. */
const requests = { powerOn: 0x62, powerOff: 0x63, xfrBlock: 0x65, dataBlock: 0x6f, slotStatus: 0x81, getStatus: 0xa0 };

/** Version A: what GET_ICC_STATUS says. */
const BUSY = 0x40;
const MUTE = 0x80;
const READY = 0x00;
const DATA_NEXT = 0x10;
const STATUS_WORD_NEXT = 0x20;

/** Version B: bResponseType of DATA_BLOCK. */
const STATUS_INFORMATION = 0x40;
const POLLING = 0x80;

const HEADER_BYTES = 5;
const STATUS_WORD_BYTES = 2;
/** Continue with the next part of the answer. */
const NEXT_PART = 0x10;

export interface IccdReaderOptions extends Omit<CcidReaderOptions, "answerFaults" | "interfaceProtocol"> {
  readonly version: "a" | "b";
  /** The card that the device is: it cannot be taken out. */
  readonly card: CardLine;
  /** How often the device says that it is busy before it has its answer. @default 0 */
  readonly busyAnswers?: number;
}

/**
 * A model of a USB device that is its own smart card, ICCD 1.0: everything goes over the control pipe. Version A carries T=0 in
 * parts, version B whole APDUs, chained where they are longer than a message.
 */
export class IccdReaderModel extends UsbDeviceModel {
  readonly shape: ReaderShape;
  readonly card: CardLine;
  readonly #options: IccdReaderOptions;
  #powered = false;
  #header: Uint8Array | undefined;
  #answer: Uint8Array | undefined;
  #command: Uint8Array[] = [];
  #isFirstPart = true;
  #error: number | undefined;
  #working = 0;
  #busyLeft = 0;

  constructor(options: IccdReaderOptions) {
    const shape = shapeOf({
      level: options.version === "a" ? "tpdu" : "extended-apdu",
      protocols: options.version === "a" ? 1 : 2,
      interruptEndpoint: false,
      product: `Model ICCD ${options.version.toUpperCase()}`,
      ...options,
      interfaceProtocol: options.version === "a" ? 1 : 2,
    });
    super(usbDescriptors(shape), shape.speed, options.transferFaults);
    this.shape = shape;
    this.card = options.card;
    this.#options = options;
  }

  get powered(): boolean {
    return this.#powered;
  }

  protected override received(): void {}
  protected override configured(): void {}
  protected override powerLost(): void {
    this.#powerOff();
  }

  protected override classRequest(setup: Setup, data: Uint8Array): Uint8Array | undefined {
    if (setup.index !== 0) return undefined;
    const isIn = (setup.requestType & 0x80) !== 0;
    if (setup.request === requests.powerOff && !isIn) {
      this.#powerOff();
      return new Uint8Array(0);
    }
    return this.#options.version === "a" ? this.#versionA(setup, isIn, data) : this.#versionB(setup, isIn, data);
  }

  #versionA({ request }: Setup, isIn: boolean, data: Uint8Array): Uint8Array | undefined {
    if (request === requests.powerOn && isIn) return this.#powerOn();
    if (request === requests.getStatus && isIn) return Uint8Array.of(this.#status());
    if (!this.#powered || this.#working > 0) return undefined;
    if (request === requests.xfrBlock && !isIn) {
      if (this.#header !== undefined && data.length === this.#header[HEADER_BYTES - 1]) {
        const command = concatBytes(this.#header, data);
        this.#header = undefined;
        this.#run(() => this.card.tpdu(command));
        return new Uint8Array(0);
      }
      if (data.length !== HEADER_BYTES) return undefined;
      this.#answer = undefined;
      this.#header = undefined;
      if (isIncoming(data)) this.#header = data.slice();
      else this.#run(() => this.card.tpdu(data.slice()));
      return new Uint8Array(0);
    }
    if (request !== requests.dataBlock || !isIn || this.#answer === undefined) return undefined;
    // First the data, then SW1 SW2.
    const data1 = this.#answer.subarray(0, -STATUS_WORD_BYTES);
    if (data1.length > 0) {
      this.#answer = this.#answer.slice(-STATUS_WORD_BYTES);
      return data1;
    }
    const status = this.#answer;
    this.#answer = undefined;
    return status;
  }

  #status(): number {
    if (this.#error !== undefined) return MUTE;
    if (this.#working > 0 || this.#busyLeft-- > 0) return BUSY;
    if (this.#header !== undefined) return DATA_NEXT;
    if (this.#answer === undefined) return READY;
    return this.#answer.length > STATUS_WORD_BYTES ? DATA_NEXT : STATUS_WORD_NEXT;
  }

  #versionB({ request, value }: Setup, isIn: boolean, data: Uint8Array): Uint8Array | undefined {
    if (request === requests.slotStatus && isIn) {
      const icc = this.#powered ? 0 : 1;
      return Uint8Array.of(STATUS_INFORMATION, icc, this.#error ?? 0);
    }
    if (request === requests.powerOn && !isIn) {
      const atr = this.#powerOn();
      this.#answer = atr;
      this.#error = atr === undefined ? errors.mute : undefined;
      this.#isFirstPart = true;
      return new Uint8Array(0);
    }
    if (request === requests.xfrBlock && !isIn) return this.#transferB(value >> 8, data);
    if (request === requests.dataBlock && isIn) return this.#dataBlockB();
    return undefined;
  }

  #transferB(level: number, data: Uint8Array): Uint8Array | undefined {
    if (!this.#powered || this.#working > 0) return undefined;
    const none = new Uint8Array(0);
    if (level === NEXT_PART) return this.#answer === undefined ? undefined : none;
    if (level > 3) return undefined;
    if (level === 0 || level === 1) this.#command = [];
    this.#command.push(data.slice());
    this.#answer = undefined;
    if (level === 1 || level === 3) return none;
    const command = concatBytes(...this.#command);
    this.#command = [];
    this.#isFirstPart = true;
    this.#run(() => this.card.apdu(command));
    return none;
  }

  #dataBlockB(): Uint8Array {
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Uint8Array.of(STATUS_INFORMATION, 0x40 | (this.#powered ? 0 : 1), error);
    }
    // wPollingDelay counts 10 ms.
    if (this.#working > 0 || this.#busyLeft-- > 0) return Uint8Array.of(POLLING, ...littleEndian(1, 2));
    if (this.#answer === undefined) {
      return this.#command.length > 0 ? Uint8Array.of(NEXT_PART) : Uint8Array.of(STATUS_INFORMATION, 0x40, 0);
    }
    const part = this.#answer.subarray(0, this.shape.maxMessageBytes - 10);
    const rest = this.#answer.subarray(part.length);
    const isFirst = this.#isFirstPart;
    this.#answer = rest.length === 0 ? undefined : rest;
    this.#isFirstPart = false;
    const type = isFirst ? (rest.length === 0 ? 0 : 1) : rest.length === 0 ? 2 : 3;
    return Uint8Array.of(type, ...part);
  }

  #powerOn(): Uint8Array | undefined {
    this.#powerOff();
    const atr = this.card.reset("cold", this.shape.voltages);
    this.#powered = atr !== undefined;
    return atr;
  }

  #powerOff(): void {
    if (this.#powered) this.card.powerOff();
    this.#powered = false;
    this.#header = undefined;
    this.#answer = undefined;
    this.#error = undefined;
    this.#command = [];
    this.#working = 0;
  }

  #run(work: () => Promise<Uint8Array>): void {
    this.#working++;
    this.#busyLeft = this.#options.busyAnswers ?? 0;
    const done = (answer: Uint8Array | undefined): void => {
      if (this.#working === 0) return;
      this.#working--;
      if (answer === undefined || answer.length < STATUS_WORD_BYTES) this.#error = errors.mute;
      else this.#answer = answer;
    };
    work().then(done, () => done(undefined));
  }
}
