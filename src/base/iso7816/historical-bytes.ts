// SPDX-License-Identifier: MIT

import { checkBytes, copyBytes } from "../binary/index.ts";
import { type CompactTlv, decodeCompactTlv } from "./compact-tlv.ts";

/** Life cycle and status at the end of the historical bytes; a part that is not reported is undefined. */
export interface StatusIndicator {
  /** Card life cycle status byte; 00 in the ATR means not reported. */
  readonly lifeCycle: number | undefined;
  /** Status word; 0000 in the ATR means not reported. */
  readonly sw: number | undefined;
}

/** The card service data byte. ISO/IEC 7816-4:2005, 8.1.1.2.3, table 85. */
export interface CardServiceData {
  readonly selectByFullName: boolean;
  readonly selectByPartialName: boolean;
  readonly objectsInEfDir: boolean;
  readonly objectsInEfAtr: boolean;
  /** How EF.DIR and EF.ATR are read. */
  readonly access: "read-binary" | "read-record" | "get-data" | "reserved";
  readonly hasMasterFile: boolean;
}

/** Card capabilities: one to three software function tables. ISO/IEC 7816-4:2005, 8.1.1.2.7, tables 86 to 88. */
export interface CardCapabilities {
  readonly selection: {
    readonly byFullName: boolean;
    readonly byPartialName: boolean;
    readonly byPath: boolean;
    readonly byFileIdentifier: boolean;
    readonly implicit: boolean;
    readonly shortFileIdentifier: boolean;
    readonly recordNumber: boolean;
    readonly recordIdentifier: boolean;
  };
  /** Second table; undefined where the card does not give it. */
  readonly coding?: {
    readonly tlvFiles: boolean;
    readonly writeBehaviour: "one-time" | "proprietary" | "or" | "and";
    /** Whether FF may be the first byte of a BER-TLV tag. */
    readonly tagFfValid: boolean;
    /** Data unit in quartets (half bytes): a power of 2 from 1 to 32,768. */
    readonly dataUnitQuartets: number;
  };
  /** Third table; undefined where the card does not give it. */
  readonly transport?: {
    readonly commandChaining: boolean;
    readonly extendedLength: boolean;
    /** Whether EF.ATR has the maximum lengths of commands and responses. ISO/IEC 7816-4:2013. */
    readonly lengthInformation: boolean;
    readonly channelNumberByCard: boolean;
    readonly channelNumberByReader: boolean;
    /** Number of logical channels, 1 to 8; 8 stands for eight or more. */
    readonly channels: number;
  };
}

/**
 * What the historical bytes say. ISO/IEC 7816-4:2005, 8.1.1.
 *
 * `compact-tlv` covers the category indicators 00 (with a status indicator of three bytes at the end) and 80.
 */
export type HistoricalBytes =
  | { readonly kind: "none" }
  | {
      readonly kind: "compact-tlv";
      readonly category: 0x00 | 0x80;
      readonly objects: readonly CompactTlv[];
      readonly status: StatusIndicator | undefined;
      readonly serviceData: CardServiceData | undefined;
      readonly capabilities: CardCapabilities | undefined;
    }
  /** Category 10: what the byte refers to is outside the standard. */
  | { readonly kind: "dir-reference"; readonly category: 0x10; readonly reference: number | undefined }
  /**
   * Category 80, followed by an application identifier as a BER-TLV object (4F, length, identifier). PC/SC part 3
   * makes readers do so for storage cards. As COMPACT-TLV it would need 15 bytes, which cannot be there.
   */
  | { readonly kind: "application-identifier"; readonly category: 0x80; readonly identifier: Uint8Array }
  /** Category 00 or 80, but not followed by COMPACT-TLV: some cards have text there. */
  | { readonly kind: "malformed"; readonly category: 0x00 | 0x80; readonly reason: string }
  /** Categories 81 to 8F. */
  | { readonly kind: "reserved"; readonly category: number }
  /** Any other category. */
  | { readonly kind: "proprietary"; readonly category: number };

/** Reads historical bytes. It never fails: unreadable ones are `malformed` or `proprietary`. */
export function decodeHistoricalBytes(bytes: Uint8Array): HistoricalBytes {
  checkBytes(bytes, "decodeHistoricalBytes: bytes");
  const category = bytes[0];
  if (category === undefined) return { kind: "none" };
  if (category === 0x00) return decodeWithFixedStatus(bytes);
  if (category === 0x80) return decodeIdentifier(bytes) ?? decodeObjects(category, bytes.subarray(1), undefined);
  if (category === 0x10) return { kind: "dir-reference", category, reference: bytes[1] };
  return { kind: category > 0x80 && category <= 0x8f ? "reserved" : "proprietary", category };
}

function decodeIdentifier(bytes: Uint8Array): HistoricalBytes | undefined {
  if (bytes[1] !== 0x4f || bytes[2] !== bytes.length - 3) return undefined;
  return { kind: "application-identifier", category: 0x80, identifier: copyBytes(bytes.subarray(3)) };
}

function decodeWithFixedStatus(bytes: Uint8Array): HistoricalBytes {
  const end = bytes.length - 3;
  if (end < 1) return { kind: "malformed", category: 0x00, reason: "no status indicator of three bytes at the end" };
  return decodeObjects(0x00, bytes.subarray(1, end), decodeStatus(bytes.subarray(end)));
}

function decodeObjects(
  category: 0x00 | 0x80,
  bytes: Uint8Array,
  fixedStatus: StatusIndicator | undefined,
): HistoricalBytes {
  const decoded = decodeCompactTlv(bytes);
  if (!decoded.ok) return { kind: "malformed", category, reason: decoded.error.message };
  const objects = decoded.value;
  const objectValue = (tag: number): Uint8Array | undefined => objects.find((object) => object.tag === tag)?.value;
  return {
    kind: "compact-tlv",
    category,
    objects,
    status: fixedStatus ?? decodeStatus(objectValue(8)),
    serviceData: decodeServiceData(objectValue(3)),
    capabilities: decodeCapabilities(objectValue(7)),
  };
}

/** One byte is a life cycle, two are a status word, three are both. ISO/IEC 7816-4:2005, 8.1.1.3. */
function decodeStatus(value: Uint8Array | undefined): StatusIndicator | undefined {
  if (value === undefined || value.length < 1 || value.length > 3) return undefined;
  const lifeCycle = value.length === 2 ? undefined : value[0] || undefined;
  const [sw1 = 0, sw2 = 0] = value.length === 1 ? [] : value.subarray(value.length - 2);
  return { lifeCycle, sw: (sw1 << 8) | sw2 || undefined };
}

function decodeServiceData(value: Uint8Array | undefined): CardServiceData | undefined {
  const byte = value?.[0];
  if (byte === undefined) return undefined;
  const access = ["read-record", "reserved", "get-data", "reserved", "read-binary"] as const;
  return {
    selectByFullName: (byte & 0x80) !== 0,
    selectByPartialName: (byte & 0x40) !== 0,
    objectsInEfDir: (byte & 0x20) !== 0,
    objectsInEfAtr: (byte & 0x10) !== 0,
    access: access[(byte >> 1) & 0x07] ?? "reserved",
    hasMasterFile: (byte & 0x01) === 0,
  };
}

function decodeCapabilities(value: Uint8Array | undefined): CardCapabilities | undefined {
  if (value === undefined || value.length > 3) return undefined;
  const [selection, coding, transport] = value;
  if (selection === undefined) return undefined;
  return {
    selection: {
      byFullName: (selection & 0x80) !== 0,
      byPartialName: (selection & 0x40) !== 0,
      byPath: (selection & 0x20) !== 0,
      byFileIdentifier: (selection & 0x10) !== 0,
      implicit: (selection & 0x08) !== 0,
      shortFileIdentifier: (selection & 0x04) !== 0,
      recordNumber: (selection & 0x02) !== 0,
      recordIdentifier: (selection & 0x01) !== 0,
    },
    ...(coding === undefined ? {} : { coding: decodeCoding(coding) }),
    ...(transport === undefined ? {} : { transport: decodeTransport(transport) }),
  };
}

function decodeCoding(byte: number): NonNullable<CardCapabilities["coding"]> {
  const behaviours = ["one-time", "proprietary", "or", "and"] as const;
  return {
    tlvFiles: (byte & 0x80) !== 0,
    writeBehaviour: behaviours[(byte >> 5) & 0x03] ?? "proprietary",
    tagFfValid: (byte & 0x10) !== 0,
    dataUnitQuartets: 2 ** (byte & 0x0f),
  };
}

function decodeTransport(byte: number): NonNullable<CardCapabilities["transport"]> {
  return {
    commandChaining: (byte & 0x80) !== 0,
    extendedLength: (byte & 0x40) !== 0,
    lengthInformation: (byte & 0x20) !== 0,
    channelNumberByCard: (byte & 0x10) !== 0,
    channelNumberByReader: (byte & 0x08) !== 0,
    // Bits 3 to 1 are y, z, t, and the number is 4y + 2z + t + 1. ISO/IEC 7816-4:2005, table 88.
    channels: (byte & 0x07) + 1,
  };
}
