// SPDX-License-Identifier: MIT

import { bigEndianBytes, bigEndianNumber, checkBytes, checkMembers, quoteWord, shown } from "../binary/index.ts";

/** What a file is: a directory (`df`), or an elementary file of some structure. ISO/IEC 7816-4:2005, table 14. */
export type FileStructure =
  | "df"
  | "transparent"
  | "linear-fixed"
  | "linear-variable"
  | "cyclic"
  | "ber-tlv"
  | "simple-tlv";

/** The object 82 of file control information. ISO/IEC 7816-4:2005, 5.3.3.1 and tables 12 and 14. */
export interface FileDescriptor {
  /** Undefined where the card does not tell, or has a value of its own. */
  readonly structure: FileStructure | undefined;
  /** `working` for data of the outside world, `internal` for data that the card interprets, such as keys. @default working */
  readonly category?: "working" | "internal" | "proprietary";
  /** Whether several logical channels may have the file open at once. @default false */
  readonly shareable?: boolean;
  /** Whether the records are SIMPLE-TLV data objects. @default false */
  readonly tlvRecords?: boolean;
  /** The data coding byte, 0 to 255. ISO/IEC 7816-4:2005, table 87. @default not told */
  readonly dataCoding?: number | undefined;
  /** Bytes in a record, or in the longest, 0 to 65,535. It needs `dataCoding`. @default not told */
  readonly recordBytes?: number | undefined;
  /** How many records there are, 0 to 65,535. It needs `recordBytes`. @default not told */
  readonly records?: number | undefined;
}

const BIT_SHAREABLE = 0x40;
const BIT_TLV = 0x01;
const MASK_CATEGORY = 0x38;
const INTERNAL = 0x08;

/** By the descriptor byte, without what can be added to it. ISO/IEC 7816-4:2005, table 14. */
const structures: ReadonlyMap<number, FileStructure> = new Map([
  [0x38, "df"],
  [0x39, "ber-tlv"],
  [0x3a, "simple-tlv"],
  [0x01, "transparent"],
  [0x02, "linear-fixed"],
  [0x04, "linear-variable"],
  [0x06, "cyclic"],
]);

const members: readonly (keyof FileDescriptor)[] = [
  "structure",
  "category",
  "shareable",
  "tlvRecords",
  "dataCoding",
  "recordBytes",
  "records",
];

/**
 * Writes the value of the object 82: one byte, two with the data coding byte, four with the size of the records, five or six
 * with their number.
 *
 * @throws RangeError for a number out of range, a number without what it needs before it, and a member that does not go with
 * the structure; TypeError for a member that there is not
 */
export function encodeFileDescriptor(descriptor: FileDescriptor): Uint8Array {
  checkMembers(descriptor, members, "encodeFileDescriptor: the descriptor");
  const { dataCoding, recordBytes, records } = descriptor;
  if (records !== undefined && recordBytes === undefined) throw new RangeError("records needs recordBytes");
  if (recordBytes !== undefined && dataCoding === undefined) throw new RangeError("recordBytes needs dataCoding");
  const bytes = [descriptorByte(descriptor)];
  if (dataCoding !== undefined) bytes.push(...bigEndianBytes(dataCoding, 1, 1, "dataCoding"));
  if (recordBytes !== undefined) bytes.push(...bigEndianBytes(recordBytes, 2, 2, "recordBytes"));
  if (records !== undefined) bytes.push(...bigEndianBytes(records, 1, 2, "records"));
  return Uint8Array.from(bytes);
}

function descriptorByte({
  category = "working",
  shareable = false,
  structure,
  tlvRecords = false,
}: FileDescriptor): number {
  const found = [...structures].find(([, name]) => name === structure);
  if (found === undefined || category === "proprietary") {
    throw new RangeError(
      `a file descriptor byte tells ${wordOf(structure)} of category ${wordOf(category)} in no standard way`,
    );
  }
  const [base] = found;
  const isRecords = (base & MASK_CATEGORY) === 0 && base > 0x01;
  if (tlvRecords && !isRecords) throw new RangeError(`a file of structure ${structure} has no records for tlvRecords`);
  if (category === "internal" && base >= MASK_CATEGORY) throw new RangeError(`${structure} is not an internal file`);
  return base | (tlvRecords ? BIT_TLV : 0) | (category === "internal" ? INTERNAL : 0) | (shareable ? BIT_SHAREABLE : 0);
}

/**
 * Reads the value of the object 82. Cards leave out what they like, so there is no wrong one: what is not there, or has no
 * meaning in the standard, is undefined. Bytes behind the sixth are not looked at.
 *
 * @throws TypeError (not bytes)
 */
export function decodeFileDescriptor(value: Uint8Array): FileDescriptor {
  checkBytes(value, "decodeFileDescriptor: value");
  const [byte = 0x80, dataCoding] = value;
  return {
    ...decodeByte(byte),
    dataCoding,
    recordBytes: value.length >= 3 ? bigEndianNumber(value.subarray(2, 4)) : undefined,
    records: value.length >= 5 ? bigEndianNumber(value.subarray(4, 6)) : undefined,
  };
}

type DescriptorByte = Required<Pick<FileDescriptor, "category" | "shareable" | "tlvRecords">> &
  Pick<FileDescriptor, "structure">;

function decodeByte(byte: number): DescriptorByte {
  const isProprietary = (byte & 0x80) !== 0;
  const shareable = !isProprietary && (byte & BIT_SHAREABLE) !== 0;
  const plain = byte & ~BIT_SHAREABLE;
  if (isProprietary) return { structure: undefined, category: "proprietary", shareable, tlvRecords: false };
  if ((plain & MASK_CATEGORY) === MASK_CATEGORY) {
    return { structure: structures.get(plain), category: "working", shareable, tlvRecords: false };
  }
  const kind = plain & 0x07;
  const tlvRecords = kind > 0x02 && (kind & BIT_TLV) !== 0;
  const structure = structures.get(tlvRecords ? kind & ~BIT_TLV : kind);
  const category = ({ 0: "working", [INTERNAL]: "internal" } as const)[plain & MASK_CATEGORY] ?? "proprietary";
  return { structure, category, shareable, tlvRecords };
}

function wordOf(value: unknown): string {
  return typeof value === "string" ? quoteWord(value) : shown(value);
}
