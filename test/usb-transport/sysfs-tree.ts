// SPDX-License-Identifier: MIT

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A device of the tree. */
export interface TreeDevice {
  readonly port: string;
  readonly bus?: number;
  readonly address?: number;
  readonly vendorId?: number;
  readonly productId?: number;
  readonly manufacturer?: string;
  readonly product?: string;
  readonly serial?: string;
  /** Its configuration descriptor; a reader with one interface without it. */
  readonly configuration?: Uint8Array;
  /** bConfigurationValue; 1 without it, empty where it is not set yet. */
  readonly configured?: string;
  /** Strings of interfaces, by their numbers. */
  readonly interfaces?: Readonly<Record<number, string>>;
  /** Kernel drivers of interfaces, by their numbers. */
  readonly drivers?: Readonly<Record<number, string>>;
  /** Lines of udev's database. */
  readonly udev?: readonly string[];
}

/** An interface descriptor of the smart card class with its class descriptor and three endpoints. */
export function readerInterface(
  number: number,
  { interfaceClass = 0x0b, protocol = 0, nameIndex = 0, classType = 0x21, classAtEnd = false, endpoints = true } = {},
): Uint8Array {
  const classDescriptor = [54, classType, 0x10, 0x01, ...new Array<number>(50).fill(number)];
  const ends = endpoints ? [7, 5, 0x01, 2, 64, 0, 0, 7, 5, 0x82, 2, 64, 0, 0, 7, 5, 0x83, 3, 8, 0, 10] : [];
  const head = [9, 4, number, 0, endpoints ? 3 : 0, interfaceClass, 0, protocol, nameIndex];
  return Uint8Array.from(classAtEnd ? [...head, ...ends, ...classDescriptor] : [...head, ...classDescriptor, ...ends]);
}

/** A configuration descriptor with these interfaces. */
export function configurationOf(...interfaces: readonly Uint8Array[]): Uint8Array {
  const length = 9 + interfaces.reduce((sum, one) => sum + one.length, 0);
  const head = [9, 2, length & 0xff, length >> 8, interfaces.length, 1, 0, 0x80, 50];
  return Uint8Array.from([...head, ...interfaces.flatMap((one) => [...one])]);
}

/** Folders as Linux has them, with devices that come and go. */
export class SysfsTree {
  readonly root: string = mkdtempSync(join(tmpdir(), "scard-usb-"));
  readonly folders = {
    sys: join(this.root, "sys"),
    dev: join(this.root, "dev"),
    run: join(this.root, "run"),
    proc: join(this.root, "proc"),
  };

  /** @param hasUsb whether the kernel has USB */
  constructor(hasUsb = true) {
    for (const folder of Object.values(this.folders)) mkdirSync(folder);
    if (hasUsb) mkdirSync(join(this.folders.sys, "bus/usb/devices"), { recursive: true });
  }

  plug(device: TreeDevice): void {
    const { address = 2, bus = 1, configured = "1", port, productId = 0x2200, vendorId = 0x072f } = device;
    const configuration = device.configuration ?? configurationOf(readerInterface(0));
    const path = join(this.folders.sys, "bus/usb/devices", port);
    const descriptor = Buffer.alloc(18);
    descriptor.writeUInt16LE(vendorId, 8);
    descriptor.writeUInt16LE(productId, 10);
    descriptor.writeUInt16LE(0x0214, 12);
    this.#write(join(path, "descriptors"), Buffer.concat([descriptor, configuration]));
    const texts = { ...device, busnum: String(bus), devnum: String(address), bConfigurationValue: configured };
    for (const name of ["manufacturer", "product", "serial", "busnum", "devnum", "bConfigurationValue"] as const) {
      if (texts[name] !== undefined) this.#write(join(path, name), `${texts[name]}\n`);
    }
    for (const [number, name] of Object.entries(device.interfaces ?? {})) {
      this.#write(join(`${path}:${configured}.${number}`, "interface"), `${name}\n`);
    }
    for (const [number, name] of Object.entries(device.drivers ?? {})) {
      const folder = `${path}:${configured}.${number}`;
      mkdirSync(folder, { recursive: true });
      symlinkSync(`../../../bus/usb/drivers/${name}`, join(folder, "driver"));
    }
    if (device.udev !== undefined) {
      const minor = (bus - 1) * 128 + address - 1;
      this.#write(join(this.folders.run, `udev/data/c189:${minor}`), `${device.udev.join("\n")}\n`);
    }
    this.#write(this.deviceFile(bus, address), "");
  }

  unplug(port: string, bus = 1, address = 2): void {
    rmSync(join(this.folders.sys, "bus/usb/devices", port), { recursive: true });
    rmSync(this.deviceFile(bus, address));
  }

  deviceFile(bus = 1, address = 2): string {
    const digits = (number: number): string => String(number).padStart(3, "0");
    return join(this.folders.dev, "bus/usb", digits(bus), digits(address));
  }

  /** A program that has files open. */
  program(pid: number, name: string, files: readonly string[]): void {
    const path = join(this.folders.proc, String(pid));
    this.#write(join(path, "comm"), `${name}\n`);
    mkdirSync(join(path, "fd"), { recursive: true });
    for (const [fd, file] of files.entries()) symlinkSync(file, join(path, "fd", String(fd)));
  }

  /** A file of udev's: `control` while it runs, `queue` while it has work. */
  udev(name: "control" | "queue"): void {
    this.#write(join(this.folders.run, "udev", name), "");
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}
