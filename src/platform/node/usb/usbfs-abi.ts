// SPDX-License-Identifier: MIT

import { constants, endianness } from "node:os";

/** How this machine's C has structures and request numbers. */
export interface UsbfsMachine {
  readonly pointerBytes: 4 | 8;
  readonly littleEndian: boolean;
  /** PowerPC and MIPS have other bits for the direction of a request (asm/ioctl.h). */
  readonly directions: { readonly none: number; readonly read: number; readonly write: number };
}

const usualDirections = { none: 0, write: 0x4000_0000, read: 0x8000_0000 };
const otherDirections = { none: 0x2000_0000, read: 0x4000_0000, write: 0x8000_0000 };

/** Architectures of 32 bits that Node has. */
const narrow: ReadonlySet<string> = new Set(["arm", "ia32", "mips", "mipsel", "ppc"]);

/** This machine, or one of another architecture. */
export function usbfsMachine(architecture: string = process.arch, byteOrder: "LE" | "BE" = endianness()): UsbfsMachine {
  return {
    pointerBytes: narrow.has(architecture) ? 4 : 8,
    littleEndian: byteOrder === "LE",
    directions: /^(ppc|mips)/.test(architecture) ? otherDirections : usualDirections,
  };
}

/** usbdevice_fs.h: USBDEVFS_URB_TYPE_*. */
export const urbTypes = { interrupt: 1, control: 2, bulk: 3 } as const;

/** The requests of usbfs (linux/usbdevice_fs.h) that are used here. */
export interface UsbfsRequests {
  readonly resetEndpoint: number;
  readonly claimInterface: number;
  readonly releaseInterface: number;
  readonly submitUrb: number;
  readonly discardUrb: number;
  readonly reapUrbNoDelay: number;
}

export function usbfsRequests({ directions, pointerBytes }: UsbfsMachine): UsbfsRequests {
  const request = (direction: number, number: number, bytes: number): number =>
    (direction | (bytes << 16) | (0x55 << 8) | number) >>> 0;
  return {
    resetEndpoint: request(directions.read, 3, 4),
    submitUrb: request(directions.read, 10, urbBytes(pointerBytes)),
    discardUrb: request(directions.none, 11, 0),
    reapUrbNoDelay: request(directions.write, 13, pointerBytes),
    claimInterface: request(directions.read, 15, 4),
    releaseInterface: request(directions.read, 16, 4),
  };
}

/** sizeof(struct usbdevfs_urb), without packets. */
export function urbBytes(pointerBytes: 4 | 8): number {
  return pointerBytes === 8 ? 56 : 44;
}

/** One transfer as the kernel takes it: struct usbdevfs_urb. */
export interface Urb {
  readonly type: number;
  readonly endpoint: number;
  /** Where the data is. */
  readonly buffer: bigint;
  readonly length: number;
  /** The signal at its end, 0 for none. */
  readonly signal: number;
}

/** Writes a transfer into the bytes that the kernel reads, which begin with 0 where nothing is said. */
export function encodeUrb(into: DataView, urb: Urb, { littleEndian, pointerBytes }: UsbfsMachine): void {
  into.setUint8(0, urb.type);
  into.setUint8(1, urb.endpoint);
  if (pointerBytes === 8) into.setBigUint64(16, urb.buffer, littleEndian);
  else into.setUint32(12, Number(urb.buffer), littleEndian);
  const at = pointerBytes === 8 ? 24 : 16;
  into.setInt32(at, urb.length, littleEndian);
  into.setUint32(at + 20, urb.signal, littleEndian);
}

/** What the kernel wrote into a transfer that has ended: 0 or a negative errno. */
export function urbStatus(from: DataView, { littleEndian }: UsbfsMachine): number {
  return from.getInt32(4, littleEndian);
}

/** How many bytes were moved. */
export function urbMoved(from: DataView, { littleEndian, pointerBytes }: UsbfsMachine): number {
  return from.getInt32(pointerBytes === 8 ? 28 : 20, littleEndian);
}

/** A pointer that the kernel wrote. */
export function readPointer(from: DataView, { littleEndian, pointerBytes }: UsbfsMachine): bigint {
  return pointerBytes === 8 ? from.getBigUint64(0, littleEndian) : BigInt(from.getUint32(0, littleEndian));
}

/** SIGURG: its default is to be ignored, so one that comes late does nothing. Number 23 on Linux, 21 on MIPS. */
export const COMPLETION_SIGNAL = constants.signals.SIGURG;
