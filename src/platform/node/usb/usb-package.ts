// SPDX-License-Identifier: MIT

import type { WebUsbIdentity, WebUsbSetup } from "../../webusb/index.ts";
import { packageFailure } from "../runtime/index.ts";

/** A device as the package `usb` has it. Our own types, so that programs which compile against our declarations do not need it. */
export interface PackageDevice extends WebUsbIdentity {
  /** A number on Linux, else a name. */
  readonly bus: string;
  readonly address: number;
  readonly ports: readonly number[];
  readonly configuration?: {
    readonly configurationValue: number;
    readonly interfaces: readonly {
      readonly interfaceNumber: number;
      readonly alternate: { readonly interfaceClass: number; readonly interfaceName?: string | null };
    }[];
  };
  open(): Promise<void>;
  close(): Promise<void>;
  claimInterface(interfaceNumber: number): Promise<void>;
  releaseInterface(interfaceNumber: number): Promise<void>;
  clearHalt(direction: "in" | "out", endpointNumber: number): Promise<void>;
  transferIn(endpointNumber: number, length: number, timeoutMs: number): Promise<PackageAnswer>;
  transferOut(endpointNumber: number, data: Uint8Array, timeoutMs: number): Promise<unknown>;
  controlTransferIn(setup: WebUsbSetup, length: number, timeoutMs: number): Promise<PackageAnswer>;
  controlTransferOut(setup: WebUsbSetup, data: Uint8Array, timeoutMs: number): Promise<unknown>;
}

/** What came in; without data the endpoint is halted. */
export interface PackageAnswer {
  readonly data?: DataView | undefined;
}

/** The part of the package that is used here. */
export interface UsbPackage {
  /** Rejects where the machine has no USB. */
  getDevices(): Promise<readonly PackageDevice[]>;
  addEventListener(event: "connect" | "disconnect", listener: () => void): void;
  removeEventListener(event: "connect" | "disconnect", listener: () => void): void;
}

/** The command that installs it. */
export const USB_REMEDY = "npm install usb@3";

/**
 * Loads the package `usb`, which is optional.
 *
 * @param load loads a package by its name, instead of `import()`
 * @throws Error that says what to install, or why what is installed cannot be loaded
 */
export async function loadUsbPackage(load: () => Promise<unknown> = () => import("usb")): Promise<UsbPackage> {
  let loaded: unknown;
  try {
    loaded = await load();
  } catch (error) {
    const broken = packageFailure("usb", error);
    throw broken ?? new Error(`the optional package usb is not installed: ${USB_REMEDY}`, { cause: error });
  }
  const usb = memberOf(loaded, "usb") ?? memberOf(memberOf(loaded, "default"), "usb");
  if (isUsbPackage(usb)) return usb;
  throw new Error(`the package usb that is installed is not release 3: ${USB_REMEDY}`);
}

function memberOf(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}

function isUsbPackage(usb: unknown): usb is UsbPackage {
  // Release 2 has getDeviceList() and no getDevices() here.
  return typeof memberOf(usb, "getDevices") === "function" && typeof memberOf(usb, "addEventListener") === "function";
}
