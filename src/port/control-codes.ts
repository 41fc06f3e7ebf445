// SPDX-License-Identifier: MIT

import { checkWhole, checkWord, shown } from "../base/binary/index.ts";
import type { Dialect } from "./codes.ts";

/** FILE_DEVICE_SMARTCARD of Microsoft's headers: the device type in the high word of a Windows control code. */
export const FILE_DEVICE_SMARTCARD = 0x31;

/** A function that the class driver of Windows has for every reader. */
export type ClassFunction = Exclude<Ioctl, "get-feature-request">;

const WINDOWS_BASE = FILE_DEVICE_SMARTCARD << 16;
const PCSCLITE_BASE = 0x4200_0000;
/** Function numbers have twelve bits in a Windows control code, the two lowest bits being the method, 0. */
const MAX_FUNCTION = 0xfff;

/**
 * A control code from a function number (`SCARD_CTL_CODE`): 0x00310000 + 4 n on Windows, 0x42000000 + n in pcsc-lite
 * and on macOS.
 *
 * @param n 0 to 4095; vendors have those from 2048 on.
 * @throws RangeError for a number that does not fit
 */
export function controlCode(n: number, dialect: Dialect = "windows"): number {
  if (!Number.isInteger(n) || n < 0 || n > MAX_FUNCTION) {
    throw new RangeError(
      `${shown(n)} is not a control function: it should be a whole number from 0 to ${MAX_FUNCTION}`,
    );
  }
  checkWord(dialect, ["windows", "pcsclite"], "controlCode: dialect");
  return dialect === "windows" ? WINDOWS_BASE + 4 * n : PCSCLITE_BASE + n;
}

/**
 * The control code as Windows counts. A code not made by `SCARD_CTL_CODE` (a vendor's own) is returned unchanged, and so
 * is a Windows code.
 */
export function toWindowsControlCode(code: number): number {
  checkCode(code, "toWindowsControlCode");
  const n = (code >>> 0) - PCSCLITE_BASE;
  return n >= 0 && n <= MAX_FUNCTION ? WINDOWS_BASE + 4 * n : code >>> 0;
}

/**
 * The control code as pcsc-lite counts. A code that `SCARD_CTL_CODE` did not make (another device type, method or
 * access) is a vendor's own and returned unchanged, and so is a pcsc-lite code.
 */
export function toPcscliteControlCode(code: number): number {
  checkCode(code, "toPcscliteControlCode");
  const offset = (code >>> 0) - WINDOWS_BASE;
  return offset >= 0 && offset <= 4 * MAX_FUNCTION && offset % 4 === 0 ? PCSCLITE_BASE + offset / 4 : code >>> 0;
}

/** A control code in both countings. */
export interface ControlCode {
  readonly name: string;
  readonly windows: number;
  readonly pcsclite: number;
}

function ioctl(name: string, n: number): ControlCode {
  return { name, windows: controlCode(n, "windows"), pcsclite: controlCode(n, "pcsclite") };
}

const ioctlRows = {
  power: ioctl("IOCTL_SMARTCARD_POWER", 1),
  "get-attribute": ioctl("IOCTL_SMARTCARD_GET_ATTRIBUTE", 2),
  "set-attribute": ioctl("IOCTL_SMARTCARD_SET_ATTRIBUTE", 3),
  confiscate: ioctl("IOCTL_SMARTCARD_CONFISCATE", 4),
  transmit: ioctl("IOCTL_SMARTCARD_TRANSMIT", 5),
  eject: ioctl("IOCTL_SMARTCARD_EJECT", 6),
  swallow: ioctl("IOCTL_SMARTCARD_SWALLOW", 7),
  /** Obsolete. */
  read: ioctl("IOCTL_SMARTCARD_READ", 8),
  /** Obsolete. */
  write: ioctl("IOCTL_SMARTCARD_WRITE", 9),
  "is-present": ioctl("IOCTL_SMARTCARD_IS_PRESENT", 10),
  "is-absent": ioctl("IOCTL_SMARTCARD_IS_ABSENT", 11),
  "set-protocol": ioctl("IOCTL_SMARTCARD_SET_PROTOCOL", 12),
  "get-state": ioctl("IOCTL_SMARTCARD_GET_STATE", 14),
  "get-last-error": ioctl("IOCTL_SMARTCARD_GET_LAST_ERROR", 15),
  "get-perf-cntr": ioctl("IOCTL_SMARTCARD_GET_PERF_CNTR", 16),
  "get-feature-request": ioctl("CM_IOCTL_GET_FEATURE_REQUEST", 3400),
} satisfies Readonly<Record<string, ControlCode>>;

/** A function of the class driver of Windows: the IOCTL_SMARTCARD_ name without prefix, in small letters. */
export type Ioctl = keyof typeof ioctlRows;

/** IOCTL_SMARTCARD_*: winsmcrd.h; and CM_IOCTL_GET_FEATURE_REQUEST of PC/SC part 10. */
export const ioctls: Readonly<Record<Ioctl, ControlCode>> = ioctlRows;

const classFunctions: ReadonlyMap<number, ClassFunction> = new Map(
  (Object.keys(ioctls) as Ioctl[]).flatMap((name) =>
    name === "get-feature-request" ? [] : [[ioctls[name].windows, name] as const],
  ),
);

/**
 * The function of Windows' class driver that a code stands for; undefined for all others. Windows' codes only: drivers for
 * pcsc-lite have other functions under the same numbers, and the CCID driver forwards every code.
 */
export function classFunction(code: number): ClassFunction | undefined {
  checkCode(code, "classFunction");
  return classFunctions.get(code >>> 0);
}

/**
 * The control code for a service that counts as pcsc-lite does. A function of Windows' class driver keeps its code: a service
 * without it refuses the code, and no driver mistakes it for its own.
 */
export function serviceControlCode(code: number): number {
  return classFunction(code) === undefined ? toPcscliteControlCode(code) : code >>> 0;
}

/** A control code, in whichever sign C code has it. */
function checkCode(code: unknown, operation: string): void {
  checkWhole(code, -0x8000_0000, 0xffff_ffff, `${operation}: code`);
}
