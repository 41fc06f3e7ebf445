// SPDX-License-Identifier: MIT

import { errorName, SmartCardError } from "../../port/index.ts";

/** The HRESULTs that are not smart card codes, by their names in winerror.h. */
export const hresults = {
  S_OK: 0x0000_0000,
  S_FALSE: 0x0000_0001,
  E_NOTIMPL: 0x8000_4001,
  E_NOINTERFACE: 0x8000_4002,
  E_POINTER: 0x8000_4003,
  E_FAIL: 0x8000_4005,
  E_UNEXPECTED: 0x8000_ffff,
  E_ACCESSDENIED: 0x8007_0005,
  E_OUTOFMEMORY: 0x8007_000e,
  E_INVALIDARG: 0x8007_0057,
  CLASS_E_CLASSNOTAVAILABLE: 0x8004_0111,
  REGDB_E_CLASSNOTREG: 0x8004_0154,
  STG_E_SEEKERROR: 0x8003_0019,
  STG_E_LOCKVIOLATION: 0x8003_0021,
  STG_E_MEDIUMFULL: 0x8003_0070,
  STG_E_INVALIDFLAG: 0x8003_00ff,
} as const;

/** Name of an HRESULT that is not a smart card code. */
export type HresultName = keyof typeof hresults;

/** Facility bits of an HRESULT that stands for a Windows error code: 0x8007nnnn. */
const FACILITY_WIN32 = 0x8007_0000;
const brand: unique symbol = Symbol.for("scard.ComError") as never;

/**
 * A COM method has failed. `hresult` is what the method returns in C++, unsigned; `hresultName` is its name in the
 * headers, and begins the message. Where the resource manager has failed below, `cause` is its `SmartCardError`, whose
 * `details` name the reader and, for a refused lock, the holder.
 *
 * `instanceof` works across two copies of this package in one process.
 */
export class ComError extends Error {
  override readonly name: string = "ComError";
  readonly hresult: number;
  readonly hresultName: string;

  constructor(what: HresultName, message: string);
  constructor(what: SmartCardError);
  constructor(what: HresultName | SmartCardError, message?: string) {
    if (typeof what === "string") {
      super(`${what}: ${message}`);
      this.hresult = hresults[what];
      this.hresultName = what;
    } else {
      super(what.message, { cause: what });
      // Windows' own error codes are small numbers, and become HRESULTs of their facility.
      this.hresult = what.rv > 0xffff ? what.rv : FACILITY_WIN32 + what.rv;
      this.hresultName = errorName(what.code);
    }
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && (value as Record<PropertyKey, unknown>)[brand] === true;
  }
}

/** The error that a method fails with, for what has failed below. Anything but a `SmartCardError` is a bug, and passes. */
export function comErrorFor(error: unknown): unknown {
  return error instanceof SmartCardError ? new ComError(error) : error;
}
