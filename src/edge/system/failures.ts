// SPDX-License-Identifier: MIT

import { type ErrorCode, type ErrorDetails, errorFromNumber, SmartCardError } from "../../pcsc/index.ts";
import type { Abi } from "./abi.ts";

/** What was asked for, in the words of error messages. */
export type Operation =
  | "establish context"
  | "list readers"
  | "list reader groups"
  | "status change"
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
 * Where the port has a word of its own for what a number means in a place, this is it; everything else is what the table
 * of codes says.
 */
const meanings: Readonly<Partial<Record<Operation, Readonly<Partial<Record<ErrorCode, ErrorCode>>>>>> = {
  // Windows: there is no card.
  connect: { "removed-card": "no-smartcard" },
  reconnect: { "removed-card": "no-smartcard" },
  // pcsc-lite: an exchange that failed in the driver or on the way to the card.
  transmit: { "not-transacted": "comm-error" },
  control: { "not-transacted": "comm-error", "not-supported": "unsupported-feature" },
  // SCARD_E_UNSUPPORTED_FEATURE of pcsc-lite, and what its drivers make of an attribute that cannot be set.
  "get attribute": { "unsupported-feature": "not-supported", "not-transacted": "not-supported" },
  "set attribute": { "unsupported-feature": "not-supported", "not-transacted": "not-supported" },
};

/** What a number of the library stands for. */
export function codeOf(abi: Abi, rv: number): ErrorCode {
  return errorFromNumber(rv, abi.dialect) ?? "unknown-error";
}

/**
 * Whether a number says that the connection to the service is gone. libpcsclite has these for nothing else: what goes
 * wrong with a card has other numbers there.
 */
export function isLost(abi: Abi, rv: number): boolean {
  return lost[abi.system].has(codeOf(abi, rv));
}

const lost: Readonly<Record<Abi["system"], ReadonlySet<ErrorCode>>> = {
  windows: new Set(["no-service", "service-stopped", "shutdown", "broken-pipe"]),
  macos: new Set(["no-service", "service-stopped"]),
  pcsclite: new Set(["no-service", "service-stopped", "comm-error", "security-violation"]),
};

/** A handle that is not known any more: its reader was unplugged. */
const readerGone: ReadonlySet<ErrorCode> = new Set(["invalid-value", "invalid-handle", "invalid-context"]);

/** What a number that a call on a connection answered means to the caller. */
export function callFailure(
  abi: Abi,
  rv: number,
  operation: Operation,
  subject: { readonly reader: string; readonly usesCard?: boolean },
): SmartCardError {
  const details: ErrorDetails = { reader: subject.reader, operation };
  const code = codeOf(abi, rv);
  if (operation !== "connect" && readerGone.has(code)) return readerUnavailable(subject.reader, operation);
  // The driver met no card, and the service has not noticed yet.
  if (operation === "transmit" && code === "no-smartcard" && subject.usesCard) {
    return new SmartCardError("removed-card", `${operation}: the card in «${subject.reader}» was removed`, details);
  }
  const meant = meanings[operation]?.[code] ?? code;
  const why = explanations[meant] ?? `the library answers ${hex(rv)}`;
  return new SmartCardError(meant, `${operation} on «${subject.reader}»: ${why}`, details);
}

function readerUnavailable(reader: string, operation: Operation): SmartCardError {
  return new SmartCardError("reader-unavailable", `${operation}: «${reader}» is gone`, { reader, operation });
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
};

/** What a number that a call on a context answered means to the caller. */
export function contextFailure(abi: Abi, rv: number, operation: Operation): SmartCardError {
  if (operation !== "establish context" && isLost(abi, rv)) return serviceStopped();
  const code = codeOf(abi, rv);
  // libpcsclite: the service closes the connection before it has said anything.
  if (abi.system === "pcsclite" && (code === "security-violation" || code === "comm-error")) {
    return new SmartCardError("security-violation", notAdmitted, { operation });
  }
  const remedy = code === "no-service" ? `. ${startIt[abi.system]}` : "";
  const meant = code === "invalid-handle" ? "invalid-context" : code;
  return new SmartCardError(meant, `${operation}: the system's library answers ${hex(rv)}${remedy}`, { operation });
}

const notAdmitted =
  "the smart card service refuses this program. With pcscd, allow the user the polkit action " +
  "org.debian.pcsc-lite.access_pcsc (docs/guide/clients.md, «Access», has a rule to copy), or see whether it has reached " +
  "its limit of clients (200); with scard daemon, its log names the rule that refused";

/** The service does not let us use a reader: it lives, and has closed that connection. */
export function readerNotAllowed(reader: string): SmartCardError {
  const message =
    `the smart card service does not let this program use «${reader}». With pcscd, allow the user the polkit action ` +
    "org.debian.pcsc-lite.access_card (docs/guide/clients.md, «Access», has a rule to copy); with scard daemon, its log " +
    "names the rule that refused";
  return new SmartCardError("security-violation", message, { reader, operation: "connect" });
}

const startIt: Readonly<Record<Abi["system"], string>> = {
  windows: "The service «Smart Card» (SCardSvr) is not running; it runs while a reader is there",
  macos: "The system's smart card service (com.apple.ifdreader) is not running; it runs while a reader is there",
  pcsclite: "Nobody answers at the service's socket: systemctl enable --now pcscd.socket, or npx scard daemon",
};

export function serviceStopped(): SmartCardError {
  return new SmartCardError("service-stopped", "the smart card service is gone; open a new context when it is back");
}

function hex(rv: number): string {
  return `0x${rv.toString(16).toUpperCase().padStart(8, "0")}`;
}
