// SPDX-License-Identifier: MIT

import {
  bytes,
  checkList,
  checkObject,
  checkWhole,
  decoding,
  type Field,
  type Result,
  type Struct,
  struct,
  u8,
  u16le,
  u32be,
  u32le,
} from "../base/binary/index.ts";

const featureRows = {
  "verify-pin-start": { name: "FEATURE_VERIFY_PIN_START", tag: 0x01 },
  "verify-pin-finish": { name: "FEATURE_VERIFY_PIN_FINISH", tag: 0x02 },
  "modify-pin-start": { name: "FEATURE_MODIFY_PIN_START", tag: 0x03 },
  "modify-pin-finish": { name: "FEATURE_MODIFY_PIN_FINISH", tag: 0x04 },
  "get-key-pressed": { name: "FEATURE_GET_KEY_PRESSED", tag: 0x05 },
  "verify-pin-direct": { name: "FEATURE_VERIFY_PIN_DIRECT", tag: 0x06 },
  "modify-pin-direct": { name: "FEATURE_MODIFY_PIN_DIRECT", tag: 0x07 },
  "mct-reader-direct": { name: "FEATURE_MCT_READER_DIRECT", tag: 0x08 },
  "mct-universal": { name: "FEATURE_MCT_UNIVERSAL", tag: 0x09 },
  "ifd-pin-properties": { name: "FEATURE_IFD_PIN_PROPERTIES", tag: 0x0a },
  abort: { name: "FEATURE_ABORT", tag: 0x0b },
  "set-spe-message": { name: "FEATURE_SET_SPE_MESSAGE", tag: 0x0c },
  "verify-pin-direct-app-id": { name: "FEATURE_VERIFY_PIN_DIRECT_APP_ID", tag: 0x0d },
  "modify-pin-direct-app-id": { name: "FEATURE_MODIFY_PIN_DIRECT_APP_ID", tag: 0x0e },
  "write-display": { name: "FEATURE_WRITE_DISPLAY", tag: 0x0f },
  "get-key": { name: "FEATURE_GET_KEY", tag: 0x10 },
  "ifd-display-properties": { name: "FEATURE_IFD_DISPLAY_PROPERTIES", tag: 0x11 },
  "get-tlv-properties": { name: "FEATURE_GET_TLV_PROPERTIES", tag: 0x12 },
  "ccid-esc-command": { name: "FEATURE_CCID_ESC_COMMAND", tag: 0x13 },
  "execute-pace": { name: "FEATURE_EXECUTE_PACE", tag: 0x20 },
} satisfies Readonly<Record<string, { readonly name: string; readonly tag: number }>>;

/** What a reader can do beyond passing commands on: the FEATURE_ name of PC/SC part 10, in small letters. */
export type Feature = keyof typeof featureRows;

/** FEATURE_*: PC/SC part 10; the tag is what stands in the feature list. */
export const features: Readonly<Record<Feature, { readonly name: string; readonly tag: number }>> = featureRows;

/** The feature of a tag; undefined for one that part 10 does not have. */
export function featureOfTag(tag: number): Feature | undefined {
  checkWhole(tag, 0, 0xff, "featureOfTag: tag");
  return featuresByTag.get(tag);
}

const featuresByTag: ReadonlyMap<number, Feature> = new Map(
  (Object.keys(features) as Feature[]).map((feature) => [features[feature].tag, feature]),
);

/** One line of a feature list. */
export interface FeatureEntry {
  /** 0 to 255. Unknown tags are kept: readers have vendor-specific features. */
  readonly tag: number;
  /** The control code that reaches the feature, as the reader counts. */
  readonly controlCode: number;
}

/** PCSC_TLV_STRUCTURE of reader.h; the only big-endian number in this corner of PC/SC. */
const featureTlv: Struct<{ tag: Field<number>; length: Field<number>; controlCode: Field<number> }> = struct(
  "PCSC_TLV_STRUCTURE",
  { tag: u8, length: u8, controlCode: u32be },
);

/** Reads a reader's answer to `get-feature-request`: any number of 6-byte entries, each of length 4. */
export function decodeFeatureList(list: Uint8Array): Result<FeatureEntry[]> {
  return decoding(list, (cursor) => {
    const entries: FeatureEntry[] = [];
    while (cursor.remaining > 0) {
      const tag = cursor.u8("feature tag");
      const length = cursor.u8("feature length");
      if (length !== 4) cursor.fail(`a feature entry has length 4, not ${length}`, cursor.offset - 1);
      const code = cursor.u16be("control code") * 0x1_0000 + cursor.u16be("control code");
      entries.push({ tag, controlCode: code });
    }
    return entries;
  });
}

/** Writes the answer to `get-feature-request`. @throws RangeError for a tag or code that does not fit */
export function encodeFeatureList(entries: readonly FeatureEntry[]): Uint8Array {
  checkList(entries, "entries, each with tag and controlCode", "encodeFeatureList: entries");
  const list = new Uint8Array(entries.length * featureTlv.size);
  entries.forEach((entry, index) => {
    checkObject(entry, "encodeFeatureList: an entry", "pass an object with tag and controlCode");
    const { controlCode, tag } = entry;
    list.set(featureTlv.encode({ tag, length: 4, controlCode }), index * featureTlv.size);
  });
  return list;
}

/** Numbers, and the three bytes of the T=1 prologue. */
export type PinStructure<K extends string> = Struct<{ [key in K]: Field<number> } & { teoPrologue: Field<Uint8Array> }>;

export type PinStructureKey =
  | "timerOut"
  | "timerOut2"
  | "formatString"
  | "pinBlockString"
  | "pinLengthFormat"
  | "pinMaxExtraDigit"
  | "entryValidationCondition"
  | "numberMessage"
  | "langId"
  | "dataLength";

/**
 * PIN_VERIFY_STRUCTURE without its data: the input of `verify-pin-direct`; `dataLength` bytes of command APDU, with
 * room for the PIN, follow it. PC/SC part 10.
 */
export const pinVerifyStructure: PinStructure<PinStructureKey | "msgIndex"> = struct("PIN_VERIFY_STRUCTURE", {
  /** Seconds to wait for the PIN; 0 leaves it to the reader. */
  timerOut: u8,
  /** Seconds to wait after the first key. */
  timerOut2: u8,
  formatString: u8,
  /** High half: size in bits of the PIN length in the APDU; low half: size in bytes of the PIN block. */
  pinBlockString: u8,
  /** Bit 4: positions count bytes, not bits; low half: position of the PIN length. */
  pinLengthFormat: u8,
  /** 0xXXYY: fewest and most digits. */
  pinMaxExtraDigit: u16le,
  /** Bits: 1 most digits reached, 2 confirmation key, 4 timeout. */
  entryValidationCondition: u8,
  numberMessage: u8,
  langId: u16le,
  msgIndex: u8,
  teoPrologue: bytes(3),
  dataLength: u32le,
});

/** PIN_MODIFY_STRUCTURE without its data: the input of `modify-pin-direct`. PC/SC part 10. */
export const pinModifyStructure: PinStructure<
  PinStructureKey | "insertionOffsetOld" | "insertionOffsetNew" | "confirmPin" | "msgIndex1" | "msgIndex2" | "msgIndex3"
> = struct("PIN_MODIFY_STRUCTURE", {
  timerOut: u8,
  timerOut2: u8,
  formatString: u8,
  pinBlockString: u8,
  pinLengthFormat: u8,
  /** Where the current PIN goes, in bytes from the start of the data field. */
  insertionOffsetOld: u8,
  /** Where the new PIN goes. */
  insertionOffsetNew: u8,
  pinMaxExtraDigit: u16le,
  confirmPin: u8,
  entryValidationCondition: u8,
  numberMessage: u8,
  langId: u16le,
  msgIndex1: u8,
  msgIndex2: u8,
  msgIndex3: u8,
  teoPrologue: bytes(3),
  dataLength: u32le,
});

/** PIN_PROPERTIES_STRUCTURE: the answer of `ifd-pin-properties`. PC/SC part 10. */
export const pinPropertiesStructure: Struct<{
  lcdLayout: Field<number>;
  entryValidationCondition: Field<number>;
  timeOut2: Field<number>;
}> = struct("PIN_PROPERTIES_STRUCTURE", {
  lcdLayout: u16le,
  entryValidationCondition: u8,
  timeOut2: u8,
});
