// SPDX-License-Identifier: MIT

import { concatBytes, type Field, type Struct, struct, u8, u16le, u32le } from "../../base/binary/index.ts";
import { controlCode, encodeFeatureList, type Feature, features, pinPropertiesStructure } from "../../port/index.ts";
import type { FirmwareFeatures } from "./firmware-features.ts";
import type { ReaderTraits } from "./traits.ts";
import type { UsbInterfaceDescription } from "./usb-interface.ts";

/** SCARD_CTL_CODE(1) of pcsc-lite: a command to the reader itself, sent as PC_to_RDR_Escape. */
export const IFD_EXCHANGE: number = controlCode(1, "pcsclite");
/** SCARD_CTL_CODE(3601): where the reader is plugged in. */
export const USB_PATH: number = controlCode(3601, "pcsclite");
/** libccid counts the features of part 10 from here: programs that do not ask for the list know these codes. */
const FEATURE_BASE = 0x4233_0000;

/** The control code of a feature. */
export function featureCode(feature: Feature): number {
  return FEATURE_BASE + features[feature].tag;
}

/** What the features of a reader are derived from. */
export interface PropertyFacts {
  readonly traits: ReaderTraits;
  readonly usb: UsbInterfaceDescription;
  readonly firmware: FirmwareFeatures | undefined;
  /** Whether programs may send escape commands. */
  readonly allowsEscape: boolean;
}

/** The answer to GET_FEATURE_REQUEST, in the order of libccid. PC/SC part 10, 2.2. */
export function featureList({ allowsEscape, traits }: PropertyFacts): Uint8Array {
  const { pin, quirks } = traits;
  const has: readonly (readonly [Feature, boolean])[] = [
    ["verify-pin-direct", pin.verify],
    ["modify-pin-direct", pin.modify],
    ["ifd-pin-properties", pin.verify || pin.modify],
    ["mct-reader-direct", quirks.mctReaderDirect === true],
    ["get-tlv-properties", true],
  ];
  const entries = has
    .filter(([, isThere]) => isThere)
    .map(([feature]) => ({ tag: features[feature].tag, controlCode: featureCode(feature) }));
  const vendorCommand = { tag: features["ccid-esc-command"].tag, controlCode: IFD_EXCHANGE };
  return encodeFeatureList(allowsEscape ? [...entries, vendorCommand] : entries);
}

/** The answer to IFD_PIN_PROPERTIES. PC/SC part 10, 2.5.5. */
export function pinProperties(facts: PropertyFacts): Uint8Array {
  return pinPropertiesStructure.encode({
    lcdLayout: facts.traits.descriptor.lcdLayout,
    entryValidationCondition: validationOf(facts),
    timeOut2: 0,
  });
}

const ALL_CONDITIONS = 0x07;

function validationOf({ firmware, traits }: PropertyFacts): number {
  return firmware?.entryValidationCondition ?? traits.quirks.pin?.validation ?? ALL_CONDITIONS;
}

/** Properties by tag. PC/SC part 10, 2.6.14. */
const tags = {
  lcdLayout: 1,
  entryValidationCondition: 2,
  timeOut2: 3,
  lcdMaxCharacters: 4,
  lcdMaxLines: 5,
  minPinSize: 6,
  maxPinSize: 7,
  firmwareId: 8,
  ppduSupport: 9,
  maxApduDataSize: 10,
  idVendor: 11,
  idProduct: 12,
} as const;

/** dwMaxAPDUDataSize of a reader that passes extended APDUs on. */
const EXTENDED_DATA_BYTES = 0x1_0000;

type Property = Struct<{ tag: Field<number>; length: Field<number>; value: Field<number> }>;

function property(name: string, value: Field<number>): Property {
  return struct(name, { tag: u8, length: u8, value });
}

const byteProperty = property("TLV property of one byte", u8);
const wordProperty = property("TLV property of two bytes", u16le);
const dwordProperty = property("TLV property of four bytes", u32le);

const byte = (tag: number, value: number): Uint8Array => byteProperty.encode({ tag, length: 1, value });
const word = (tag: number, value: number): Uint8Array => wordProperty.encode({ tag, length: 2, value });
const dword = (tag: number, value: number): Uint8Array => dwordProperty.encode({ tag, length: 4, value });

/** The answer to GET_TLV_PROPERTIES. `firmwareName` is what the reader tells of its firmware. PC/SC part 10, 2.6.14. */
export function tlvProperties(facts: PropertyFacts, firmwareName: Uint8Array | undefined): Uint8Array {
  const { allowsEscape, firmware, traits, usb } = facts;
  const { lcdLayout } = traits.descriptor;
  const { pin } = traits.quirks;
  const parts = [word(tags.lcdLayout, lcdLayout)];
  if (lcdLayout !== 0)
    parts.push(word(tags.lcdMaxCharacters, lcdLayout & 0xff), word(tags.lcdMaxLines, lcdLayout >> 8));
  parts.push(byte(tags.timeOut2, 0));
  if (firmwareName !== undefined && firmwareName.length <= 0xff) {
    parts.push(Uint8Array.of(tags.firmwareId, firmwareName.length), firmwareName);
  }
  const min = firmware?.minDigits ?? pin?.minDigits;
  const max = firmware?.maxDigits ?? pin?.maxDigits;
  if (min !== undefined) parts.push(byte(tags.minPinSize, min));
  if (max !== undefined) parts.push(byte(tags.maxPinSize, max));
  if (firmware !== undefined || pin?.validation !== undefined) {
    parts.push(byte(tags.entryValidationCondition, validationOf(facts)));
  }
  const extended = traits.level === "extended-apdu" || traits.level === "tpdu";
  parts.push(
    byte(tags.ppduSupport, allowsEscape ? 1 : 0),
    word(tags.idVendor, usb.vendorId),
    word(tags.idProduct, usb.productId),
    dword(tags.maxApduDataSize, extended ? EXTENDED_DATA_BYTES : 0),
  );
  return concatBytes(...parts);
}

/** The answer to {@link USB_PATH}: bus, ports, configuration and interface, as Linux names it: "1-2.4:1.0", and a NUL. */
export function usbPath({ interfaceNumber, portPath }: UsbInterfaceDescription): Uint8Array {
  return new TextEncoder().encode(`${portPath}:1.${interfaceNumber}\0`);
}
