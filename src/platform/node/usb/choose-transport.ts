// SPDX-License-Identifier: MIT

import type { Clock } from "../../../port/index.ts";
import type { UsbTransport } from "../../../readers/usb/index.ts";
import { type Koffi, koffiRemedy, loadKoffi } from "../koffi/index.ts";
import { loopSource } from "./completions.ts";
import { usualFolders } from "./folders.ts";
import { holderOf } from "./holders.ts";
import { packageTransport } from "./package-transport.ts";
import { readUsbTree } from "./sysfs.ts";
import { loadUsbPackage, USB_REMEDY, type UsbPackage } from "./usb-package.ts";
import { usbfsCalls } from "./usbfs-file.ts";
import { usbfsTransport } from "./usbfs-transport.ts";
import { watchDevices } from "./watch-devices.ts";

/** What the choice depends on; this machine's own without them. */
export interface TransportChoice {
  readonly platform?: NodeJS.Platform;
  readonly loadKoffi?: () => Koffi;
  readonly loadUsb?: () => Promise<UsbPackage>;
}

/**
 * The way to USB on this machine: on Linux the system's own files through koffi, else the package `usb`
 * (docs/decisions: usbfs before the package).
 *
 * @throws Error that says what to install: neither optional package is there
 */
export async function chooseTransport(clock: Clock, choice: TransportChoice = {}): Promise<UsbTransport> {
  const { platform = process.platform } = choice;
  const loadUsb = choice.loadUsb ?? loadUsbPackage;
  if (platform !== "linux") return packageTransport(await loadUsb());
  const koffi = attempt(choice.loadKoffi ?? loadKoffi);
  if (koffi.loaded !== undefined) {
    return usbfsTransport({ clock, calls: usbfsCalls(koffi.loaded), completions: loopSource(koffi.loaded) });
  }
  const usb = await loadUsb().then(
    (loaded) => ({ loaded }),
    (error: unknown) => ({ error }),
  );
  if ("loaded" in usb) {
    return packageTransport(usb.loaded, {
      look: (others) => readUsbTree(usualFolders, others),
      holderOf: (description) => holderOf(usualFolders, description),
      watch: (changed) => watchDevices(usualFolders, clock, changed),
    });
  }
  const remedy = `${koffiRemedy(process.platform, process.arch)}, or ${USB_REMEDY}`;
  throw new AggregateError([koffi.error, usb.error], `USB readers need one of two optional packages: ${remedy}`);
}

function attempt<T>(
  load: () => T,
): { readonly loaded: T; readonly error?: undefined } | { readonly loaded?: undefined; readonly error: unknown } {
  try {
    return { loaded: load() };
  } catch (error) {
    return { error };
  }
}
