// SPDX-License-Identifier: MIT

import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { UsbInterfaceDescription } from "../../../readers/ccid/index.ts";
import type { UsbHolder } from "../../../readers/usb/index.ts";
import type { UsbFolders } from "./folders.ts";
import { deviceFile, kernelDriver } from "./sysfs.ts";

/**
 * Who has an interface: a driver of the kernel, or a program that has the device open. Programs of other users are seen by root
 * alone, as /proc/PID/fd is closed to others.
 */
export async function holderOf(
  folders: UsbFolders,
  description: UsbInterfaceDescription,
  own: number = process.pid,
): Promise<UsbHolder | undefined> {
  const driver = await kernelDriver(folders, description);
  if (driver !== undefined && driver !== "usbfs") return { kind: "kernel-driver", name: driver };
  if (driver === undefined) return undefined;
  const found = await programsWith(folders, deviceFile(folders, description));
  const [other = found[0]] = found.filter(({ pid }) => pid !== own);
  return other ?? { kind: "program", name: "another program" };
}

/** What to do about a holder, as the end of a message. */
export function remedyFor({ kind, name, pid }: UsbHolder): string {
  if (kind === "kernel-driver") {
    return `the kernel's driver ${name} has it: modprobe -r ${name}, and blacklist ${name} in /etc/modprobe.d`;
  }
  const who = pid === undefined ? name : `${name} (pid ${pid})`;
  const remedy = remedies[name];
  return `${who} has it${remedy === undefined ? (pid === undefined ? ": run scard readers --usb as root to see which" : ": end it") : `: ${remedy}`}`;
}

const remedies: Readonly<Record<string, string>> = {
  pcscd: "one of both can drive it; systemctl stop pcscd.socket pcscd",
  scdaemon: "gpgconf --kill scdaemon, and disable-ccid in ~/.gnupg/scdaemon.conf has GnuPG use the service",
  ModemManager: "udev's ID_MM_DEVICE_IGNORE keeps it from the device",
  "qemu-system-x86": "a virtual machine has it: take it out there first",
};

async function programsWith(folders: UsbFolders, file: string): Promise<readonly UsbHolder[]> {
  const names = await readdir(folders.proc).catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => programWith(join(folders.proc, pid), Number(pid), file)));
  return found.filter((holder) => holder !== undefined);
}

async function programWith(process: string, pid: number, file: string): Promise<UsbHolder | undefined> {
  const descriptors = await readdir(join(process, "fd")).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(join(process, "fd", fd)).catch(() => "")));
  if (!targets.includes(file)) return undefined;
  const name = await readFile(join(process, "comm"), "utf8").catch(() => "a program");
  return { kind: "program", name: name.trim(), pid };
}
