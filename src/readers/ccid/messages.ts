// SPDX-License-Identifier: MIT

import {
  checkBytes,
  type Field,
  failure,
  hexByte,
  type Layout,
  pad,
  type Result,
  type Struct,
  struct,
  success,
  u8,
  u16le,
  u32le,
} from "../../base/binary/index.ts";
import { MESSAGE_HEADER_BYTES } from "./limits.ts";

const head = { bMessageType: u8, dwLength: u32le, bSlot: u8, bSeq: u8 } as const;

/** The messages to a reader: CCID 1.1, 6.1. `answer` is the bMessageType that answers. */
const commandRows = {
  "icc-power-on": row(0x62, "data-block", struct("PC_to_RDR_IccPowerOn", { ...head, bPowerSelect: u8, abRFU: pad(2) })),
  "icc-power-off": row(0x63, "slot-status", struct("PC_to_RDR_IccPowerOff", { ...head, abRFU: pad(3) })),
  "get-slot-status": row(0x65, "slot-status", struct("PC_to_RDR_GetSlotStatus", { ...head, abRFU: pad(3) })),
  "xfr-block": row(0x6f, "data-block", struct("PC_to_RDR_XfrBlock", { ...head, bBWI: u8, wLevelParameter: u16le })),
  "get-parameters": row(0x6c, "parameters", struct("PC_to_RDR_GetParameters", { ...head, abRFU: pad(3) })),
  "reset-parameters": row(0x6d, "parameters", struct("PC_to_RDR_ResetParameters", { ...head, abRFU: pad(3) })),
  "set-parameters": row(
    0x61,
    "parameters",
    struct("PC_to_RDR_SetParameters", { ...head, bProtocolNum: u8, abRFU: pad(2) }),
  ),
  escape: row(0x6b, "escape", struct("PC_to_RDR_Escape", { ...head, abRFU: pad(3) })),
  "icc-clock": row(0x6e, "slot-status", struct("PC_to_RDR_IccClock", { ...head, bClockCommand: u8, abRFU: pad(2) })),
  "t0-apdu": row(
    0x6a,
    "slot-status",
    struct("PC_to_RDR_T0APDU", { ...head, bmChanges: u8, bClassGetResponse: u8, bClassEnvelope: u8 }),
  ),
  secure: row(0x69, "data-block", struct("PC_to_RDR_Secure", { ...head, bBWI: u8, wLevelParameter: u16le })),
  mechanical: row(0x71, "slot-status", struct("PC_to_RDR_Mechanical", { ...head, bFunction: u8, abRFU: pad(2) })),
  abort: row(0x72, "slot-status", struct("PC_to_RDR_Abort", { ...head, abRFU: pad(3) })),
  "set-data-rate-and-clock-frequency": row(
    0x73,
    "data-rate-and-clock-frequency",
    struct("PC_to_RDR_SetDataRateAndClockFrequency", { ...head, abRFU: pad(3) }),
  ),
} as const;

/** The messages of a reader: CCID 1.1, 6.2. `parameter` is the byte after bError. */
const answerRows = {
  "data-block": answerRow(0x80, "RDR_to_PC_DataBlock", "bChainParameter"),
  "slot-status": answerRow(0x81, "RDR_to_PC_SlotStatus", "bClockStatus"),
  parameters: answerRow(0x82, "RDR_to_PC_Parameters", "bProtocolNum"),
  escape: answerRow(0x83, "RDR_to_PC_Escape", "bRFU"),
  "data-rate-and-clock-frequency": answerRow(0x84, "RDR_to_PC_DataRateAndClockFrequency", "bRFU"),
} as const;

/** A message to a reader: the PC_to_RDR_ name without prefix, in small letters. */
export type CommandName = keyof typeof commandRows;
/** A message of a reader in answer: the RDR_to_PC_ name, in the same way. */
export type AnswerName = keyof typeof answerRows;

/** A message to a reader, without slot and sequence number. */
export interface CcidCommand {
  readonly name: CommandName;
  /** bPowerSelect, bProtocolNum, bClockCommand, bFunction or bmChanges; bBWI of XfrBlock and Secure. @default 0 */
  readonly parameter?: number;
  /** wLevelParameter of XfrBlock and Secure. @default 0 */
  readonly level?: number;
  /** The data after the header. @default none */
  readonly data?: Uint8Array;
}

/** A message to a reader, as a reader takes it. */
export interface NumberedCommand extends Required<CcidCommand> {
  readonly slot: number;
  readonly sequence: number;
}

/** What a slot says of its card: bmICCStatus. CCID 1.1, 6.2.6. */
export type IccStatus = "active" | "inactive" | "absent" | "reserved";
/** What became of the command: bmCommandStatus. */
type CommandStatus = "done" | "failed" | "time-extension" | "reserved";

const iccStatuses: readonly IccStatus[] = ["active", "inactive", "absent", "reserved"];
const commandStatuses: readonly CommandStatus[] = ["done", "failed", "time-extension", "reserved"];

/** A message of a reader in answer to a command. */
export interface CcidAnswer {
  readonly name: AnswerName;
  readonly slot: number;
  readonly sequence: number;
  readonly icc: IccStatus;
  readonly status: CommandStatus;
  /** bError. For a time extension: the multiple of BWT or WWT. */
  readonly error: number;
  /** bChainParameter, bClockStatus or bProtocolNum. */
  readonly parameter: number;
  readonly data: Uint8Array;
}

/** The answer that a command has where it succeeds. */
export function answerTo(command: CommandName): AnswerName {
  return commandRows[command].answer;
}

/** Writes a message to a reader. The bytes may hold a PIN: the caller clears them. */
export function encodeCommand(command: CcidCommand, slot: number, sequence: number): Uint8Array {
  const { name, parameter = 0, level = 0, data = noBytes } = command;
  const { code, layout, parameterField } = commandRows[name];
  const header: Record<string, number> = {
    bMessageType: code,
    dwLength: data.length,
    bSlot: slot,
    bSeq: sequence,
    wLevelParameter: level,
    // T0APDU has two more.
    bClassGetResponse: 0,
    bClassEnvelope: 0,
  };
  if (parameterField !== undefined) header[parameterField] = parameter;
  return layout.encode(header, data);
}

/** Reads a message to a reader: for models of readers. */
export function decodeCommand(message: Uint8Array): Result<NumberedCommand> {
  checkBytes(message, "decodeCommand: message");
  const [type] = message;
  const found = (Object.keys(commandRows) as CommandName[]).find((name) => commandRows[name].code === type);
  if (found === undefined || message.length < MESSAGE_HEADER_BYTES) return failure("no message to a reader", 0);
  const header = readHeader(commandRows[found].layout, message);
  if (header.dwLength !== message.length - MESSAGE_HEADER_BYTES) return wrongLength(message, header.dwLength);
  const { parameterField: first } = commandRows[found];
  return success({
    name: found,
    slot: header.bSlot ?? 0,
    sequence: header.bSeq ?? 0,
    parameter: first === undefined ? 0 : (header[first] ?? 0),
    level: header.wLevelParameter ?? 0,
    data: message.slice(MESSAGE_HEADER_BYTES),
  });
}

/** Writes a message of a reader: for models of readers. */
export function encodeAnswer(answer: CcidAnswer): Uint8Array {
  const { name, slot, sequence, icc, status, error, parameter, data } = answer;
  const { code, layout } = answerRows[name];
  const bStatus = iccStatuses.indexOf(icc) | (commandStatuses.indexOf(status) << 6);
  const head = { bMessageType: code, dwLength: data.length, bSlot: slot, bSeq: sequence, bStatus };
  return layout.encode({ ...head, bError: error, parameter }, data);
}

/** The slot and the sequence number that a message is about; undefined where it is too short to say. */
export function addressOf(message: Uint8Array): { readonly slot: number; readonly sequence: number } | undefined {
  const [, , , , , slot, sequence] = message;
  return slot === undefined || sequence === undefined ? undefined : { slot, sequence };
}

/** How long a message says that it is, header included; undefined where it is too short to say. */
export function messageBytes(message: Uint8Array): number | undefined {
  if (message.length < MESSAGE_HEADER_BYTES) return undefined;
  const [, a = 0, b = 0, c = 0, d = 0] = message;
  return MESSAGE_HEADER_BYTES + ((a | (b << 8) | (c << 16) | (d << 24)) >>> 0);
}

/** Reads a whole message of a reader. Its data is a part of the message's own bytes. */
export function decodeAnswer(message: Uint8Array): Result<CcidAnswer> {
  checkBytes(message, "decodeAnswer: message");
  if (message.length < MESSAGE_HEADER_BYTES) {
    return failure(`a message has ${MESSAGE_HEADER_BYTES} bytes or more, not ${message.length}`, message.length);
  }
  const [type = 0] = message;
  const name = answersByCode.get(type);
  if (name === undefined) return failure(`message type ${hexByte(type)} is no answer of a reader`, 0);
  const header = answerRows[name].layout.decodeStart(message);
  if (header.dwLength !== message.length - MESSAGE_HEADER_BYTES) return wrongLength(message, header.dwLength);
  return success({
    name,
    slot: header.bSlot,
    sequence: header.bSeq,
    icc: iccStatuses[header.bStatus & 3] ?? "reserved",
    status: commandStatuses[header.bStatus >> 6] ?? "reserved",
    error: header.bError,
    parameter: header.parameter,
    data: message.subarray(MESSAGE_HEADER_BYTES),
  });
}

/** dwClockFrequency in kilohertz and dwDataRate in bits per second. CCID 1.1, 6.1.14 and 6.2.5. */
export const dataRateAndClockFrequency: Struct<{ dwClockFrequency: Field<number>; dwDataRate: Field<number> }> = struct(
  "dwClockFrequency and dwDataRate",
  { dwClockFrequency: u32le, dwDataRate: u32le },
);

/** A message of the interrupt endpoint. CCID 1.1, 6.3. */
export type InterruptMessage =
  | {
      readonly kind: "notify-slot-change";
      /** By slot: whether a card is there, and whether that has changed since the message before. */
      readonly slots: readonly { readonly present: boolean; readonly changed: boolean }[];
    }
  | {
      readonly kind: "hardware-error";
      readonly slot: number;
      readonly sequence: number;
      /** Bit 0: overcurrent. */
      readonly code: number;
    };

const NOTIFY_SLOT_CHANGE = 0x50;
const HARDWARE_ERROR = 0x51;
const hardwareError = struct("RDR_to_PC_HardwareError", {
  bMessageType: u8,
  bSlot: u8,
  bSeq: u8,
  bHardwareErrorCode: u8,
});

/** Bytes of a NotifySlotChange, which is the longest message of the interrupt endpoint. */
export function interruptBytes(slots: number): number {
  return Math.max(hardwareError.size, 1 + Math.ceil((2 * slots) / 8));
}

/** Reads a message of the interrupt endpoint. One that is too short says nothing of the slots that are missing. */
export function decodeInterrupt(message: Uint8Array, slots: number): Result<InterruptMessage> {
  checkBytes(message, "decodeInterrupt: message");
  const [type] = message;
  if (type === HARDWARE_ERROR) {
    const decoded = hardwareError.decode(message.subarray(0, hardwareError.size));
    if (!decoded.ok) return decoded;
    const { bSlot, bSeq, bHardwareErrorCode } = decoded.value;
    return success({ kind: "hardware-error", slot: bSlot, sequence: bSeq, code: bHardwareErrorCode });
  }
  if (type !== NOTIFY_SLOT_CHANGE) return failure("no message of an interrupt endpoint", 0);
  const there = Math.min(slots, 4 * (message.length - 1));
  const states = Array.from({ length: there }, (_, slot) => {
    const bits = (message[1 + (slot >> 2)] ?? 0) >> ((slot & 3) * 2);
    return { present: (bits & 1) !== 0, changed: (bits & 2) !== 0 };
  });
  return success({ kind: "notify-slot-change", slots: states });
}

/** Writes a NotifySlotChange: for models of readers. */
export function encodeSlotChange(
  slots: readonly { readonly present: boolean; readonly changed: boolean }[],
): Uint8Array {
  const message = new Uint8Array(1 + Math.ceil((2 * slots.length) / 8));
  message[0] = NOTIFY_SLOT_CHANGE;
  slots.forEach(({ present, changed }, slot) => {
    const index = 1 + (slot >> 2);
    message[index] = (message[index] ?? 0) | (((present ? 1 : 0) | (changed ? 2 : 0)) << ((slot & 3) * 2));
  });
  return message;
}

const noBytes = new Uint8Array(0);

interface CommandRow<A extends string> {
  readonly code: number;
  readonly answer: A;
  readonly layout: Struct<Layout>;
  /** The first field after bSeq that is not reserved. */
  readonly parameterField: string | undefined;
}

function row<const A extends "data-block" | "slot-status" | "parameters" | "escape" | "data-rate-and-clock-frequency">(
  code: number,
  answer: A,
  layout: unknown,
): CommandRow<A> {
  const { offsetOf } = layout as Struct<Layout>;
  const parameterField = Object.keys(offsetOf).find((field) => !(field in head) && field !== "abRFU");
  return { code, answer, layout: layout as Struct<Layout>, parameterField };
}

interface AnswerRow {
  readonly code: number;
  /** What the last byte of the header is called. */
  readonly parameterName: string;
  readonly layout: Struct<{
    bMessageType: Field<number>;
    dwLength: Field<number>;
    bSlot: Field<number>;
    bSeq: Field<number>;
    bStatus: Field<number>;
    bError: Field<number>;
    parameter: Field<number>;
  }>;
}

function answerRow(code: number, name: string, parameterName: string): AnswerRow {
  return { code, parameterName, layout: struct(name, { ...head, bStatus: u8, bError: u8, parameter: u8 }) };
}

const answersByCode: ReadonlyMap<number, AnswerName> = new Map(
  (Object.keys(answerRows) as AnswerName[]).map((name) => [answerRows[name].code, name]),
);

function readHeader(layout: Struct<Layout>, message: Uint8Array): Record<string, number> {
  return layout.decodeStart(message) as Record<string, number>;
}

function wrongLength(message: Uint8Array, said: number | undefined): Result<never> {
  return failure(`dwLength is ${said}, and ${message.length - MESSAGE_HEADER_BYTES} bytes follow the header`, 1);
}
