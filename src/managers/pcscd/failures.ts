// SPDX-License-Identifier: MIT

import { hexDword } from "../../base/binary/index.ts";
import { type ErrorCode, errorFromNumber, errorNumber, SmartCardError } from "../../port/index.ts";
import { type Answerer, notAdmitted } from "../client/index.ts";

/** SCARD_E_CANCELLED: the context was cancelled. */
export const CANCELLED: number = errorNumber("cancelled", "pcsclite");
/** SCARD_E_UNKNOWN_READER. */
export const UNKNOWN_READER: number = errorNumber("unknown-reader", "pcsclite");

/** The service, which answers with pcsc-lite's numbers. */
export const service: Answerer = { name: "the service", dialect: "pcsclite" };

/** The failure of a call on a context. */
export function contextFailure(rv: number, operation: string): SmartCardError {
  const code = errorFromNumber(rv, "pcsclite") ?? "unknown-error";
  if (code === "security-violation") return notAdmitted(operation);
  const meant = code === "invalid-handle" ? "invalid-context" : code;
  return new SmartCardError(meant, `${operation}: the service answers ${hexDword(rv)}`, { operation });
}

/** The failure of a call on the card cache of scard daemon. */
export function cacheFailure(rv: number, operation: string, name: string): SmartCardError {
  const code = errorFromNumber(rv, "pcsclite") ?? "unknown-error";
  const why: Partial<Record<ErrorCode, string>> = {
    "cache-item-not-found": `nothing is cached as "${name}" at that revision of the card`,
    "cache-item-stale": `"${name}" was cached at an older revision of the card`,
    "cache-item-too-big": `"${name}" is larger than the daemon keeps`,
  };
  const meant = code === "invalid-handle" ? "invalid-context" : code;
  return new SmartCardError(meant, why[code] ?? `${operation}: the service answers ${hexDword(rv)}`, { operation });
}

/** Whether a later attempt may succeed by itself. */
export function mayPass(error: unknown): boolean {
  return error instanceof SmartCardError && passing.has(error.code);
}

const passing: ReadonlySet<ErrorCode> = new Set(["no-service", "service-stopped", "server-too-busy", "comm-error"]);
