// SPDX-License-Identifier: MIT

import {
  checkBytes,
  failure,
  hexByte,
  type Result,
  type StructValue,
  struct,
  success,
  u8,
  u16le,
  u32le,
} from "../../base/binary/index.ts";
import { LEAST_MESSAGE_BYTES, MAX_MESSAGE_BYTES } from "./limits.ts";

/** Smart Card Device Class Descriptor. CCID 1.1, 5.1, table 5.1-1. */
const layout = struct("Smart Card Device Class Descriptor", {
  bLength: u8,
  bDescriptorType: u8,
  bcdCCID: u16le,
  bMaxSlotIndex: u8,
  bVoltageSupport: u8,
  dwProtocols: u32le,
  dwDefaultClock: u32le,
  dwMaximumClock: u32le,
  bNumClockSupported: u8,
  dwDataRate: u32le,
  dwMaxDataRate: u32le,
  bNumDataRatesSupported: u8,
  dwMaxIFSD: u32le,
  dwSynchProtocols: u32le,
  dwMechanical: u32le,
  dwFeatures: u32le,
  dwMaxCCIDMessageLength: u32le,
  bClassGetResponse: u8,
  bClassEnvelope: u8,
  wLcdLayout: u16le,
  bPINSupport: u8,
  bMaxCCIDBusySlots: u8,
});

/** The descriptor's fields, by the names of the specification. */
export type ClassDescriptorFields = StructValue<{ [K in keyof typeof layout.offsetOf]: typeof u8 }>;

/** Bytes of the descriptor. */
const CLASS_DESCRIPTOR_BYTES = layout.size;

const SMART_CARD_DESCRIPTOR = 0x21;
/** Devices of the vendor's own class have this in its place. */
const VENDOR_DESCRIPTOR = 0xff;

/** dwFeatures. CCID 1.1, table 5.1-1. */
export const readerFeatures = {
  /** Parameters are set from the ATR. */
  automaticParameters: 0x02,
  /** A card is powered when it is inserted. */
  automaticActivation: 0x04,
  /** The reader selects the voltage. */
  automaticVoltage: 0x08,
  automaticClock: 0x10,
  automaticBaudRate: 0x20,
  /** The reader negotiates the parameters with the card. */
  automaticNegotiation: 0x40,
  /** The reader makes the PPS exchange, by the parameters in force. */
  automaticPps: 0x80,
  clockStop: 0x100,
  nodeAddress: 0x200,
  /** The reader makes the IFSD exchange. */
  automaticIfsd: 0x400,
  wakeUp: 0x10_0000,
} as const;

/** What the reader passes to a card with one XfrBlock. CCID 1.1, 3.2. */
export type ExchangeLevel = "character" | "tpdu" | "short-apdu" | "extended-apdu";

const EXCHANGE_LEVELS = 0x7_0000;

/** Voltages as bPowerSelect has them: 1 is 5 V, 2 is 3 V, 3 is 1.8 V. */
const voltages: readonly { readonly bit: number; readonly select: number }[] = [
  { bit: 1, select: 1 },
  { bit: 2, select: 2 },
  { bit: 4, select: 3 },
];

/** bPowerSelect where the reader selects. */
const AUTOMATIC_VOLTAGE = 0;

/** What a reader can do, as its descriptor says it, with values that the driver can work with. */
export interface ClassDescriptor {
  /** The fields as they came. */
  readonly fields: ClassDescriptorFields;
  /** 1 to 256. */
  readonly slots: number;
  /** Commands that may be under way at once, in different slots: 1 to `slots`. */
  readonly busySlots: number;
  /** Values of bPowerSelect to try, in order. */
  readonly voltages: readonly number[];
  readonly protocols: readonly ("t0" | "t1")[];
  readonly level: ExchangeLevel;
  /** dwFeatures without the level. */
  readonly features: number;
  /** Longest message, header included: 271 to 66,048 bytes. */
  readonly maxMessageBytes: number;
  /** Longest information field that the reader takes from a card under T=1, 1 to 254 bytes. */
  readonly maxIfsd: number;
  /** Kilohertz. 0 where the reader does not say. */
  readonly defaultClockKhz: number;
  readonly maxClockKhz: number;
  /** Bits per second. 0 where the reader does not say. */
  readonly defaultDataRate: number;
  readonly maxDataRate: number;
  readonly pin: { readonly verify: boolean; readonly modify: boolean };
  /** High byte: lines; low byte: characters a line. 0 without a display. */
  readonly lcdLayout: number;
  readonly mechanical: {
    readonly accept: boolean;
    readonly eject: boolean;
    readonly capture: boolean;
    readonly lock: boolean;
  };
  /** What is odd about it, one sentence each. Empty for a good one. */
  readonly problems: readonly string[];
}

/**
 * Reads the class descriptor. Odd values do not make a reader unusable: they are replaced, and listed in `problems`.
 * Only bytes that are no such descriptor are an error.
 */
export function decodeClassDescriptor(given: Uint8Array): Result<ClassDescriptor> {
  checkBytes(given, "decodeClassDescriptor: the descriptor");
  if (given.length < CLASS_DESCRIPTOR_BYTES) {
    return failure(`the class descriptor has ${CLASS_DESCRIPTOR_BYTES} bytes, not ${given.length}`, given.length);
  }
  const decoded = layout.decode(given.subarray(0, CLASS_DESCRIPTOR_BYTES));
  if (!decoded.ok) return decoded;
  const fields = decoded.value;
  if (fields.bLength !== CLASS_DESCRIPTOR_BYTES) {
    return failure(`the class descriptor says it has ${fields.bLength} bytes, not ${CLASS_DESCRIPTOR_BYTES}`, 0);
  }
  if (fields.bDescriptorType !== SMART_CARD_DESCRIPTOR && fields.bDescriptorType !== VENDOR_DESCRIPTOR) {
    return failure(`descriptor type ${hexByte(fields.bDescriptorType)} is not that of a smart card reader`, 1);
  }
  return success(derive(fields));
}

/** Writes a descriptor: for models of readers. @throws RangeError for a value that does not fit */
export function encodeClassDescriptor(fields: ClassDescriptorFields): Uint8Array {
  return layout.encode(fields);
}

function derive(fields: ClassDescriptorFields): ClassDescriptor {
  const problems: string[] = [];
  const slots = fields.bMaxSlotIndex + 1;
  const busySlots = Math.min(slots, Math.max(1, fields.bMaxCCIDBusySlots));
  const { dwFeatures, dwMechanical, bPINSupport } = fields;
  return {
    fields,
    slots,
    busySlots,
    voltages: voltagesOf(fields, problems),
    protocols: protocolsOf(fields, problems),
    level: levelOf(dwFeatures, problems),
    features: (dwFeatures & ~EXCHANGE_LEVELS) >>> 0,
    maxMessageBytes: messageBytesOf(fields, problems),
    maxIfsd: ifsdOf(fields, problems),
    defaultClockKhz: fields.dwDefaultClock,
    maxClockKhz: fields.dwMaximumClock,
    defaultDataRate: fields.dwDataRate,
    maxDataRate: fields.dwMaxDataRate,
    pin: { verify: (bPINSupport & 1) !== 0, modify: (bPINSupport & 2) !== 0 },
    lcdLayout: fields.wLcdLayout,
    mechanical: {
      accept: (dwMechanical & 1) !== 0,
      eject: (dwMechanical & 2) !== 0,
      capture: (dwMechanical & 4) !== 0,
      lock: (dwMechanical & 8) !== 0,
    },
    problems,
  };
}

/** CCID 1.1, 6.1.1: automatic by dwFeatures, else each voltage that the reader has, 5 V first. */
function voltagesOf({ bVoltageSupport, dwFeatures }: ClassDescriptorFields, problems: string[]): readonly number[] {
  const { automaticActivation, automaticVoltage } = readerFeatures;
  if ((dwFeatures & (automaticActivation | automaticVoltage)) !== 0) return [AUTOMATIC_VOLTAGE];
  const supported = voltages.filter(({ bit }) => (bVoltageSupport & bit) !== 0).map(({ select }) => select);
  if (supported.length > 0) return supported;
  problems.push("bVoltageSupport names no voltage: the reader is left to select one");
  return [AUTOMATIC_VOLTAGE];
}

function protocolsOf({ dwProtocols }: ClassDescriptorFields, problems: string[]): readonly ("t0" | "t1")[] {
  const known = (["t0", "t1"] as const).filter((_, bit) => (dwProtocols & (1 << bit)) !== 0);
  if (known.length > 0) return known;
  problems.push("dwProtocols names neither T=0 nor T=1: both are tried");
  return ["t0", "t1"];
}

/** One of three bits, or none of them. Where there are several, the highest. */
function levelOf(dwFeatures: number, problems: string[]): ExchangeLevel {
  const bits = (dwFeatures & EXCHANGE_LEVELS) >>> 16;
  if ((bits & (bits - 1)) !== 0) problems.push("dwFeatures names several levels of exchange: the highest is used");
  if ((bits & 4) !== 0) return "extended-apdu";
  if ((bits & 2) !== 0) return "short-apdu";
  return bits === 0 ? "character" : "tpdu";
}

function messageBytesOf({ dwMaxCCIDMessageLength: said }: ClassDescriptorFields, problems: string[]): number {
  if (said < LEAST_MESSAGE_BYTES) problems.push(`dwMaxCCIDMessageLength is ${said}: ${LEAST_MESSAGE_BYTES} is assumed`);
  return Math.min(MAX_MESSAGE_BYTES, Math.max(LEAST_MESSAGE_BYTES, said));
}

/** Longest information field of T=1. ISO/IEC 7816-3:2006, 11.3.2.3. */
const MAX_INFORMATION_BYTES = 254;
/** IFSD where it is not negotiated. ISO/IEC 7816-3:2006, 11.4.2. */
const DEFAULT_IFSD = 32;

function ifsdOf({ dwMaxIFSD: said }: ClassDescriptorFields, problems: string[]): number {
  if (said === 0) problems.push(`dwMaxIFSD is 0: ${DEFAULT_IFSD} is assumed`);
  if (said === 0) return DEFAULT_IFSD;
  return Math.min(MAX_INFORMATION_BYTES, said);
}
