// SPDX-License-Identifier: MIT

import { concatBytes, type Field, type Struct, struct, u8, u16le, u32be } from "../../base/binary/index.ts";
import { pinModifyStructure, pinVerifyStructure, type SmartCardError } from "../../port/index.ts";
import type { PinQuirks } from "./quirks.ts";
import { failureOf } from "./slot-errors.ts";

const OPERATION = "control";

/** A PIN that is entered at the reader: verified, or changed. */
export type PinOperation = "verify" | "modify";

/** Fields of abPINDataStructure that both operations have. CCID 1.1, 6.1.11. */
const common = { bTimerOut: u8, bmFormatString: u8, bmPINBlockString: u8, bmPINLengthFormat: u8 } as const;

/** abPINDataStructure of PIN verification, up to bTeoPrologue. CCID 1.1, 6.1.11.1. */
const verifyLayout = struct("PIN verification data structure", {
  bPINOperation: u8,
  ...common,
  wPINMaxExtraDigit: u16le,
  bEntryValidationCondition: u8,
  bNumberMessage: u8,
  wLangId: u16le,
  bMsgIndex: u8,
});

/** abPINDataStructure of PIN modification, up to bMsgIndex1: two more indexes may follow. CCID 1.1, 6.1.11.2. */
const modifyLayout = struct("PIN modification data structure", {
  bPINOperation: u8,
  ...common,
  bInsertionOffsetOld: u8,
  bInsertionOffsetNew: u8,
  wPINMaxExtraDigit: u16le,
  bConfirmPIN: u8,
  bEntryValidationCondition: u8,
  bNumberMessage: u8,
  wLangId: u16le,
  bMsgIndex1: u8,
});

const bigEndianLength: Struct<{ length: Field<number> }> = struct("ulDataLength", { length: u32be });

/** CLA, INS, P1, P2: the shortest command that a PIN goes into. */
const MIN_APDU_BYTES = 4;
/** bNumberMessage: the default message of the reader. */
const DEFAULT_MESSAGE = 0xff;
/** bEntryValidationCondition: the enter key. */
const ENTER_KEY = 0x02;
const ALL_CONDITIONS = 0x07;

/** What a program asks for, in the form of the reader. */
export interface PinRequest {
  /** abData of PC_to_RDR_Secure up to bTeoPrologue. */
  readonly head: Uint8Array;
  /** The command, with room for the PIN. */
  readonly apdu: Uint8Array;
  /** Seconds that the reader waits for the PIN; 0 leaves it to the reader. */
  readonly timeoutSeconds: number;
  /** Whether the command has neither data nor a PIN block. */
  readonly isBare: boolean;
}

/** What a reader is known to be particular about. */
export interface PinRules {
  readonly quirks: PinQuirks;
  /** Bits of bEntryValidationCondition that the reader takes. */
  readonly conditions?: number | undefined;
  /** It wants all three message indexes in a PIN modification, whatever bNumberMessage says. */
  readonly wantsAllIndexes: boolean;
}

/** The value of abData for PC_to_RDR_Secure. `prologue`: that of the block, under T=1 at the level of TPDUs. */
export function secureData({ head, apdu }: PinRequest, prologue: Uint8Array = new Uint8Array(3)): Uint8Array {
  return concatBytes(head, prologue, apdu);
}

/**
 * Turns the structure of a program into that of the reader. Values that break readers are replaced, as libccid does.
 *
 * @throws invalid-parameter for a structure whose lengths do not fit
 * @see PC/SC part 10, 2.5.2 and 2.5.3; CCID 1.1, 6.1.11
 */
export function pinRequest(operation: PinOperation, input: Uint8Array, rules: PinRules): PinRequest {
  return operation === "verify" ? verifyRequest(input, rules) : modifyRequest(input, rules);
}

function verifyRequest(input: Uint8Array, { quirks, conditions }: PinRules): PinRequest {
  const { value, apdu } = split("PIN_VERIFY_STRUCTURE", pinVerifyStructure, input);
  const { validation, verifyNumberMessage, swapsExtraDigit } = quirks;
  const head = verifyLayout.encode({
    bPINOperation: 0,
    ...commonFields(value),
    wPINMaxExtraDigit: swapsExtraDigit ? swapped(value.pinMaxExtraDigit) : value.pinMaxExtraDigit,
    bEntryValidationCondition: validation ?? condition(value.entryValidationCondition, conditions),
    bNumberMessage: verifyNumberMessage ?? value.numberMessage,
    wLangId: value.langId,
    bMsgIndex: value.msgIndex,
  });
  const isBare = value.pinBlockString === 0 && apdu.length === MIN_APDU_BYTES;
  return { head, apdu, timeoutSeconds: value.timerOut, isBare };
}

function modifyRequest(input: Uint8Array, { quirks, conditions, wantsAllIndexes }: PinRules): PinRequest {
  const { value, apdu } = split("PIN_MODIFY_STRUCTURE", pinModifyStructure, input);
  const { numberMessage } = value;
  if (numberMessage > 3 && numberMessage !== DEFAULT_MESSAGE) {
    throw wrong(`bNumberMessage of the PIN_MODIFY_STRUCTURE is ${numberMessage}; give 0 to 3, or 255`);
  }
  const { allMessageIndexes, modifyNumberMessage, modifyNoMessage, validation } = quirks;
  const zero = allMessageIndexes === "zero";
  const asked = numberMessage === 0 ? (modifyNoMessage ?? 0) : numberMessage;
  const messages = zero ? 0 : (modifyNumberMessage ?? asked);
  const head = modifyLayout.encode({
    bPINOperation: 1,
    ...commonFields(value),
    bInsertionOffsetOld: value.insertionOffsetOld,
    bInsertionOffsetNew: value.insertionOffsetNew,
    wPINMaxExtraDigit: value.pinMaxExtraDigit,
    bConfirmPIN: value.confirmPin,
    bEntryValidationCondition: validation ?? condition(value.entryValidationCondition, conditions),
    bNumberMessage: messages,
    wLangId: value.langId,
    bMsgIndex1: zero ? 0 : value.msgIndex1,
  });
  const hasAll = allMessageIndexes !== undefined || wantsAllIndexes;
  const indexes: number[] = [];
  if (hasAll || messages !== 0) indexes.push(zero ? 0 : value.msgIndex2);
  if (hasAll || messages >= 3) indexes.push(zero ? 0 : value.msgIndex3);
  const isBare = value.pinBlockString === 0 && apdu.length === MIN_APDU_BYTES;
  return { head: concatBytes(head, Uint8Array.from(indexes)), apdu, timeoutSeconds: value.timerOut, isBare };
}

interface CommonValues {
  readonly timerOut: number;
  readonly formatString: number;
  readonly pinBlockString: number;
  readonly pinLengthFormat: number;
}

/** bTimerOut2 is left out: CCID has no field for it. */
function commonFields({ timerOut, formatString, pinBlockString, pinLengthFormat }: CommonValues): {
  bTimerOut: number;
  bmFormatString: number;
  bmPINBlockString: number;
  bmPINLengthFormat: number;
} {
  return {
    bTimerOut: timerOut,
    bmFormatString: formatString,
    bmPINBlockString: pinBlockString,
    bmPINLengthFormat: pinLengthFormat,
  };
}

interface Numbers {
  readonly dataLength: number;
  readonly pinMaxExtraDigit: number;
  readonly langId: number;
}

/** Takes a structure apart. Programs on big-endian machines write it in their own order. */
function split<T extends Numbers>(
  name: string,
  layout: {
    readonly size: number;
    readonly offsetOf: { readonly dataLength: number };
    decode(bytes: Uint8Array): { ok: true; value: T } | { ok: false };
  },
  input: Uint8Array,
): { readonly value: T; readonly apdu: Uint8Array } {
  const { size } = layout;
  if (input.length < size + MIN_APDU_BYTES) {
    throw wrong(`the ${name} has ${input.length} bytes; it needs ${size}, and a command of at least ${MIN_APDU_BYTES}`);
  }
  const decoded = layout.decode(input.subarray(0, size));
  if (!decoded.ok) throw wrong(`the ${name} cannot be read`);
  const apdu = input.slice(size);
  const { value } = decoded;
  if (value.dataLength === apdu.length) return { value, apdu };
  const at = layout.offsetOf.dataLength;
  const reversed = bigEndianLength.decode(input.subarray(at, at + bigEndianLength.size));
  if (!reversed.ok || reversed.value.length !== apdu.length) {
    throw wrong(`ulDataLength of the ${name} is ${value.dataLength}, and ${apdu.length} bytes follow`);
  }
  const { pinMaxExtraDigit, langId } = value;
  const inOurOrder = { dataLength: apdu.length, pinMaxExtraDigit: swapped(pinMaxExtraDigit), langId: swapped(langId) };
  return { value: { ...value, ...inOurOrder }, apdu };
}

/** Readers fail at 0 and at reserved bits: the enter key is right then. */
function condition(asked: number, possible: number | undefined): number {
  const valid = asked === 0 || asked > ALL_CONDITIONS ? ENTER_KEY : asked;
  return possible === undefined ? valid : valid & possible || possible & ALL_CONDITIONS || ENTER_KEY;
}

function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}

function wrong(message: string): SmartCardError {
  return failureOf("invalid-parameter", message, OPERATION);
}
