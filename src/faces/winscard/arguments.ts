// SPDX-License-Identifier: MIT

import {
  type Disposition,
  dispositions,
  fromNumber,
  type Initialization,
  initializations,
  type Protocol,
  protocolMask,
  protocolsInMask,
  type Scope,
  type ShareMode,
  SmartCardError,
  scopes,
  shareModes,
  timeoutOfNumber,
  type WaitOptions,
} from "../../port/index.ts";
import { SCARD_PROTOCOL_DEFAULT } from "./constants.ts";

/**
 * The translation of what C programs pass, numbers, into the terms of the port, and back. Each function that reads an
 * argument takes the name of the operation, for the error.
 */

/** A DWORD, signed or unsigned as in C code: -1 is 0xFFFFFFFF. @throws invalid-value */
export function dword(value: number, what: string, operation: string): number {
  if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0xffff_ffff) {
    throw new SmartCardError("invalid-value", `${what} ${String(value)} is not a number of 32 bits`, { operation });
  }
  return value >>> 0;
}

type Table<K extends string> = Parameters<typeof fromNumber<K>>[0];

/** The term of a number. @throws invalid-value, which lists the allowed numbers */
function term<K extends string>(table: Table<K>, value: number, what: string, operation: string): K {
  const found = fromNumber(table, dword(value, what, operation));
  if (found !== undefined) return found;
  const allowed = Object.values<Table<K>[K]>(table)
    .filter((row) => row.windows !== undefined)
    .map((row) => `${row.name} (${row.windows})`);
  throw new SmartCardError("invalid-value", `${what} ${value} is not one of ${allowed.join(", ")}`, { operation });
}

/** @throws invalid-value */
export function scopeOf(value: number, operation: string): Scope {
  return term(scopes, value, "scope", operation);
}

/** @throws invalid-value */
export function shareModeOf(value: number, operation: string): ShareMode {
  return term(shareModes, value, "share mode", operation);
}

/** @throws invalid-value */
export function dispositionOf(value: number, operation: string): Disposition {
  return term(dispositions, value, "disposition", operation);
}

/** @throws invalid-value */
export function initializationOf(value: number, operation: string): Initialization {
  return term(initializations, value, "initialization", operation);
}

/**
 * The protocols in a mask. SCARD_PROTOCOL_DEFAULT asks for default parameters and names no protocol: alone it stands for
 * T=0 or T=1. Other bits are ignored.
 *
 * @throws proto-mismatch where no protocol is left and the share mode needs one; invalid-value
 */
export function preferredProtocolsOf(mask: number, shareMode: ShareMode, operation: string): Protocol[] {
  const bits = dword(mask, "protocol mask", operation);
  const list = protocolsInMask(bits);
  if (list.length === 0 && (bits & SCARD_PROTOCOL_DEFAULT) !== 0) return ["t0", "t1"];
  if (list.length === 0 && shareMode !== "direct") {
    throw new SmartCardError(
      "proto-mismatch",
      `protocol mask 0x${bits.toString(16)} names no protocol: only SCARD_SHARE_DIRECT goes without one`,
      { operation },
    );
  }
  return list;
}

/** The SCARD_PROTOCOL_ number of the protocol in use: SCARD_PROTOCOL_UNDEFINED (0) while no protocol is agreed on. */
export function protocolNumber(protocol: Protocol | undefined): number {
  return protocol === undefined ? 0 : protocolMask([protocol]);
}

/** A timeout as the port has it: without a deadline for INFINITE. @throws invalid-value */
export function waitOf(timeoutMs: number | undefined, signal: AbortSignal | undefined, operation: string): WaitOptions {
  const wait: { timeoutMs?: number; signal?: AbortSignal } = {};
  if (signal !== undefined) wait.signal = signal;
  if (timeoutMs !== undefined) {
    const limit = timeoutOfNumber(dword(timeoutMs, "timeout", operation));
    if (limit !== undefined) wait.timeoutMs = limit;
  }
  return wait;
}

/** The strings of a multi-string ("A\0B\0\0"), of a plain string, or of a list of either. */
export function stringsOf(value: string | readonly string[] | null | undefined): string[] {
  const parts = typeof value === "string" ? [value] : (value ?? []);
  return parts.flatMap((part) => part.split("\0")).filter((part) => part !== "");
}

/**
 * A text as C sees it: up to its first NUL, which the value of a string attribute ends with.
 *
 * @throws invalid-parameter where it is not a string
 */
export function textOf(value: string, what: string, operation: string): string {
  if (typeof value === "string") return value.split("\0", 1)[0] ?? "";
  throw new SmartCardError("invalid-parameter", `the ${what} ${String(value)} is not a text`, { operation });
}
