// SPDX-License-Identifier: MIT

import {
  type UsbControlRequest,
  UsbError,
  type UsbFailure,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "../../../src/readers/ccid/index.ts";
import { BULK_IN, BULK_OUT, INTERRUPT_IN, type ReaderShape } from "./descriptors.ts";
import type { TransferResult, UsbDeviceModel } from "./usb-device.ts";

/** A model that has a reader's shape: all of them. */
interface ModelledReader extends UsbDeviceModel {
  readonly shape: ReaderShape;
}

export interface MemoryUsbOptions {
  readonly portPath?: string;
  readonly bus?: number;
  readonly address?: number;
}

const INTERFACE_DESCRIPTOR = 4;
const CLASS_DESCRIPTOR = 0x21;

/** A model's only interface, claimed: the port of the reader driver, without a bus in between. Time is the model's. */
export function memoryUsb(model: ModelledReader, options: MemoryUsbOptions = {}): UsbInterface {
  return new MemoryUsb(model, options);
}

class MemoryUsb implements UsbInterface {
  readonly description: UsbInterfaceDescription;
  readonly #model: ModelledReader;
  readonly #underWay = new Set<(failure: UsbFailure) => void>();
  readonly #busy = new Set<number>();
  readonly #stopWatching: () => void;
  #state: UsbFailure | undefined;

  constructor(model: ModelledReader, options: MemoryUsbOptions) {
    this.#model = model;
    this.description = describe(model, options);
    // A device that was unplugged and comes back is another one for the bus.
    this.#stopWatching = model.onUnplug(() => this.#end("gone"));
    if (!model.plugged) this.#state = "gone";
  }

  async bulkOut(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { bulkOut } = this.description.endpoints;
    await this.#transfer(bulkOut?.address, signal, (done) => {
      done(this.#model.out(bulkOut?.address ?? 0, bytes));
      return () => undefined;
    });
  }

  bulkIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#in(this.description.endpoints.bulkIn?.address, maxBytes, signal);
  }

  interruptIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#in(this.description.endpoints.interruptIn?.address, maxBytes, signal);
  }

  async controlOut(request: UsbControlRequest, data: Uint8Array, signal: AbortSignal): Promise<void> {
    const setup = { ...request, length: data.length };
    await this.#transfer(undefined, signal, (done) => this.#model.control(setup, data, done));
  }

  controlIn(request: UsbControlRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const setup = { ...request, length: maxBytes };
    return this.#transfer(undefined, signal, (done) => this.#model.control(setup, new Uint8Array(0), done));
  }

  async clearHalt(endpoint: number, signal: AbortSignal): Promise<void> {
    const setup = { requestType: 0x02, request: 1, value: 0, index: endpoint, length: 0 };
    await this.#transfer(undefined, signal, (done) => this.#model.control(setup, new Uint8Array(0), done));
  }

  async close(): Promise<void> {
    this.#stopWatching();
    this.#end("cancelled");
  }

  #end(failure: UsbFailure): void {
    this.#state ??= failure;
    for (const fail of [...this.#underWay]) fail(failure);
  }

  #in(address: number | undefined, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    if (address === undefined) return Promise.reject(this.#error("io"));
    return this.#transfer(address, signal, (done) => this.#model.in(address, maxBytes, done));
  }

  #transfer(
    endpoint: number | undefined,
    signal: AbortSignal,
    begin: (done: (result: TransferResult) => void) => () => void,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#state !== undefined || signal.aborted) {
        reject(this.#error(this.#state ?? "cancelled"));
        return;
      }
      if (endpoint !== undefined) {
        // The port says so: at most one transfer is under way on an endpoint.
        if (this.#busy.has(endpoint)) {
          reject(new Error(`a second transfer on endpoint ${endpoint} of ${this.description.product}`));
          return;
        }
        this.#busy.add(endpoint);
      }
      let cancel = (): void => undefined;
      const end = (finish: () => void): void => {
        this.#underWay.delete(fail);
        signal.removeEventListener("abort", onAbort);
        if (endpoint !== undefined) this.#busy.delete(endpoint);
        cancel();
        finish();
      };
      const fail = (failure: UsbFailure): void => end(() => reject(this.#error(failure)));
      const onAbort = (): void => fail("cancelled");
      this.#underWay.add(fail);
      signal.addEventListener("abort", onAbort);
      let isOver = false;
      const stop = begin((result) => {
        if (isOver || !this.#underWay.has(fail)) return;
        isOver = true;
        if ("failure" in result) fail(result.failure);
        else end(() => resolve(result.bytes));
      });
      cancel = stop;
    });
  }

  #error(failure: UsbFailure): UsbError {
    return new UsbError(failure, `${this.description.product} (model): ${failure}`);
  }
}

function describe(model: ModelledReader, options: MemoryUsbOptions): UsbInterfaceDescription {
  const { shape } = model;
  const { configuration, strings } = model.descriptors;
  const pieces = descriptorsIn(configuration);
  const has = (address: number): boolean => pieces.some((piece) => piece[1] === 5 && piece[2] === address);
  const endpoint = (address: number) => ({ address, maxPacketBytes: model.maxPacketBytes(address) });
  const interfaceDescriptor = pieces.find((piece) => piece[1] === INTERFACE_DESCRIPTOR);
  return {
    vendorId: shape.vendorId,
    productId: shape.productId,
    deviceRelease: shape.release,
    manufacturer: shape.vendor,
    product: shape.product,
    serial: shape.serial,
    portPath: options.portPath ?? "1-1",
    bus: options.bus ?? 1,
    address: options.address ?? 2,
    interfaceNumber: interfaceDescriptor?.[2] ?? 0,
    interfaceName: strings[(interfaceDescriptor?.[8] ?? 0) - 1] ?? "",
    interfaceClass: interfaceDescriptor?.[5] ?? 0,
    interfaceProtocol: interfaceDescriptor?.[7] ?? 0,
    classDescriptor: pieces.find((piece) => piece[1] === CLASS_DESCRIPTOR) ?? new Uint8Array(0),
    endpoints: {
      ...(has(BULK_OUT) ? { bulkOut: endpoint(BULK_OUT) } : {}),
      ...(has(BULK_IN) ? { bulkIn: endpoint(BULK_IN) } : {}),
      ...(has(INTERRUPT_IN) ? { interruptIn: endpoint(INTERRUPT_IN) } : {}),
    },
  };
}

function descriptorsIn(configuration: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < configuration.length; ) {
    const length = configuration[at] || configuration.length - at;
    pieces.push(configuration.slice(at, at + length));
    at += length;
  }
  return pieces;
}
