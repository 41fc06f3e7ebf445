// SPDX-License-Identifier: MIT

import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  interfacesIn,
  type SmartCardInterface,
  smartCardInterfaces,
  type UsbInterfaceDescription,
} from "../../../readers/ccid/index.ts";
import { usbId } from "../../../readers/names/index.ts";
import type { UsbReaderDevice, UsbTree } from "../../../readers/usb/index.ts";
import type { UsbFolders } from "./folders.ts";
import { isSettled, udevProperties } from "./udev.ts";

/** The device descriptor comes before the configurations (USB 2.0, table 9-8). */
const DEVICE_DESCRIPTOR_BYTES = 18;

/** Devices with smart card interfaces, as the kernel has them in sysfs. Nothing is sent to them. */
export async function readUsbTree(folders: UsbFolders, others: ReadonlySet<string> = new Set()): Promise<UsbTree> {
  const bus = join(folders.sys, "bus/usb/devices");
  const names = await readdir(bus).catch(() => undefined);
  if (names === undefined)
    return { isThere: false, reason: "this machine has no USB, or the kernel has no driver for it" };
  // Interfaces have a colon, hubs that are host controllers begin with usb.
  const devices = names.filter((name) => /^\d+-[\d.]+$/.test(name)).sort(byPort);
  const found = await Promise.all(devices.map((name) => readDevice(folders, join(bus, name), name, others)));
  return { isThere: true, devices: found.filter((device) => device !== undefined) };
}

/** The device file of a device. */
export function deviceFile(folders: UsbFolders, { address, bus }: { bus: number; address: number }): string {
  const digits = (number: number): string => String(number).padStart(3, "0");
  return join(folders.dev, "bus/usb", digits(bus), digits(address));
}

/** The kernel's driver of an interface; undefined where it has none. */
export async function kernelDriver(
  folders: UsbFolders,
  { interfaceNumber, portPath }: Pick<UsbInterfaceDescription, "interfaceNumber" | "portPath">,
): Promise<string | undefined> {
  const device = join(folders.sys, "bus/usb/devices", portPath);
  const configuration = await attribute(device, "bConfigurationValue");
  const link = join(folders.sys, "bus/usb/devices", `${portPath}:${configuration}.${interfaceNumber}`, "driver");
  return readlink(link).then(
    (target) => basename(target),
    () => undefined,
  );
}

async function readDevice(
  folders: UsbFolders,
  path: string,
  portPath: string,
  others: ReadonlySet<string>,
): Promise<UsbReaderDevice | undefined> {
  const descriptors = await readFile(join(path, "descriptors")).catch(() => undefined);
  if (descriptors === undefined || descriptors.length < DEVICE_DESCRIPTOR_BYTES) return undefined;
  const configurations = descriptors.subarray(DEVICE_DESCRIPTOR_BYTES);
  const [vendorId, productId] = [descriptors.readUInt16LE(8), descriptors.readUInt16LE(10)];
  const isOthers = others.has(usbId({ vendorId, productId }));
  if (!isOthers && smartCardInterfaces(configurations).length === 0) return undefined;
  const [configuration, manufacturer, product, serial, bus, address] = await Promise.all(
    ["bConfigurationValue", "manufacturer", "product", "serial", "busnum", "devnum"].map((name) =>
      attribute(path, name),
    ),
  );
  const device = {
    vendorId,
    productId,
    deviceRelease: descriptors.readUInt16LE(12),
    manufacturer: manufacturer ?? "",
    product: product ?? "",
    serial: serial ?? "",
    portPath,
    bus: Number(bus),
    address: Number(address),
  };
  if (!(device.bus > 0 && device.address > 0)) return undefined;
  const ours = smartCardInterfaces(configurations, Number(configuration));
  // One of another kind is one device to its driver, whatever interfaces it has.
  const inUse = ours.length > 0 || !isOthers ? ours : interfacesIn(configurations, Number(configuration)).slice(0, 1);
  const interfaces = await Promise.all(
    inUse.map((one) => describe(device, one, join(path, "..", `${portPath}:${configuration}.${one.interfaceNumber}`))),
  );
  const key = `${portPath}@${device.bus}.${device.address}`;
  // A device that was just plugged in has no configuration yet.
  if (!configuration) return { key, interfaces: [], isSettling: true };
  if (interfaces.length === 0) return undefined;
  const properties = await udevProperties(folders, device);
  const settled = properties !== undefined || (await isSettled(folders));
  return {
    key,
    interfaces,
    ...(!settled && { isSettling: true }),
    ...(properties?.get("PCSCLITE_IGNORE") === "1" && { ignored: "udev has PCSCLITE_IGNORE=1 for it" }),
  };
}

async function describe(
  device: Omit<UsbInterfaceDescription, keyof SmartCardInterface | "interfaceName">,
  { configuration: _, nameIndex, ...one }: SmartCardInterface,
  path: string,
): Promise<UsbInterfaceDescription> {
  const interfaceName = nameIndex === 0 ? "" : ((await attribute(path, "interface")) ?? "");
  return { ...device, ...one, interfaceName };
}

async function attribute(path: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(path, name), "utf8").catch(() => undefined);
  return text?.replace(/\n$/, "");
}

/** In the order of buses and ports, so that the same readers have the same numbers after a start. */
function byPort(a: string, b: string): number {
  const numbers = (name: string): number[] => name.split(/[-.]/).map(Number);
  const [first, second] = [numbers(a), numbers(b)];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const difference = (first[index] ?? -1) - (second[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
