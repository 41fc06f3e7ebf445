// SPDX-License-Identifier: MIT

import { checkWhole } from "../binary/index.ts";
import { referenceDataInstructions } from "./instruction.ts";

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

/**
 * Status words with a specific meaning, by name. ISO/IEC 7816-4:2005, table 6; 6287, 6481, 6482, 6701, 6702: :2013.
 */
export const statusWords = {
  success: 0x9000,
  warning: 0x6200,
  dataCorrupted: 0x6281,
  endOfFile: 0x6282,
  deactivated: 0x6283,
  notFormatted: 0x6284,
  terminated: 0x6285,
  noSensorInput: 0x6286,
  recordDeactivated: 0x6287,
  warningMemoryChanged: 0x6300,
  fileFilledUp: 0x6381,
  executionError: 0x6400,
  immediateResponseRequired: 0x6401,
  sharedAccessDenied: 0x6481,
  channelOpeningDenied: 0x6482,
  executionErrorMemoryChanged: 0x6500,
  memoryFailure: 0x6581,
  securityIssue: 0x6600,
  wrongLength: 0x6700,
  wrongCommandFormat: 0x6701,
  unexpectedLc: 0x6702,
  classFunctionNotSupported: 0x6800,
  channelNotSupported: 0x6881,
  secureMessagingNotSupported: 0x6882,
  lastCommandExpected: 0x6883,
  chainingNotSupported: 0x6884,
  commandNotAllowed: 0x6900,
  incompatibleFile: 0x6981,
  securityNotSatisfied: 0x6982,
  methodBlocked: 0x6983,
  referenceDataNotUsable: 0x6984,
  conditionsNotSatisfied: 0x6985,
  noCurrentFile: 0x6986,
  secureMessagingMissing: 0x6987,
  secureMessagingIncorrect: 0x6988,
  wrongParameters: 0x6a00,
  wrongData: 0x6a80,
  functionNotSupported: 0x6a81,
  fileNotFound: 0x6a82,
  recordNotFound: 0x6a83,
  notEnoughMemory: 0x6a84,
  wrongLcForTlv: 0x6a85,
  wrongP1P2: 0x6a86,
  wrongLcForP1P2: 0x6a87,
  referenceNotFound: 0x6a88,
  fileExists: 0x6a89,
  dfNameExists: 0x6a8a,
  wrongOffset: 0x6b00,
  wrongInstruction: 0x6d00,
  wrongClass: 0x6e00,
  noDiagnosis: 0x6f00,
} as const;

/** Status words whose last bits are a number. ISO/IEC 7816-4:2005, 5.1.3. */
export const statusWordFamilies = {
  /** 61xx: xx bytes of response data wait for GET RESPONSE, 00 for 256 or more. */
  bytesAvailable: 0x6100,
  /** 63Cx: a counter, 0 to 15. */
  counter: 0x63c0,
  /** 6Cxx: the right Le is xx, 00 for 256. */
  wrongLe: 0x6c00,
} as const;

type StatusWordName = keyof typeof statusWords;

const meaningsByName: Readonly<Record<StatusWordName, string>> = {
  success: "success",
  warning: "warning, without further information",
  dataCorrupted: "part of the returned data may be corrupted",
  endOfFile: "end of the file or record reached before Le bytes were read, or the search found nothing",
  deactivated: "the selected file is deactivated",
  notFormatted: "the file control information is not formatted as asked",
  terminated: "the selected file is in termination state",
  noSensorInput: "no input data from a sensor on the card",
  recordDeactivated: "at least one of the referenced records is deactivated",
  warningMemoryChanged: "warning, with memory changed; many cards mean that a verification failed",
  fileFilledUp: "the file was filled up by the last write",
  executionError: "execution error",
  immediateResponseRequired: "the card requires an immediate response",
  sharedAccessDenied: "shared access by a logical channel denied",
  channelOpeningDenied: "opening of a logical channel denied",
  executionErrorMemoryChanged: "execution error, with memory changed",
  memoryFailure: "memory failure",
  securityIssue: "security-related issue",
  wrongLength: "wrong length",
  wrongCommandFormat: "the format of the command does not follow the standard",
  unexpectedLc: "Lc is not the one expected",
  classFunctionNotSupported: "function in the class byte not supported",
  channelNotSupported: "logical channel not supported",
  secureMessagingNotSupported: "secure messaging not supported",
  lastCommandExpected: "last command of the chain expected",
  chainingNotSupported: "command chaining not supported",
  commandNotAllowed: "command not allowed",
  incompatibleFile: "command incompatible with the file structure",
  securityNotSatisfied: "security status not satisfied",
  methodBlocked: "authentication method blocked",
  referenceDataNotUsable: "reference data not usable",
  conditionsNotSatisfied: "conditions of use not satisfied",
  noCurrentFile: "command not allowed: no current file",
  secureMessagingMissing: "expected secure messaging data objects missing",
  secureMessagingIncorrect: "secure messaging data objects incorrect",
  wrongParameters: "wrong parameters P1-P2",
  wrongData: "incorrect parameters in the data field",
  functionNotSupported: "function not supported",
  fileNotFound: "file or application not found",
  recordNotFound: "record not found",
  notEnoughMemory: "not enough memory space in the file",
  wrongLcForTlv: "Lc inconsistent with the TLV structure",
  wrongP1P2: "incorrect parameters P1-P2",
  wrongLcForP1P2: "Lc inconsistent with the parameters P1-P2",
  referenceNotFound: "referenced data or reference data not found",
  fileExists: "file already exists",
  dfNameExists: "DF name already exists",
  wrongOffset: "wrong parameters P1-P2: offset outside the file",
  wrongInstruction: "instruction code not supported or invalid",
  wrongClass: "class not supported",
  noDiagnosis: "no precise diagnosis",
};

const meanings: ReadonlyMap<number, string> = new Map(
  Object.entries(meaningsByName).map(([name, meaning]) => [statusWords[name as StatusWordName], meaning]),
);

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
  const meaning = meanings.get(sw);
  if (sw === statusWords.success && meaning !== undefined) return { kind: "success", meaning };
  const family = families[sw1];
  if (family !== undefined) return { kind: family[0], meaning: meaning ?? family[1] };
  if (sw1 >= 0x90 && sw1 <= 0x9f) return { kind: "unknown", meaning: "proprietary status of the application" };
  return { kind: "unknown", meaning: "not a status word of ISO/IEC 7816-4" };
}

/** VERIFY, CHANGE REFERENCE DATA and the like. ISO/IEC 7816-4:2005, 7.5. */
const verifying: ReadonlySet<number> = new Set([...referenceDataInstructions, 0x82, 0x86, 0x87, 0x88]);

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
