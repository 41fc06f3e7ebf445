// SPDX-License-Identifier: MIT

import { type Clock, type Reader, SmartCardError, type Trace } from "../../port/index.ts";
import type { UsbInterface, UsbInterfaceDescription } from "../ccid/index.ts";
import type { UsbSelection } from "./selection.ts";
import type { UsbTransport } from "./transport.ts";

/** The choice of a driver that is installed for pcscd. */
export const INSTALLED = "pcsc-lite";

/** The name of a slot, and its stable id. */
export interface SlotTitle {
  readonly name: string;
  readonly id: string;
}

/** A device that a driver drives: its readers, one for each slot. */
export interface DrivenDevice {
  readonly readers: readonly Reader[];
  /** What is known of this device beyond what it says, one sentence each. */
  readonly notes?: readonly string[];
  /** Tells a driver that does not see it itself that the device is unplugged. */
  unplugged?(reason: string): void;
  /** Ends the readers and releases the interface. Never rejects. */
  close(): Promise<void>;
}

/** Begins to drive a claimed interface, which is closed when the device has ended: `openCcidDevice` of readers/ccid. */
export type OpenDevice = (
  usb: UsbInterface,
  options: {
    readonly clock: Clock;
    readonly trace: Trace;
    readonly describe: (slot: number) => SlotTitle;
    readonly allowEscape?: boolean;
    readonly allowBogusFirmware?: boolean;
  },
) => Promise<DrivenDevice>;

/**
 * Has a driver that is not ours open a device by itself: nothing of it is claimed here.
 *
 * @returns undefined where the driver is not for this device
 */
export type OpenByDriver = (
  description: UsbInterfaceDescription,
  options: {
    /** As the selection says it: `pcsc-lite`, or the path of a driver. */
    readonly driver: string;
    readonly clock: Clock;
    readonly trace: Trace;
    /** @param base what the driver calls the reader, before its numbers */
    readonly describe: (slot: number, base: string) => SlotTitle;
    /** The device has ended by itself. */
    readonly ended: () => void;
  },
) => Promise<DrivenDevice | undefined>;

/** A device that is to be driven, with what drives it. */
export interface Driving {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly transport: UsbTransport;
  readonly openDevice: OpenDevice;
  readonly openByDriver: OpenByDriver;
  readonly description: UsbInterfaceDescription;
  readonly selection: UsbSelection;
  /** @param base what the driver calls the reader, before its numbers */
  readonly describe: (slot: number, base?: string) => SlotTitle;
  /** The device has ended by itself. */
  readonly ended: () => void;
}

/** Whether our own driver has it. */
export function isOwn({ driver = "own" }: UsbSelection): boolean {
  return driver === "own";
}

/** Drives a device with our own driver. @throws what claiming and starting it fail with */
export async function openOwn(driving: Driving): Promise<DrivenDevice> {
  const { clock, describe, description, ended, openDevice, selection, trace, transport } = driving;
  const { allowBogusFirmware, allowEscape } = selection;
  const usb = await transport.open(description);
  return openDevice(withEnd(usb, ended), {
    clock,
    trace,
    describe: (slot) => describe(slot),
    ...(allowBogusFirmware !== undefined && { allowBogusFirmware }),
    ...(allowEscape !== undefined && { allowEscape }),
  });
}

/** Drives a device with the driver that was chosen. @throws reader-unsupported where it is not for this device */
export async function openDriver(driving: Driving): Promise<DrivenDevice> {
  const { clock, describe, description, ended, openByDriver, selection, trace } = driving;
  const { driver = "" } = selection;
  const device = await openByDriver(description, { driver, clock, trace, describe, ended });
  if (device !== undefined) return device;
  const which = driver === INSTALLED ? "no driver that is installed for pcscd is" : `the driver ${driver} is not`;
  throw new SmartCardError("reader-unsupported", `${which} for this device`);
}

/** An interface that tells when it was closed. */
function withEnd(usb: UsbInterface, ended: () => void): UsbInterface {
  return {
    description: usb.description,
    bulkOut: (bytes, signal) => usb.bulkOut(bytes, signal),
    bulkIn: (maxBytes, signal) => usb.bulkIn(maxBytes, signal),
    interruptIn: (maxBytes, signal) => usb.interruptIn(maxBytes, signal),
    controlOut: (request, data, signal) => usb.controlOut(request, data, signal),
    controlIn: (request, maxBytes, signal) => usb.controlIn(request, maxBytes, signal),
    clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
    close: async () => {
      await usb.close();
      ended();
    },
  };
}
