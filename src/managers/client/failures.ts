// SPDX-License-Identifier: MIT

import { hexDword } from "../../base/binary/index.ts";
import {
  type Dialect,
  describeHolder,
  type ErrorCode,
  type ErrorDetails,
  errorFromNumber,
  type Holder,
  type Protocol,
  SmartCardError,
} from "../../port/index.ts";

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

/** Where the port has a word of its own for what a code means in a place. */
type Meanings = Readonly<Partial<Record<Operation, Readonly<Partial<Record<ErrorCode, ErrorCode>>>>>>;

/** The source of return codes. */
export interface Answerer {
  /** What messages call it. */
  readonly name: string;
  readonly dialect: Dialect;
  /** What its codes mean besides what they mean everywhere. */
  readonly meanings?: Meanings;
}

/**
 * pcscd's numbers are those of its driver's outcome in some places. Where the port has a word of its own for what it
 * means there, this is it; everything else is what the table of codes says.
 */
const meanings: Meanings = {
  // An exchange that failed in the driver or on the way to the card.
  transmit: { "not-transacted": "comm-error" },
  // Windows has a number of its own for what the reader does not know; pcsc-lite's is that of a feature.
  control: { "not-transacted": "comm-error", "not-supported": "unsupported-feature" },
  // SCARD_E_UNSUPPORTED_FEATURE of pcsc-lite, and what its drivers make of an attribute that cannot be set.
  "get attribute": { "unsupported-feature": "not-supported", "not-transacted": "not-supported" },
  "set attribute": { "unsupported-feature": "not-supported", "not-transacted": "not-supported" },
};

const explanations: Readonly<Partial<Record<ErrorCode, string>>> = {
  "reset-card": "the card was reset by another program; reconnect to go on",
  "removed-card": "the card was removed; reconnect when a card is there",
  "sharing-violation": "another program uses the reader",
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

/** A handle that is not known any more: its reader was unplugged. */
const readerGone: ReadonlySet<ErrorCode> = new Set(["invalid-value", "invalid-handle", "invalid-context"]);

/** What a call was about, and what is known of its failure besides the number. */
export interface Subject {
  readonly reader: string;
  readonly usesCard?: boolean;
  /** The holder, where the other side reports it. */
  readonly holder?: Holder | undefined;
  /** What the card speaks since its last reset, where that is not what was asked for. */
  readonly protocol?: Protocol | undefined;
}

const protocolNames: Readonly<Record<Protocol, string>> = {
  t0: "T=0",
  t1: "T=1",
  t15: "T=15",
  raw: "the raw protocol",
};

/** The failure that the answer to a call on a connection stands for. */
export function callFailure(answerer: Answerer, rv: number, operation: Operation, subject: Subject): SmartCardError {
  const { holder, protocol, reader, usesCard } = subject;
  const details: ErrorDetails = { reader, operation, ...(holder && { holder }), ...(protocol && { protocol }) };
  const code = errorFromNumber(rv, answerer.dialect) ?? "unknown-error";
  if (operation !== "connect" && readerGone.has(code)) return readerUnavailable(reader, operation);
  // The driver met no card, and the service has not noticed yet.
  if (operation === "transmit" && code === "no-smartcard" && usesCard) {
    return new SmartCardError("removed-card", `${operation}: the card in "${reader}" was removed`, details);
  }
  const meant = answerer.meanings?.[operation]?.[code] ?? meanings[operation]?.[code] ?? code;
  const why = whyOf(meant, subject) ?? `${answerer.name} answers ${hexDword(rv)}`;
  return new SmartCardError(meant, `${operation} on "${reader}": ${why}`, details);
}

function whyOf(code: ErrorCode, { holder, protocol }: Subject): string | undefined {
  if (code === "sharing-violation" && holder !== undefined) return describeHolder(holder);
  if (code === "proto-mismatch" && protocol !== undefined) {
    const name = protocolNames[protocol];
    return `the card speaks ${name} since its last reset; ask for ${name}, or reset the card`;
  }
  return explanations[code];
}

/** The reader of a connection was unplugged. */
export function readerUnavailable(reader: string, operation: Operation): SmartCardError {
  return new SmartCardError("reader-unavailable", `${operation}: "${reader}" is gone`, { reader, operation });
}

/** An answer of a card ends with SW1 SW2 at least. ISO/IEC 7816-4:2020, 5.1. */
export function noResponse(reader: string): SmartCardError {
  const message = `transmit on "${reader}": the card, or its reader's driver, has answered nothing`;
  return new SmartCardError("comm-error", message, { reader, operation: "transmit" });
}

/** What a context that does one thing at a time is told of a wait that only itself could end. */
export function endless(reader: string, operation: string): SmartCardError {
  const message = `${operation} would wait for the transaction that this very context has on "${reader}"`;
  return new SmartCardError("sharing-violation", message, { reader, operation });
}

const RULE = 'docs/guide/clients.md, "Access", has a rule to copy';

/**
 * The service refuses this client. pcscd does not answer then: where polkit refuses, and at its limit of clients, it closes
 * the connection.
 */
export function notAdmitted(operation: string): SmartCardError {
  return new SmartCardError(
    "security-violation",
    "the smart card service refuses this program. With pcscd, allow the user the polkit action " +
      `org.debian.pcsc-lite.access_pcsc (${RULE}), or see whether it has reached its limit of clients (200); with ` +
      "scard daemon, its log names the rule of its configuration that refused",
    { operation },
  );
}

/** The service does not let us use that reader. */
export function readerNotAllowed(reader: string): SmartCardError {
  return new SmartCardError(
    "security-violation",
    `the smart card service does not let this program use "${reader}". With pcscd, allow the user the polkit action ` +
      `org.debian.pcsc-lite.access_card (${RULE}); with scard daemon, its log names the rule that refused`,
    { reader, operation: "connect" },
  );
}
