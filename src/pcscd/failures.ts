// SPDX-License-Identifier: MIT

import { type ErrorCode, type ErrorDetails, errorFromNumber, errorNumber, SmartCardError } from "../pcsc/index.ts";

/** SCARD_E_SHARING_VIOLATION: where it concerns a transaction it means «ask again». */
export const SHARING_VIOLATION: number = errorNumber("sharing-violation", "pcsclite");
/** SCARD_E_CANCELLED: somebody cancelled the context. */
export const CANCELLED: number = errorNumber("cancelled", "pcsclite");
/** SCARD_E_UNKNOWN_READER. */
export const UNKNOWN_READER: number = errorNumber("unknown-reader", "pcsclite");

/** What a call on a connection asked for, in the words of error messages. */
export type Operation =
  | "connect"
  | "reconnect"
  | "disconnect"
  | "begin transaction"
  | "end transaction"
  | "status"
  | "transmit"
  | "control"
  | "get attribute"
  | "set attribute";

/**
 * pcscd's numbers are those of its driver's outcome in some places. Where the port has a word of its own for what it
 * means there, this is it; everything else is what the table of codes says.
 */
const meanings: Readonly<Partial<Record<Operation, Readonly<Partial<Record<ErrorCode, ErrorCode>>>>>> = {
  // An exchange that failed in the driver or on the way to the card.
  transmit: { "not-transacted": "comm-error" },
  control: { "not-transacted": "comm-error" },
  // SCARD_E_UNSUPPORTED_FEATURE of pcsc-lite, and what its drivers make of an attribute that cannot be set.
  "get attribute": { "unsupported-feature": "not-supported", "not-transacted": "not-supported" },
  "set attribute": { "unsupported-feature": "not-supported", "not-transacted": "not-supported" },
};

/** A handle that the service does not know any more: its reader was unplugged. */
const readerGone: ReadonlySet<ErrorCode | undefined> = new Set(["invalid-value", "invalid-handle"]);

/** The failure that the service's answer to a call on a connection stands for. */
export function callFailure(
  rv: number,
  operation: Operation,
  subject: { readonly reader: string; readonly usesCard?: boolean },
): SmartCardError {
  const details: ErrorDetails = { reader: subject.reader, operation };
  const code = errorFromNumber(rv, "pcsclite");
  if (operation !== "connect" && readerGone.has(code)) {
    return new SmartCardError("reader-unavailable", `${operation}: «${subject.reader}» is gone`, details);
  }
  // The driver met no card, and the service has not noticed yet.
  if (operation === "transmit" && code === "no-smartcard" && subject.usesCard) {
    return new SmartCardError("removed-card", `${operation}: the card in «${subject.reader}» was removed`, details);
  }
  const meant = (code === undefined ? undefined : meanings[operation]?.[code]) ?? code ?? "unknown-error";
  return new SmartCardError(meant, explain(meant, rv, operation, subject.reader), details);
}

const explanations: Readonly<Partial<Record<ErrorCode, string>>> = {
  "reset-card": "the card was reset by another program; reconnect to go on",
  "removed-card": "the card was removed; reconnect when a card is there",
  "sharing-violation": "another program has the reader for itself",
  "no-smartcard": "there is no card",
  "unresponsive-card": "the card does not answer",
  "unpowered-card": "the card has no power",
  "proto-mismatch": "reader, card and caller have no protocol in common",
  "unknown-reader": "there is no such reader",
  "reader-unavailable": "the reader is gone, or does not answer",
  "comm-error": "the exchange with the card failed",
  "not-transacted": "there is no transaction",
  "not-supported": "the reader does not know the attribute, or cannot change it",
  "unsupported-feature": "the reader does not know the command",
  cancelled: "it was cancelled",
};

function explain(code: ErrorCode, rv: number, operation: string, reader: string): string {
  const why = explanations[code] ?? `the service answers 0x${rv.toString(16).toUpperCase().padStart(8, "0")}`;
  return `${operation} on «${reader}»: ${why}`;
}

/** The failure of a call on a context. */
export function contextFailure(rv: number, operation: string): SmartCardError {
  const code = errorFromNumber(rv, "pcsclite") ?? "unknown-error";
  if (code === "security-violation") return notAdmitted(operation);
  const meant = code === "invalid-handle" ? "invalid-context" : code;
  return new SmartCardError(meant, `${operation}: the service answers ${hex(rv)}`, { operation });
}

function hex(rv: number): string {
  return `0x${rv.toString(16).toUpperCase().padStart(8, "0")}`;
}

const rule = "docs/guide/clients.md, «Access», has a rule to copy";

/**
 * The service does not let us in. pcscd says nothing at all: where polkit refuses, and where it has as many clients as it
 * takes, it closes the connection.
 */
export function notAdmitted(operation: string): SmartCardError {
  return new SmartCardError(
    "security-violation",
    "the smart card service refuses this program. With pcscd, allow the user the polkit action " +
      `org.debian.pcsc-lite.access_pcsc (${rule}), or see whether it has reached its limit of clients (200); with ` +
      "scard daemon, its log names the rule of its configuration that refused",
    { operation },
  );
}

/** The service does not let us use that reader. */
export function readerNotAllowed(reader: string): SmartCardError {
  return new SmartCardError(
    "security-violation",
    `the smart card service does not let this program use «${reader}». With pcscd, allow the user the polkit action ` +
      `org.debian.pcsc-lite.access_card (${rule}); with scard daemon, its log names the rule that refused`,
    { reader, operation: "connect" },
  );
}

/** Whether the service may let us in another time without anybody doing anything for this program. */
export function mayPass(error: unknown): boolean {
  return error instanceof SmartCardError && passing.has(error.code);
}

const passing: ReadonlySet<ErrorCode> = new Set(["no-service", "service-stopped", "server-too-busy", "comm-error"]);
