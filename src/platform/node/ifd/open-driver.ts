// SPDX-License-Identifier: MIT

import { basename } from "node:path";
import { type ReaderType, type Runtime, SmartCardError } from "../../../port/index.ts";
import {
  type DriverBundle,
  driversFor,
  IfdDevice,
  type IfdLimits,
  type IfdLog,
  type IfdUsbDevice,
  type StartDriver,
  usbDeviceName,
} from "../../../readers/ifd/index.ts";
import { slotName, usbId, usbReaderName } from "../../../readers/names/index.ts";
import { checkLibrary, findDriver } from "./installed-drivers.ts";
import { driverStarter } from "./start-driver.ts";

/** What every reader with a driver of pcsc-lite is opened with. */
export interface IfdSurroundings {
  readonly runtime: Pick<Runtime, "clock" | "trace">;
  /** Is told when a driver's process ends, and when it runs again. */
  readonly log: IfdLog;
  readonly limits?: Partial<IfdLimits>;
  /** Starts the process of a driver; by default a Node with `driver-main`. */
  readonly start?: StartDriver;
  /** Called once the device is over: closed by its user, lost, or given up. */
  readonly release?: () => void;
}

/** A reader that is configured by hand: a serial one, or one that is software. */
export interface IfdPlace {
  /** Path of the driver: a library, or a bundle. */
  readonly driver: string;
  /** What the driver is to open, such as `/dev/ttyS0:GemPCTwin`, or `usb:08e6/3437`. */
  readonly device?: string;
  /** The number that drivers take which have no name for it. @default 0 */
  readonly channel?: number;
  /** The name of the reader, before its numbers. @default the name of the library */
  readonly name?: string;
  /** Its number among the readers of the driver, 0 to 255. @default 0 */
  readonly number?: number;
}

/**
 * Checks what can be known of a reader without its driver.
 *
 * @returns the library
 * @throws unsupported-feature (another system), file-not-found, no-access (the driver is another user's file), invalid-value (a
 * bundle that cannot be used, or that leaves open which reader is meant)
 */
export async function checkIfd({ device = "", driver }: IfdPlace): Promise<string> {
  checkSystem();
  const { bundle, library } = await findDriver(driver);
  if (bundle !== undefined && device === "") {
    const remedy = 'name its device, as "usb:08e6/3437", or choose USB readers that get this driver';
    throw new SmartCardError("invalid-value", `${driver} is for USB readers: ${remedy}`);
  }
  checkLibrary(library);
  return library;
}

/**
 * Opens a reader with a driver written for pcsc-lite, which gets a process of its own.
 *
 * **Portability**: Linux. Drivers for macOS are not the same, and no other system has any.
 *
 * @throws unsupported-feature (another system), file-not-found, no-access (the driver is another user's file), invalid-value (a
 * bundle that cannot be used; a name that no reader can have), invalid-parameter (the library is no driver), reader-unavailable
 * (the driver cannot open the reader), comm-error (it crashed or hung)
 */
export async function openIfd(place: IfdPlace, surroundings: IfdSurroundings): Promise<IfdDevice> {
  const { channel = 0, device = "", number = 0 } = place;
  const library = await checkIfd(place);
  const name = place.name ?? basename(library).replace(/\.so.*$/, "");
  const isUsb = device.startsWith("usb:");
  return open(
    { library, device, channel, name, type: typeOf(device), removable: isUsb, number },
    surroundings,
    (slot) => {
      return `ifd:${library}:${device === "" ? `channel ${channel}` : device}:${slot}`;
    },
  );
}

/**
 * Which USB readers a driver is for, where it is a bundle: vendor and product of each, as `08e6:3437`.
 *
 * @returns undefined for a library
 * @throws file-not-found, invalid-value
 */
export async function usbDevicesOf(driver: string): Promise<readonly string[] | undefined> {
  const { bundle } = await findDriver(driver);
  return bundle?.readers.map((reader) => usbId(reader));
}

/** How the slots of a USB reader are called; by default as pcscd calls the first such reader. */
export type DescribeUsbSlot = (base: string, slot: number) => { readonly name: string; readonly id: string };

/**
 * Opens a USB reader with the drivers of pcsc-lite that name it: the first that can open it counts.
 *
 * @param bundles `driverBundles` finds them
 * @returns undefined where no bundle names the device
 * @throws as {@link openIfd}: what the last driver fails with
 */
export async function openIfdUsb(
  device: IfdUsbDevice,
  bundles: readonly DriverBundle[],
  surroundings: IfdSurroundings & { readonly describe?: DescribeUsbSlot },
): Promise<IfdDevice | undefined> {
  checkSystem();
  const choices = driversFor(bundles, device);
  for (const [index, { friendlyName, library }] of choices.entries()) {
    const target = {
      library,
      device: usbDeviceName(device),
      channel: HOT_PLUG_CHANNEL,
      name: usbReaderName(friendlyName, device),
      type: "usb",
      removable: true,
      number: 0,
    } as const;
    try {
      return await open(target, surroundings, (slot) => readerId(device, slot), surroundings.describe);
    } catch (error) {
      if (index + 1 === choices.length) throw error;
    }
  }
  return undefined;
}

/** PCSCLITE_HP_BASE_PORT: what pcscd gives as the channel of a device that was plugged in. */
const HOT_PLUG_CHANNEL = 0x20_0000;

interface Target {
  readonly library: string;
  readonly device: string;
  readonly channel: number;
  readonly name: string;
  readonly type: ReaderType;
  readonly removable: boolean;
  /** Its number among the readers of the driver. */
  readonly number: number;
}

function open(
  { name, number, ...target }: Target,
  { limits, log, release, runtime, start = driverStarter() }: IfdSurroundings,
  idOf: (slot: number) => string,
  describe: DescribeUsbSlot = (base, slot) => ({ name: slotName(base, number, slot), id: idOf(slot) }),
): Promise<IfdDevice> {
  checkLibrary(target.library);
  return IfdDevice.open({
    ...target,
    start,
    log,
    clock: runtime.clock,
    trace: runtime.trace,
    describe: (slot) => describe(name, slot),
    ...(limits !== undefined && { limits }),
    ...(release !== undefined && { release }),
  });
}

function readerId({ interfaceNumber, portPath, productId, serial, vendorId }: IfdUsbDevice, slot: number): string {
  return `usb:${usbId({ vendorId, productId })}:${serial}:${portPath}:${interfaceNumber}:${slot}`;
}

function typeOf(device: string): ReaderType {
  if (device.startsWith("usb:")) return "usb";
  return device.startsWith("/dev/tty") ? "serial" : "vendor";
}

function checkSystem(): void {
  if (process.platform === "linux") return;
  const message = `the drivers of pcsc-lite are for Linux, and this is ${process.platform}`;
  throw new SmartCardError("unsupported-feature", message);
}
