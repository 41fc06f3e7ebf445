// SPDX-License-Identifier: MIT

import {
  bigEndianBytes,
  bigEndianNumber,
  checkBytes,
  checkMembers,
  checkText,
  checkWhole,
  checkWord,
} from "../binary/index.ts";
import { type BerTlv, type BerTlvInit, decodeBerTlv, encodeBerTlv, findBerTlv } from "./ber-tlv.ts";
import { decodeFileDescriptor, encodeFileDescriptor, type FileDescriptor } from "./file-descriptor.ts";
import { decodeLifeCycle, encodeLifeCycle, type LifeCycle } from "./life-cycle.ts";

/**
 * The templates in which a card tells of a file: control parameters (FCP), management data (FMD), and control information
 * (FCI), which is both. ISO/IEC 7816-4:2005, 5.3.3, table 11.
 */
export type FileControlTemplate = "fcp" | "fmd" | "fci";

/** Tags of the templates, and of the data objects in them. ISO/IEC 7816-4:2005, tables 11 and 12. */
export const fileControlTags = {
  fcp: 0x62,
  fmd: 0x64,
  fci: 0x6f,
  dataBytes: 0x80,
  totalBytes: 0x81,
  descriptor: 0x82,
  fileId: 0x83,
  dfName: 0x84,
  proprietary: 0x85,
  shortId: 0x88,
  lifeCycle: 0x8a,
  ruleReference: 0x8b,
  compactRules: 0x8c,
  proprietaryTemplate: 0xa5,
  expandedRules: 0xab,
  applicationLabel: 0x50,
} as const;

/** P2 of SELECT, bits 4 and 3: which template the card returns, or none. ISO/IEC 7816-4:2005, table 40. */
export const selectReturns = { fci: 0x00, fcp: 0x04, fmd: 0x08, nothing: 0x0c } as const;

/** How the access rules of a file are given. ISO/IEC 7816-4:2005, 5.4.3. */
export type FileSecurity<Rule extends BerTlvInit = BerTlvInit> =
  /** The object 8B: a record of an EF.ARR, 1 to 254. */
  | { readonly kind: "reference"; readonly fileId: number; readonly record: number }
  /** The object 8C: access mode byte and security condition bytes. */
  | { readonly kind: "compact"; readonly rules: Uint8Array }
  /** The object AB: access mode and security condition data objects. */
  | { readonly kind: "expanded"; readonly rules: readonly Rule[] };

/** What a card tells of a file, and what CREATE FILE tells a card. */
export interface FileControl {
  /** Bytes of the file without structure, 0 to 4,294,967,295. Tag 80. */
  readonly dataBytes?: number | undefined;
  /** Bytes of the file with its structure, 0 to 4,294,967,295. Tag 81. */
  readonly totalBytes?: number | undefined;
  /** Tag 82. */
  readonly descriptor?: FileDescriptor | undefined;
  /** 0 to 0xFFFF. Tag 83. */
  readonly fileId?: number | undefined;
  /** The name of an application, 1 to 16 bytes. Tag 84. */
  readonly dfName?: Uint8Array | undefined;
  /** Short identifier, 1 to 30; `none` where the file is told to have none. Tag 88. */
  readonly shortId?: number | "none" | undefined;
  /** Tag 8A. */
  readonly lifeCycle?: LifeCycle | undefined;
  /** Tag 8B, 8C or AB. */
  readonly security?: FileSecurity | undefined;
  /** A text for people. Tag 50, in management data. */
  readonly label?: string | undefined;
}

/** File control information, as it was read. */
export interface DecodedFileControl extends FileControl {
  readonly security: FileSecurity<BerTlv> | undefined;
  /** The tags of what stands side by side: one template, mostly. Empty where the bytes are no BER-TLV data objects. */
  readonly templates: readonly number[];
  /** The data objects of all templates, those with them that are read into the members. */
  readonly objects: readonly BerTlv[];
  /** Tags of objects whose value is not what the standard says, or that came before: what they tell is left out. */
  readonly problems: readonly number[];
}

const members: readonly (keyof FileControl)[] = [
  "dataBytes",
  "totalBytes",
  "descriptor",
  "fileId",
  "dfName",
  "shortId",
  "lifeCycle",
  "security",
  "label",
];
/** Descriptor byte, data coding byte, and two numbers of two bytes. */
const MAX_DESCRIPTOR_BYTES = 6;
const { dfName: tagDfName, applicationLabel: tagLabel } = fileControlTags;

/**
 * Writes a template, its objects in the order of their tags and the label last. FMD has the name and the label alone, FCP has
 * no label, FCI has everything.
 *
 * @throws RangeError for a number out of range, a name of 0 or more than 16 bytes, and as {@link encodeFileDescriptor};
 * TypeError for a member that there is not
 * @see ISO/IEC 7816-4:2005, 5.3.3
 */
export function encodeFileControl(template: FileControlTemplate, control: FileControl): Uint8Array {
  checkWord(template, ["fcp", "fmd", "fci"], "encodeFileControl: template");
  checkMembers(control, members, "encodeFileControl: the control information");
  const objects = fileControlObjects(control).filter(({ tag }) => {
    if (template === "fmd") return tag === tagDfName || tag === tagLabel;
    return template === "fci" || tag !== tagLabel;
  });
  return encodeBerTlv([{ tag: fileControlTags[template], children: objects }]);
}

function fileControlObjects(control: FileControl): readonly BerTlvInit[] {
  const { dataBytes, descriptor, dfName, fileId, label, lifeCycle, security, shortId, totalBytes } = control;
  if (label !== undefined) checkText(label, "encodeFileControl: label");
  const objects: (BerTlvInit | undefined)[] = [
    sizeObject(fileControlTags.dataBytes, dataBytes, "dataBytes"),
    sizeObject(fileControlTags.totalBytes, totalBytes, "totalBytes"),
    descriptor && { tag: fileControlTags.descriptor, value: encodeFileDescriptor(descriptor) },
    fileId === undefined
      ? undefined
      : { tag: fileControlTags.fileId, value: Uint8Array.from(bigEndianBytes(fileId, 2, 2, "fileId")) },
    dfName && { tag: tagDfName, value: checkedName(dfName) },
    shortId === undefined ? undefined : { tag: fileControlTags.shortId, value: encodeShortId(shortId) },
    lifeCycle && { tag: fileControlTags.lifeCycle, value: Uint8Array.of(encodeLifeCycle(lifeCycle)) },
    security && securityObject(security),
    label === undefined ? undefined : { tag: tagLabel, value: encodeLabel(label) },
  ];
  return objects.filter((object) => object !== undefined);
}

function encodeLabel(label: string): Uint8Array {
  checkText(label, "encodeFileControl: label");
  return new TextEncoder().encode(label);
}

/** Two bytes at least, as cards write it. */
function sizeObject(tag: number, size: number | undefined, name: string): BerTlvInit | undefined {
  return size === undefined ? undefined : { tag, value: Uint8Array.from(bigEndianBytes(size, 2, 4, name)) };
}

function checkedName(name: Uint8Array): Uint8Array {
  checkBytes(name, "encodeFileControl: dfName");
  if (isName(name)) return name;
  throw new RangeError(`the name of an application has 1 to 16 bytes, not ${name.length}`);
}

function isName({ length }: Uint8Array): boolean {
  return length >= 1 && length <= 16;
}

/**
 * The value of the object 88: the short identifier in the higher five bits; empty for none.
 *
 * @throws RangeError for a number outside 1 to 30
 * @see ISO/IEC 7816-4:2005, table 12
 */
export function encodeShortId(shortId: number | "none"): Uint8Array {
  if (shortId === "none") return new Uint8Array(0);
  checkWhole(shortId, 1, 30, "a short identifier");
  return Uint8Array.of(shortId << 3);
}

function securityObject(security: FileSecurity): BerTlvInit {
  checkWord(security.kind, ["reference", "compact", "expanded"], "encodeFileControl: security.kind");
  switch (security.kind) {
    case "reference": {
      const { fileId, record } = security;
      if (!isRecordNumber(record)) throw new RangeError(`a record is 1 to 254, not ${record}`);
      return {
        tag: fileControlTags.ruleReference,
        value: Uint8Array.of(...bigEndianBytes(fileId, 2, 2, "fileId"), record),
      };
    }
    case "compact":
      return { tag: fileControlTags.compactRules, value: security.rules };
    case "expanded":
      return { tag: fileControlTags.expandedRules, children: security.rules };
  }
}

/**
 * Reads what SELECT returned, or what CREATE FILE has: one template, or several one behind the other. Nothing is refused:
 * bytes that are no template tell nothing, and an object that is malformed is left out and named in `problems`. Who must not
 * overlook anything looks at `problems` and `objects`.
 *
 * @see ISO/IEC 7816-4:2005, 5.3.3; ISO/IEC 7816-9:2004, 7.1 (CREATE FILE)
 */
export function decodeFileControl(data: Uint8Array): DecodedFileControl {
  const decoded = decodeBerTlv(data);
  const templates = decoded.ok ? decoded.value : [];
  const objects = templates.flatMap(({ children = [], tag }) => (isFileControlTemplate(tag) ? children : []));
  const problems: number[] = [];
  /** The first object with a tag, read; undefined where there is none or it is malformed. */
  const read = <T>(tag: number, reading: (object: BerTlv) => T | undefined): T | undefined => {
    const object = findBerTlv(objects, tag);
    const value = object && reading(object);
    if (object !== undefined && value === undefined) problems.push(tag);
    return value;
  };
  const size = ({ value }: BerTlv): number | undefined => (value.length > 4 ? undefined : bigEndianNumber(value));
  const control = {
    dataBytes: read(fileControlTags.dataBytes, size),
    totalBytes: read(fileControlTags.totalBytes, size),
    descriptor: read(fileControlTags.descriptor, ({ value }) => decodeFileDescriptor(value)),
    fileId: read(fileControlTags.fileId, ({ value }) => (value.length === 2 ? bigEndianNumber(value) : undefined)),
    dfName: read(tagDfName, ({ value }) => (isName(value) ? value : undefined)),
    shortId: read(fileControlTags.shortId, ({ value }) => decodeShortId(value)),
    lifeCycle: read(fileControlTags.lifeCycle, ({ value: [byte, ...more] }) => {
      return byte === undefined || more.length > 0 ? undefined : decodeLifeCycle(byte);
    }),
    security: readSecurity(read),
    label: read(tagLabel, ({ value }) => new TextDecoder().decode(value)),
  };
  const wrong = objects.filter(({ tag, value }, index) => {
    const isRepeated = objects.findIndex((other) => other.tag === tag) < index;
    return isRepeated || (tag === fileControlTags.descriptor && value.length > MAX_DESCRIPTOR_BYTES);
  });
  problems.push(...wrong.map(({ tag }) => tag));
  return { ...control, templates: templates.map(({ tag }) => tag), objects, problems };
}

/** Whether a tag is that of FCP, FMD or FCI. */
export function isFileControlTemplate(tag: number): boolean {
  return tag === fileControlTags.fcp || tag === fileControlTags.fmd || tag === fileControlTags.fci;
}

function decodeShortId([byte, ...more]: Uint8Array): number | "none" | undefined {
  if (byte === undefined) return "none";
  const shortId = byte >> 3;
  return more.length === 0 && (byte & 0x07) === 0 && shortId >= 1 && shortId <= 30 ? shortId : undefined;
}

type DecodedSecurity = FileSecurity<BerTlv>;

function readSecurity(
  read: (tag: number, reading: (object: BerTlv) => DecodedSecurity | undefined) => DecodedSecurity | undefined,
): DecodedSecurity | undefined {
  const reference = read(fileControlTags.ruleReference, ({ value }) => {
    const record = value[2] ?? 0;
    if (value.length !== 3 || !isRecordNumber(record)) return undefined;
    return { kind: "reference", fileId: bigEndianNumber(value.subarray(0, 2)), record };
  });
  const compact = read(fileControlTags.compactRules, ({ value }) => ({ kind: "compact", rules: value }));
  const expanded = read(fileControlTags.expandedRules, ({ children = [] }) => ({ kind: "expanded", rules: children }));
  return reference ?? compact ?? expanded;
}

/** Record numbers as commands tell them. ISO/IEC 7816-4:2005, 7.3.1. */
function isRecordNumber(record: number): boolean {
  return Number.isInteger(record) && record >= 1 && record <= 254;
}
