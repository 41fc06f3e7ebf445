// SPDX-License-Identifier: MIT

import { hexDword } from "../../base/binary/index.ts";
import { type Dialect, type ErrorCode, errorNumber, SmartCardError } from "../../port/index.ts";

/**
 * The texts of pcsc_stringify_error. Programs compare them, as `pcsclite` provides nothing else.
 * LudovicRousseau/PCSC, src/error.c.
 */
const texts: Readonly<Partial<Record<ErrorCode, string>>> = {
  "internal-error": "Internal error.",
  cancelled: "Command cancelled.",
  "invalid-handle": "Invalid handle.",
  "invalid-context": "Invalid handle.",
  "invalid-parameter": "Invalid parameter given.",
  "invalid-target": "Invalid target given.",
  "no-memory": "Not enough memory.",
  "waited-too-long": "Waited too long.",
  "insufficient-buffer": "Insufficient buffer.",
  "unknown-reader": "Unknown reader specified.",
  timeout: "Command timeout.",
  "sharing-violation": "Sharing violation.",
  "no-smartcard": "No smart card inserted.",
  "unknown-card": "Unknown card.",
  "cant-dispose": "Cannot dispose handle.",
  "proto-mismatch": "Card protocol mismatch.",
  "not-ready": "Subsystem not ready.",
  "invalid-value": "Invalid value given.",
  "system-cancelled": "System cancelled.",
  "comm-error": "RPC transport error.",
  "unknown-error": "Unknown error.",
  "invalid-atr": "Invalid ATR.",
  "not-transacted": "Transaction failed.",
  "reader-unavailable": "Reader is unavailable.",
  "pci-too-small": "PCI struct too small.",
  "reader-unsupported": "Reader is unsupported.",
  "duplicate-reader": "Reader already exists.",
  "card-unsupported": "Card is unsupported.",
  "no-service": "Service not available.",
  "service-stopped": "Service was stopped.",
  "unsupported-feature": "Feature not supported.",
  "not-supported": "Feature not supported.",
  unexpected: "Feature not supported.",
  "no-readers-available": "Cannot find a smart card reader.",
  "unsupported-card": "Card is not supported.",
  "unresponsive-card": "Card is unresponsive.",
  "unpowered-card": "Card is unpowered.",
  "reset-card": "Card was reset.",
  "removed-card": "Card was removed.",
  "security-violation": "Access denied.",
};

/** The functions of PC/SC that the messages name. */
export type PcscFunction =
  | "SCardEstablishContext"
  | "SCardGetStatusChange"
  | "SCardConnect"
  | "SCardDisconnect"
  | "SCardTransmit"
  | "SCardControl";

/**
 * A failure in the form of `pcsclite`: an Error whose message is `SCardConnect error: Sharing violation.(0x8010000b)`. The
 * `SmartCardError`, which says more, is its `cause`.
 *
 * **Portability**: the number is that of the system's header. The text is pcsc-lite's everywhere; the package that was
 * compiled on Windows has Windows' own, in the user's language.
 */
export function pcscliteError(call: PcscFunction, error: unknown, dialect: Dialect): Error {
  const code = error instanceof SmartCardError ? error.code : "internal-error";
  const number = hexDword(errorNumber(code, dialect));
  const text = texts[code] ?? `Unknown error: ${number}`;
  return new Error(`${call} error: ${text}(${number.toLowerCase()})`, { cause: error });
}
