// SPDX-License-Identifier: MIT

import { type FileHandle, open, stat } from "node:fs/promises";
import type { Clock } from "../../../port/index.ts";
import {
  type UsbControlRequest,
  UsbError,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "../../../readers/ccid/index.ts";
import { nameOfDevice, type UsbTransport } from "../../../readers/usb/index.ts";
import { type CompletionSource, Completions, signalSource } from "./completions.ts";
import { type UsbFolders, usualFolders } from "./folders.ts";
import { holderOf, remedyFor } from "./holders.ts";
import { deviceFile, readUsbTree } from "./sysfs.ts";
import { type UsbfsCalls, UsbfsFile } from "./usbfs-file.ts";
import { watchDevices } from "./watch-devices.ts";

/** What the transport needs. */
export interface UsbfsOptions {
  readonly clock: Clock;
  readonly calls: UsbfsCalls;
  /** Instead of the system's own. */
  readonly folders?: UsbFolders;
  readonly completions?: CompletionSource;
}

/** CLEAR_FEATURE(ENDPOINT_HALT) to an endpoint: USB 2.0, 9.4.1. */
const clearHaltOf = (endpoint: number): UsbControlRequest => ({
  requestType: 0x02,
  request: 1,
  value: 0,
  index: endpoint,
});

/** USB devices through Linux' own files for them, /dev/bus/usb. */
export function usbfsTransport({ calls, clock, completions, folders = usualFolders }: UsbfsOptions): UsbTransport {
  const ended = new Completions(clock, completions ?? signalSource);
  return {
    name: "usbfs",
    look: (others) => readUsbTree(folders, others),
    holderOf: (description) => holderOf(folders, description),
    watch: (changed) => watchDevices(folders, clock, changed),
    open: async (description) => {
      const path = deviceFile(folders, description);
      const handle = await open(path, "r+").catch(async (error: unknown) => {
        throw await openFailure(description, path, error);
      });
      const file = new UsbfsFile(handle.fd, nameOfDevice(description), calls, ended);
      try {
        file.claim(description.interfaceNumber);
      } catch (error) {
        file.abandon();
        await handle.close();
        throw await claimFailure(folders, description, error);
      }
      return new UsbfsInterface(description, handle, file);
    },
  };
}

async function claimFailure(
  folders: UsbFolders,
  description: UsbInterfaceDescription,
  cause: unknown,
): Promise<unknown> {
  if (!(cause instanceof UsbError) || cause.failure !== "busy") return cause;
  const holder = await holderOf(folders, description);
  const why = holder === undefined ? "another program has it" : remedyFor(holder);
  return new UsbError("busy", `${nameOfDevice(description)} is in use: ${why}`, { cause });
}

async function openFailure(description: UsbInterfaceDescription, path: string, cause: unknown): Promise<UsbError> {
  const name = nameOfDevice(description);
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EACCES" || code === "EPERM") {
    const facts = await stat(path).catch(() => undefined);
    const owner =
      facts === undefined
        ? ""
        : `, which belongs to user ${facts.uid} and group ${facts.gid} with permissions ${(facts.mode & 0o777).toString(8)}`;
    const remedy = "write the rule that scard doctor --fix-udev prints, or run as root";
    return new UsbError("access-denied", `${name}: no permission to open ${path}${owner}: ${remedy}`, { cause });
  }
  if (code === "ENOENT" || code === "ENODEV" || code === "ENXIO") {
    return new UsbError("gone", `${name}: ${path} is not there: it is unplugged, or this container has no USB`, {
      cause,
    });
  }
  return new UsbError("io", `${name}: ${path} cannot be opened: ${String(code ?? cause)}`, { cause });
}

/** A claimed interface. */
class UsbfsInterface implements UsbInterface {
  readonly description: UsbInterfaceDescription;
  readonly #handle: FileHandle;
  readonly #file: UsbfsFile;
  #closing: Promise<void> | undefined;

  constructor(description: UsbInterfaceDescription, handle: FileHandle, file: UsbfsFile) {
    this.description = description;
    this.#handle = handle;
    this.#file = file;
  }

  async bulkOut(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#open().send(this.#endpoint("bulkOut"), bytes, signal);
  }

  async bulkIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#open().receive("bulk", this.#endpoint("bulkIn"), maxBytes, signal);
  }

  async interruptIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#open().receive("interrupt", this.#endpoint("interruptIn"), maxBytes, signal);
  }

  async controlOut(request: UsbControlRequest, data: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#open().control(setupOf(request, data.length), data, 0, signal);
  }

  async controlIn(request: UsbControlRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#open().control(setupOf(request, maxBytes), undefined, maxBytes, signal);
  }

  async clearHalt(endpoint: number, signal: AbortSignal): Promise<void> {
    const file = this.#open();
    await file.control(setupOf(clearHaltOf(endpoint), 0), new Uint8Array(), 0, signal);
    file.resetEndpoint(endpoint);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#file.abandon();
    try {
      this.#file.release(this.description.interfaceNumber);
    } catch {
      // It is unplugged: the kernel has released it.
    }
    await this.#handle.close().catch(() => undefined);
  }

  #open(): UsbfsFile {
    if (this.#closing === undefined) return this.#file;
    throw new UsbError("cancelled", `${nameOfDevice(this.description)} is closed`);
  }

  #endpoint(kind: "bulkIn" | "bulkOut" | "interruptIn"): number {
    const endpoint = this.description.endpoints[kind];
    if (endpoint !== undefined) return endpoint.address;
    throw new UsbError("io", `${nameOfDevice(this.description)} has no endpoint ${kind}`);
  }
}

/** A setup packet: USB 2.0, table 9-2. */
function setupOf({ index, request, requestType, value }: UsbControlRequest, length: number): Uint8Array {
  const low = (number: number): number => number & 0xff;
  const high = (number: number): number => (number >> 8) & 0xff;
  return Uint8Array.of(
    requestType,
    request,
    low(value),
    high(value),
    low(index),
    high(index),
    low(length),
    high(length),
  );
}
