// SPDX-License-Identifier: MIT

import { checkWhole } from "../binary/index.ts";

/** The category of a status word. ISO/IEC 7816-4:2005, 5.1.3, table 5. */
export type StatusKind = "success" | "warning" | "execution-error" | "checking-error" | "unknown";

/** A status word in words. */
export interface StatusDescription {
  readonly kind: StatusKind;
  /** A sentence without its full stop: `file or application not found`. */
  readonly meaning: string;
  /** For 63Cx: x, 0 to 15. What it counts depends on the command. */
  readonly counter?: number;
  /** For 63Cx as answer to a command that verifies or authenticates: how many further tries the card allows, 0 to 15. */
  readonly retriesLeft?: number;
}

/** Status words with a specific meaning. ISO/IEC 7816-4:2005, table 6; 6287, 6481, 6482, 6701, 6702: :2013. */
const meanings: Readonly<Record<number, string>> = {
  0x9000: "success",
  0x6200: "warning, without further information",
  0x6281: "part of the returned data may be corrupted",
  0x6282: "end of the file or record reached before Le bytes were read, or the search found nothing",
  0x6283: "the selected file is deactivated",
  0x6284: "the file control information is not formatted as asked",
  0x6285: "the selected file is in termination state",
  0x6286: "no input data from a sensor on the card",
  0x6287: "at least one of the referenced records is deactivated",
  0x6300: "warning, with memory changed; many cards mean that a verification failed",
  0x6381: "the file was filled up by the last write",
  0x6400: "execution error",
  0x6401: "the card requires an immediate response",
  0x6481: "shared access by a logical channel denied",
  0x6482: "opening of a logical channel denied",
  0x6500: "execution error, with memory changed",
  0x6581: "memory failure",
  0x6600: "security-related issue",
  0x6700: "wrong length",
  0x6701: "the format of the command does not follow the standard",
  0x6702: "Lc is not the one expected",
  0x6800: "function in the class byte not supported",
  0x6881: "logical channel not supported",
  0x6882: "secure messaging not supported",
  0x6883: "last command of the chain expected",
  0x6884: "command chaining not supported",
  0x6900: "command not allowed",
  0x6981: "command incompatible with the file structure",
  0x6982: "security status not satisfied",
  0x6983: "authentication method blocked",
  0x6984: "reference data not usable",
  0x6985: "conditions of use not satisfied",
  0x6986: "command not allowed: no current file",
  0x6987: "expected secure messaging data objects missing",
  0x6988: "secure messaging data objects incorrect",
  0x6a00: "wrong parameters P1-P2",
  0x6a80: "incorrect parameters in the data field",
  0x6a81: "function not supported",
  0x6a82: "file or application not found",
  0x6a83: "record not found",
  0x6a84: "not enough memory space in the file",
  0x6a85: "Lc inconsistent with the TLV structure",
  0x6a86: "incorrect parameters P1-P2",
  0x6a87: "Lc inconsistent with the parameters P1-P2",
  0x6a88: "referenced data or reference data not found",
  0x6a89: "file already exists",
  0x6a8a: "DF name already exists",
  0x6b00: "wrong parameters P1-P2: offset outside the file",
  0x6d00: "instruction code not supported or invalid",
  0x6e00: "class not supported",
  0x6f00: "no precise diagnosis",
};

/** The meaning of each first byte, for words without a specific meaning. ISO/IEC 7816-4:2005, table 5. */
const families: Readonly<Record<number, readonly [StatusKind, string]>> = {
  0x62: ["warning", "warning, memory unchanged"],
  0x63: ["warning", "warning, memory changed"],
  0x64: ["execution-error", "execution error, memory unchanged"],
  0x65: ["execution-error", "execution error, memory changed"],
  0x66: ["execution-error", "security-related issue"],
  0x67: ["checking-error", "wrong length, proprietary"],
  0x68: ["checking-error", "function in the class byte not supported"],
  0x69: ["checking-error", "command not allowed"],
  0x6a: ["checking-error", "wrong parameters P1-P2"],
  0x6b: ["checking-error", "wrong parameters P1-P2, proprietary"],
  0x6d: ["checking-error", "instruction code not supported, proprietary"],
  0x6e: ["checking-error", "class not supported, proprietary"],
  0x6f: ["checking-error", "no precise diagnosis, proprietary"],
};

/**
 * Describes a status word.
 *
 * @param sw both status bytes as one number, 0 to 0xFFFF; any other number is reported as `unknown`.
 * @param ins the instruction that it answers, in an interindustry class: 63Cx means something else to VERIFY than to UPDATE
 * BINARY. Without it 63Cx is a counter.
 * @see ISO/IEC 7816-4:2005, 5.1.3
 */
export function describeStatusWord(sw: number, ins?: number): StatusDescription {
  checkWhole(sw, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "describeStatusWord: sw");
  if (ins !== undefined) checkWhole(ins, 0, 0xff, "describeStatusWord: ins");
  const sw1 = sw >> 8;
  const sw2 = sw & 0xff;
  if (sw1 === 0x61) return { kind: "success", meaning: `success, ${countBytes(sw2)} of response data available` };
  if (sw1 === 0x6c) return { kind: "checking-error", meaning: `wrong Le: ${countBytes(sw2)} available` };
  if (sw1 === 0x63 && sw2 >= 0xc0 && sw2 <= 0xcf) {
    return { kind: "warning", ...describeCounter(sw2 & 0x0f, ins) };
  }
  if ((sw1 === 0x62 || sw1 === 0x64) && sw2 >= 0x02 && sw2 <= 0x80) {
    // ISO/IEC 7816-4:2005, 8.6.1: the card has a query of that many bytes to be fetched with GET DATA.
    const kind = sw1 === 0x62 ? "warning" : "execution-error";
    return { kind, meaning: `triggering by the card: a query of ${sw2} bytes is waiting` };
  }
  const meaning = meanings[sw];
  if (sw === 0x9000 && meaning !== undefined) return { kind: "success", meaning };
  const family = families[sw1];
  if (family !== undefined) return { kind: family[0], meaning: meaning ?? family[1] };
  if (sw1 >= 0x90 && sw1 <= 0x9f) return { kind: "unknown", meaning: "proprietary status of the application" };
  return { kind: "unknown", meaning: "not a status word of ISO/IEC 7816-4" };
}

/** VERIFY, CHANGE REFERENCE DATA and the like. ISO/IEC 7816-4:2005, 7.5. */
const verifying: ReadonlySet<number> = new Set([
  0x20, 0x21, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2c, 0x2d, 0x82, 0x86, 0x87, 0x88,
]);

/** The commands that write, erase, or append. ISO/IEC 7816-4:2005, 7.2.3 to 7.2.6, 7.3.4 to 7.3.7 and 7.4.3. */
const writing: ReadonlySet<number> = new Set([
  0x0c, 0x0e, 0x0f, 0xd0, 0xd1, 0xd2, 0xd3, 0xd6, 0xd7, 0xda, 0xdb, 0xdc, 0xdd, 0xe2,
]);

/** 63Cx: "counter from 0 to 15 encoded by x (exact meaning depending on the command)". ISO/IEC 7816-4:2005, table 6. */
function describeCounter(counter: number, ins: number | undefined): Omit<StatusDescription, "kind"> {
  if (ins !== undefined && verifying.has(ins)) {
    return { meaning: `verification failed, ${countTries(counter)} left`, counter, retriesLeft: counter };
  }
  if (ins !== undefined && writing.has(ins)) {
    return { meaning: `done, after ${counter} internal ${counter === 1 ? "retry" : "retries"}`, counter };
  }
  return { meaning: `counter ${counter}; what it counts depends on the command`, counter };
}

function countBytes(sw2: number): string {
  const count = sw2 || 256;
  return count === 1 ? "1 byte" : `${count} bytes`;
}

function countTries(count: number): string {
  if (count === 0) return "no tries";
  return count === 1 ? "1 try" : `${count} tries`;
}
