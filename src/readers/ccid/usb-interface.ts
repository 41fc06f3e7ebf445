// SPDX-License-Identifier: MIT

/** Why a transfer ended without its data. `stall`: the endpoint is halted, {@link UsbInterface.clearHalt} frees it. `gone`: the device was unplugged. */
export type UsbFailure = "stall" | "gone" | "cancelled" | "overflow" | "timeout" | "access-denied" | "busy" | "io";

/** A transfer, or the opening of a device, that failed. The message names the device and, where there is one, the remedy. */
export class UsbError extends Error {
  override readonly name: string = "UsbError";
  readonly failure: UsbFailure;

  constructor(failure: UsbFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** What is known of a device and of one of its interfaces before the interface is claimed. */
export interface UsbInterfaceDescription {
  readonly vendorId: number;
  readonly productId: number;
  /** bcdDevice of the device descriptor. */
  readonly deviceRelease: number;
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  /** Where the device is plugged in: bus and ports, as "1-2.4". Equal after a reboot. */
  readonly portPath: string;
  /** Bus number and address at this moment, as libusb counts them. */
  readonly bus: number;
  readonly address: number;
  readonly interfaceNumber: number;
  /** The string of iInterface; empty where there is none. */
  readonly interfaceName: string;
  readonly interfaceClass: number;
  /** bInterfaceProtocol: 0 CCID, 1 ICCD version A, 2 ICCD version B. */
  readonly interfaceProtocol: number;
  /** The smart card device class descriptor (type 21h), 54 bytes, or what the device gives in its place. */
  readonly classDescriptor: Uint8Array;
  readonly endpoints: {
    readonly bulkOut?: UsbEndpoint;
    readonly bulkIn?: UsbEndpoint;
    readonly interruptIn?: UsbEndpoint;
  };
}

export interface UsbEndpoint {
  /** bEndpointAddress, direction bit included. */
  readonly address: number;
  readonly maxPacketBytes: number;
}

/** A class request to the interface (bmRequestType 21h or A1h), or a standard request to the device. */
export interface UsbControlRequest {
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
}

/**
 * The port over which a reader driver reaches one claimed interface of a USB device. Platforms implement it; a model of a
 * reader implements it in tests. At most one transfer is under way on an endpoint. Failures are {@link UsbError}.
 */
export interface UsbInterface {
  readonly description: UsbInterfaceDescription;
  /** Sends all bytes as one transfer. No empty packet follows: a message says how long it is. */
  bulkOut(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** One transfer of at most `maxBytes`: it ends with a short packet, and may be empty. */
  bulkIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /** The next message of the interrupt endpoint; waits until there is one. */
  interruptIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /** A control transfer to the device; `data` is what goes out. */
  controlOut(request: UsbControlRequest, data: Uint8Array, signal: AbortSignal): Promise<void>;
  controlIn(request: UsbControlRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  clearHalt(endpoint: number, signal: AbortSignal): Promise<void>;
  /** Releases the interface; transfers under way end as `cancelled`. Never rejects. */
  close(): Promise<void>;
}
