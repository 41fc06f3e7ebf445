// SPDX-License-Identifier: MIT

// WebUSB, as far as a reader needs it: the part of its interfaces that a driver calls. A browser's own objects fit, and so do
// those of the package `usb`.

/** A control transfer in WebUSB's words. */
export interface WebUsbSetup {
  readonly requestType: "standard" | "class" | "vendor";
  readonly recipient: "device" | "interface" | "endpoint" | "other";
  readonly request: number;
  readonly value: number;
  readonly index: number;
}

/** How a transfer ended: `stall` where the endpoint is halted, `babble` where the device sent more than was asked for. */
export type WebUsbStatus = "ok" | "stall" | "babble";

export interface WebUsbAnswer {
  readonly status?: WebUsbStatus | undefined;
  readonly data?: DataView | undefined;
}

export interface WebUsbOutcome {
  readonly status?: WebUsbStatus | undefined;
}

/** A configuration, as far as it is needed: its number, and what its interfaces are. */
export interface WebUsbConfiguration {
  readonly configurationValue: number;
  readonly interfaces: readonly {
    readonly interfaceNumber: number;
    readonly alternates: readonly {
      readonly interfaceClass: number;
      readonly interfaceProtocol: number;
      readonly interfaceName?: string | null | undefined;
    }[];
  }[];
}

/** What a device says of itself. */
export interface WebUsbIdentity {
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersionMajor: number;
  readonly deviceVersionMinor: number;
  readonly deviceVersionSubminor: number;
  readonly manufacturerName?: string | null | undefined;
  readonly productName?: string | null | undefined;
  readonly serialNumber?: string | null | undefined;
}

/** `USBDevice`. */
export interface WebUsbDevice extends WebUsbIdentity {
  readonly opened: boolean;
  readonly configuration?: WebUsbConfiguration | null | undefined;
  /** All that it has; the first is the one that readers use. */
  readonly configurations: readonly WebUsbConfiguration[];
  open(): Promise<void>;
  close(): Promise<void>;
  selectConfiguration(configurationValue: number): Promise<void>;
  claimInterface(interfaceNumber: number): Promise<void>;
  releaseInterface(interfaceNumber: number): Promise<void>;
  controlTransferIn(setup: WebUsbSetup, length: number): Promise<WebUsbAnswer>;
  controlTransferOut(setup: WebUsbSetup, data?: Uint8Array): Promise<WebUsbOutcome>;
  transferIn(endpointNumber: number, length: number): Promise<WebUsbAnswer>;
  transferOut(endpointNumber: number, data: Uint8Array): Promise<WebUsbOutcome>;
  clearHalt(direction: "in" | "out", endpointNumber: number): Promise<void>;
}

/** `USB`: `navigator.usb`. */
export interface WebUsb {
  /** The devices that the user has let this page use. */
  getDevices(): Promise<readonly WebUsbDevice[]>;
  addEventListener(type: "connect" | "disconnect", listener: () => void): void;
  removeEventListener(type: "connect" | "disconnect", listener: () => void): void;
}
