// SPDX-License-Identifier: MIT

import {
  SMART_CARD_CLASS,
  type SmartCardInterface,
  smartCardInterfaces,
  UsbError,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "../../../readers/ccid/index.ts";
import { usbId } from "../../../readers/names/index.ts";
import {
  knownReaderName,
  nameOfDevice,
  type UsbReaderDevice,
  type UsbTransport,
  type UsbTree,
} from "../../../readers/usb/index.ts";
import { identityOf, readConfigurationDescriptor } from "../../webusb/index.ts";
import { bytesIn, failureOf, PackageInterface, usbError } from "./package-interface.ts";
import type { PackageDevice, UsbPackage } from "./usb-package.ts";

/** The parts of a transport that Linux has better than the package; without them the package does them. */
export type SystemsOwnParts = Pick<UsbTransport, "holderOf" | "look" | "watch">;

const DESCRIPTOR_MS = 2000;

/** USB devices through the package `usb`, on any system that it is made for. */
export function packageTransport(usb: UsbPackage, parts?: SystemsOwnParts): UsbTransport {
  const looker = new PackageLook(usb);
  return {
    name: "usb",
    look: parts?.look ?? (() => looker.look()),
    holderOf: parts?.holderOf ?? (async () => undefined),
    watch: parts?.watch ?? ((changed) => watchPackage(usb, changed)),
    open: (description) => openInterface(usb, description),
  };
}

async function openInterface(usb: UsbPackage, description: UsbInterfaceDescription): Promise<UsbInterface> {
  const devices = await usb.getDevices().catch((error: unknown) => {
    throw usbError("gone", description, error);
  });
  const device = devices.find((one) => isSame(one, description));
  if (device === undefined) throw new UsbError("gone", `${nameOfDevice(description)} is unplugged`);
  const { interfaceNumber } = description;
  try {
    await device.open();
    await device.claimInterface(interfaceNumber);
  } catch (error) {
    await device.close().catch(() => undefined);
    throw claimFailure(description, error);
  }
  return new PackageInterface(description, device, async () => {
    await device.releaseInterface(interfaceNumber).catch(() => undefined);
    await device.close().catch(() => undefined);
  });
}

const remedies: Partial<Record<NodeJS.Platform, string>> = {
  darwin: "macOS' own driver has it; SCARD_MANAGER=system uses that",
  win32: "Windows' own driver has it; SCARD_MANAGER=system uses that",
  linux: "another program or driver has it: scard readers --usb says which",
};

function claimFailure(description: UsbInterfaceDescription, error: unknown): UsbError {
  const failure = failureOf(error);
  const isTaken = failure === "busy" || (failure === "access-denied" && process.platform !== "linux");
  const remedy = isTaken ? remedies[process.platform] : undefined;
  if (remedy === undefined) return usbError(failure, description, error);
  return new UsbError("busy", `${nameOfDevice(description)} is in use: ${remedy}`, { cause: error });
}

function watchPackage(usb: UsbPackage, changed: () => void): () => void {
  const events = ["connect", "disconnect"] as const;
  let isStopped = false;
  for (const event of events) usb.addEventListener(event, changed);
  queueMicrotask(() => {
    if (!isStopped) changed();
  });
  return () => {
    isStopped = true;
    for (const event of events) usb.removeEventListener(event, changed);
  };
}

/** Finds readers. The package has no class descriptors, so each device with a smart card interface is asked once. */
class PackageLook {
  readonly #usb: UsbPackage;
  #known = new Map<string, UsbReaderDevice | undefined>();

  constructor(usb: UsbPackage) {
    this.#usb = usb;
  }

  async look(): Promise<UsbTree> {
    let devices: readonly PackageDevice[];
    try {
      devices = await this.#usb.getDevices();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { isThere: false, reason: `the package usb finds no USB on this machine: ${why}` };
    }
    const known = new Map<string, UsbReaderDevice | undefined>();
    for (const device of devices) {
      const key = keyOf(device);
      known.set(key, this.#known.has(key) ? this.#known.get(key) : await readDevice(device));
    }
    this.#known = known;
    return { isThere: true, devices: [...known.values()].filter((device) => device !== undefined) };
  }
}

async function readDevice(device: PackageDevice): Promise<UsbReaderDevice | undefined> {
  const interfaces = device.configuration?.interfaces ?? [];
  const isReader = interfaces.some(({ alternate }) => alternate.interfaceClass === SMART_CARD_CLASS);
  // Those of the vendor's own class are not opened unless they are known: they can be anything.
  if (!isReader && knownReaderName(usbId(device)) === undefined) return undefined;
  const described = await describeAll(device).catch(() => undefined);
  return described === undefined || described.length === 0 ? undefined : { key: keyOf(device), interfaces: described };
}

async function describeAll(device: PackageDevice): Promise<readonly UsbInterfaceDescription[]> {
  await device.open();
  try {
    const bytes = await readConfigurationDescriptor(async (setup, length) => {
      const answer = await device.controlTransferIn(setup, length, DESCRIPTOR_MS);
      return bytesIn(answer) ?? new Uint8Array();
    });
    return smartCardInterfaces(bytes).map((one) => describe(device, one));
  } finally {
    await device.close().catch(() => undefined);
  }
}

function describe(
  device: PackageDevice,
  { configuration: _, nameIndex: __, ...one }: SmartCardInterface,
): UsbInterfaceDescription {
  const found = device.configuration?.interfaces.find(({ interfaceNumber }) => interfaceNumber === one.interfaceNumber);
  return {
    ...one,
    ...identityOf(device),
    interfaceName: found?.alternate.interfaceName ?? "",
    ...placeOf(device),
  };
}

function placeOf({
  address,
  bus,
  ports,
}: PackageDevice): Pick<UsbInterfaceDescription, "address" | "bus" | "portPath"> {
  const number = Number.parseInt(bus, 10);
  return {
    bus: Number.isNaN(number) ? 0 : number,
    address,
    portPath: `${number > 0 ? number : bus}-${ports.join(".")}`,
  };
}

function keyOf(device: PackageDevice): string {
  const { address, bus, portPath } = placeOf(device);
  return `${portPath}@${bus}.${address} ${usbId(device)}`;
}

function isSame(device: PackageDevice, description: UsbInterfaceDescription): boolean {
  const { address, bus, portPath } = placeOf(device);
  const isThere = address === description.address && (bus === description.bus || portPath === description.portPath);
  return isThere && device.vendorId === description.vendorId && device.productId === description.productId;
}
