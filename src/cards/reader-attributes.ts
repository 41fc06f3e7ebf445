// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, struct, u8, u32be, u32le } from "../binary/index.ts";
import { MAX_COMMAND_BYTES, type Protocol, protocols, type ReaderDescription } from "../pcsc/index.ts";

/** What the answers of the virtual reader depend on. */
export interface SlotState {
  readonly description: ReaderDescription;
  readonly cardPresent: boolean;
  readonly powered: boolean;
  /** The ATR of the last reset; undefined while there is none. */
  readonly atr: Uint8Array | undefined;
  readonly protocol: Protocol | undefined;
}

// SCARD_ATTR_* of winscard.h: class << 16 | tag. PC/SC part 3, 3.1.1, has the meaning of each.
const attributes = {
  vendorName: 0x0001_0100,
  vendorIfdType: 0x0001_0101,
  vendorIfdVersion: 0x0001_0102,
  vendorIfdSerialNo: 0x0001_0103,
  channelId: 0x0002_0110,
  protocolTypes: 0x0003_0120,
  characteristics: 0x0006_0150,
  maxInput: 0x0007_a007,
  currentProtocolType: 0x0008_0201,
  iccPresence: 0x0009_0300,
  iccInterfaceStatus: 0x0009_0301,
  atrString: 0x0009_0303,
  iccTypePerAtr: 0x0009_0304,
  deviceFriendlyNameA: 0x7fff_0003,
  deviceSystemNameA: 0x7fff_0004,
  supressT1IfsRequest: 0x7fff_0007,
} as const;

/** 0xMMmmbbbb: 1.0, build 0. */
const version = 0x0100_0000;
/** 0xDDDDCCCC: a channel of the vendor's own kind, number 0. */
const vendorChannel = 0x00f0_0000;
const ejects = 2;

const dword = struct("DWORD", { value: u32le });

function encodeDword(value: number): Uint8Array {
  return dword.encode({ value });
}

function text(value: string): Uint8Array {
  // Without a NUL, as Windows has it; pcsc-lite's drivers add one.
  return new TextEncoder().encode(value);
}

/** The value of an attribute; undefined where the virtual reader has none, or none at this moment. */
export function readAttribute(attribute: number, slot: SlotState): Uint8Array | undefined {
  const { description } = slot;
  switch (attribute) {
    case attributes.vendorName:
      return text(description.vendor);
    case attributes.vendorIfdType:
      return text(description.product);
    case attributes.vendorIfdVersion:
      return encodeDword(version);
    case attributes.vendorIfdSerialNo:
      return description.serial === undefined ? undefined : text(description.serial);
    case attributes.channelId:
      return encodeDword(vendorChannel);
    case attributes.protocolTypes:
      return encodeDword(transmissionProtocols(description.protocols));
    case attributes.characteristics:
      return encodeDword(description.canEject ? ejects : 0);
    case attributes.maxInput:
      return encodeDword(MAX_COMMAND_BYTES);
    case attributes.deviceFriendlyNameA:
    case attributes.deviceSystemNameA:
      return text(description.name);
    default:
      return readCardAttribute(attribute, slot);
  }
}

function readCardAttribute(attribute: number, slot: SlotState): Uint8Array | undefined {
  switch (attribute) {
    case attributes.currentProtocolType:
      return slot.protocol && encodeDword(transmissionProtocols([slot.protocol]));
    case attributes.iccPresence:
      return Uint8Array.of(slot.cardPresent ? 2 : 0);
    case attributes.iccInterfaceStatus:
      return Uint8Array.of(slot.powered ? 1 : 0);
    case attributes.atrString:
      return slot.atr && copyBytes(slot.atr);
    case attributes.iccTypePerAtr:
      // 1: ISO/IEC 7816 asynchronous. Every software card with an ATR is.
      return Uint8Array.of(slot.atr === undefined ? 0 : 1);
    default:
      return undefined;
  }
}

/** Bit n stands for T=n. `raw` is no transmission protocol and has no bit. */
function transmissionProtocols(list: readonly Protocol[]): number {
  let mask = 0;
  for (const protocol of list) if (protocol === "t0" || protocol === "t1") mask |= protocols[protocol].windows ?? 0;
  return mask;
}

/** Tells whether an attribute can be set to this value. The one that can has no effect: there is no IFSD to request. */
export function canSetAttribute(attribute: number, value: Uint8Array): boolean {
  return attribute === attributes.supressT1IfsRequest && value.length >= 1 && value.length <= 4;
}

const getFeatureRequest = 0x4200_0000 + 3400;
const featureGetTlvProperties = 0x12;
/** In the range that Windows leaves to vendors, 0x800 and up, so that the code survives translation to its form. */
const getTlvProperties = 0x4200_0000 + 0x800 + featureGetTlvProperties;

const feature = struct("PCSC_TLV_STRUCTURE", { tag: u8, length: u8, code: u32be });
const byteProperty = struct("TLV property of one byte", { tag: u8, length: u8, value: u8 });
const dwordProperty = struct("TLV property of four bytes", { tag: u8, length: u8, value: u32le });
const ppduSupport = 9;
const maxApduDataSize = 10;

/**
 * Answers a control code; undefined for one that the virtual reader does not know.
 *
 * @see PC/SC part 10, 2.2 (GET_FEATURE_REQUEST) and 2.6.14 (GET_TLV_PROPERTIES)
 */
export function answerControl(code: number): Uint8Array | undefined {
  if (code === getFeatureRequest) {
    return feature.encode({ tag: featureGetTlvProperties, length: 4, code: getTlvProperties });
  }
  if (code === getTlvProperties) {
    return concatBytes(
      byteProperty.encode({ tag: ppduSupport, length: 1, value: 0 }),
      dwordProperty.encode({ tag: maxApduDataSize, length: 4, value: 0x1_0000 }),
    );
  }
  return undefined;
}
