// SPDX-License-Identifier: MIT

import { type ErrorCode, errorCodes, SmartCardError } from "../../port/index.ts";

/** A failure in the form of `smartcard`; its `cause` is the `SmartCardError` with details. */
export class PCSCError extends Error {
  override readonly name: string = "PCSCError";
  /** The number of pcsc-lite's header, unsigned. */
  readonly code: number;

  constructor(message: string, code: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The card was pulled out. */
export class CardRemovedError extends PCSCError {
  override readonly name: string = "CardRemovedError";
  constructor(message = "Card was removed", options?: ErrorOptions) {
    super(message, errorCodes["removed-card"].pcsclite, options);
  }
}

/** A wait has timed out. */
export class TimeoutError extends PCSCError {
  override readonly name: string = "TimeoutError";
  constructor(message = "Operation timed out", options?: ErrorOptions) {
    super(message, errorCodes.timeout.pcsclite, options);
  }
}

/** There is no reader. */
export class NoReadersError extends PCSCError {
  override readonly name: string = "NoReadersError";
  constructor(message = "No readers available", options?: ErrorOptions) {
    super(message, errorCodes["no-readers-available"].pcsclite, options);
  }
}

/** No smart card service runs on this machine. */
export class ServiceNotRunningError extends PCSCError {
  override readonly name: string = "ServiceNotRunningError";
  constructor(message = "PC/SC service not running", options?: ErrorOptions) {
    super(message, errorCodes["no-service"].pcsclite, options);
  }
}

/** Another program has the card. */
export class SharingViolationError extends PCSCError {
  override readonly name: string = "SharingViolationError";
  constructor(message = "Sharing violation - card is in use", options?: ErrorOptions) {
    super(message, errorCodes["sharing-violation"].pcsclite, options);
  }
}

const classes: ReadonlyMap<number, new (message?: string, options?: ErrorOptions) => PCSCError> = new Map([
  [errorCodes["removed-card"].pcsclite, CardRemovedError],
  [errorCodes.timeout.pcsclite, TimeoutError],
  [errorCodes["no-readers-available"].pcsclite, NoReadersError],
  [errorCodes["no-service"].pcsclite, ServiceNotRunningError],
  [errorCodes["sharing-violation"].pcsclite, SharingViolationError],
]);

/** The error of the class that there is for a number, or else a plain `PCSCError`. */
export function createPCSCError(message: string, code: number, options?: ErrorOptions): PCSCError {
  const Known = classes.get(code);
  return Known === undefined ? new PCSCError(message, code, options) : new Known(message, options);
}

/** The package's text for each code: its src/pcsc_errors.h. Programs compare these texts. */
const texts: Readonly<Partial<Record<ErrorCode, string>>> = {
  cancelled: "Operation cancelled",
  "cant-dispose": "Cannot dispose handle",
  "insufficient-buffer": "Insufficient buffer",
  "invalid-atr": "Invalid ATR",
  "invalid-handle": "Invalid handle",
  "invalid-context": "Invalid handle",
  "invalid-parameter": "Invalid parameter",
  "invalid-target": "Invalid target",
  "invalid-value": "Invalid value",
  "no-memory": "Not enough memory",
  "no-service": "PC/SC service not running",
  "no-smartcard": "No smart card present",
  "not-ready": "Reader not ready",
  "not-transacted": "Transaction failed",
  "pci-too-small": "PCI struct too small",
  "proto-mismatch": "Protocol mismatch",
  "reader-unavailable": "Reader unavailable",
  "service-stopped": "PC/SC service stopped",
  "sharing-violation": "Sharing violation",
  "system-cancelled": "System cancelled operation",
  timeout: "Operation timed out",
  "unknown-card": "Unknown card type",
  "unknown-reader": "Unknown reader",
  "no-readers-available": "No readers available",
  "comm-error": "Communication error",
  "internal-error": "Internal error",
  "removed-card": "Card was removed",
  "reset-card": "Card was reset",
  "unpowered-card": "Card is unpowered",
  "unresponsive-card": "Card is unresponsive",
  "unsupported-card": "Card is not supported",
};

/** Any failure in the form of `smartcard`. */
export function smartcardError(error: unknown): PCSCError {
  if (error instanceof PCSCError) return error;
  const code = error instanceof SmartCardError ? error.code : "internal-error";
  return createPCSCError(texts[code] ?? "Unknown PC/SC error", errorCodes[code].pcsclite, { cause: error });
}
