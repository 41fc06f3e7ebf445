// SPDX-License-Identifier: MIT

import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { UsbFolders } from "./folders.ts";

/** Linux, Documentation/admin-guide/devices.txt: the major number of USB devices. */
const USB_DEVICE_MAJOR = 189;

/** A bus has room for 128 devices in the minor numbers. */
const DEVICES_PER_BUS = 128;

/**
 * What udev's rules gave a device: the lines E: of its entry in udev's database. Undefined where udev has none yet, does not
 * run, or the entry cannot be read.
 */
export async function udevProperties(
  { run }: Pick<UsbFolders, "run">,
  { address, bus }: { readonly bus: number; readonly address: number },
): Promise<ReadonlyMap<string, string> | undefined> {
  const minor = (bus - 1) * DEVICES_PER_BUS + address - 1;
  const path = join(run, "udev/data", `c${USB_DEVICE_MAJOR}:${minor}`);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split("\n").map((line) => /^E:([^=]+)=(.*)$/.exec(line));
  return new Map(lines.flatMap((match) => (match === null ? [] : [[match[1] ?? "", match[2] ?? ""]])));
}

/** Whether udev has no work, or does not run: then what it has not said of a device it will not say. */
export async function isSettled({ run }: Pick<UsbFolders, "run">): Promise<boolean> {
  const [runs, works] = await Promise.all(["udev/control", "udev/queue"].map((name) => isThere(join(run, name))));
  return runs !== true || works !== true;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
