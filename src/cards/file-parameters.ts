// SPDX-License-Identifier: MIT

import { type Result, success } from "../binary/index.ts";
import { type BerTlv, decodeBerTlv, findBerTlv } from "../iso7816/index.ts";
import { decodeCompactRules, decodeExpandedRules } from "./access-rules.ts";
import { cardLimits } from "./card-limits.ts";
import { controlTags, fileDescriptors, lifeCycleBytes } from "./control-information.ts";
import {
  type AccessRules,
  type FileImage,
  type LifeCycle,
  type RecordFileType,
  reservedFileIds,
} from "./file-system-image.ts";
import { type Answer, status, sw } from "./status.ts";

/** A file that is to be made. Its access rules are undefined where none were given. */
export type NewFile = FileImage & { readonly givenAccess: AccessRules | undefined };

/** Parameters that CREATE FILE accepts. Unknown ones are refused: they may be access rules. */
const knownTags: ReadonlySet<number> = new Set([
  controlTags.dataBytes,
  controlTags.allBytes,
  controlTags.descriptor,
  controlTags.fileId,
  controlTags.dfName,
  controlTags.shortId,
  controlTags.lifeCycle,
  controlTags.ruleReference,
  controlTags.compactRules,
  controlTags.expandedRules,
  // These two are ignored.
  controlTags.proprietary,
  controlTags.proprietaryTemplate,
]);

const nothing = { kind: "own", conditions: {} } as const;

/**
 * Reads the data of CREATE FILE: one template 62 with file control parameters. 6F is taken as well, which OpenSC writes.
 * ISO/IEC 7816-9:2000, 6.1; ISO/IEC 7816-4:2005, table 12. The file's life cycle is "activated" unless it says
 * otherwise.
 */
export function decodeFileParameters(data: Uint8Array): Result<NewFile, Answer> {
  const decoded = decodeBerTlv(data);
  const [template, ...others] = decoded.ok ? decoded.value : [];
  const isTemplate = template?.tag === controlTags.fcp || template?.tag === controlTags.fci;
  if (!isTemplate || others.length > 0) return wrong;
  const objects = template.children ?? [];
  const tags = objects.map(({ tag }) => tag);
  if (new Set(tags).size < tags.length || !tags.every((tag) => knownTags.has(tag))) return wrong;
  const descriptor = findBerTlv(objects, controlTags.descriptor)?.value;
  const id = number(objects, controlTags.fileId, 2, 2);
  const lifeCycle = readLifeCycle(objects);
  if (descriptor === undefined || id === undefined || reservedFileIds.includes(id) || lifeCycle === undefined) {
    return wrong;
  }
  // The bit in between says that several channels may have the file open at once, which they may here in any case.
  const type = fileTypeOf((descriptor[0] ?? 0xff) & ~0x40);
  if (type === undefined) return { ok: false, error: status(sw.functionNotSupported) };
  const givenAccess = readAccess(type === "df" ? "df" : "ef", objects);
  if (givenAccess === "wrong") return wrong;
  const common = { id, lifeCycle, access: nothing, givenAccess };
  return type === "df" ? readDirectory(objects, common) : readElementary(type, descriptor, objects, common);
}

const wrong = { ok: false, error: status(sw.wrongData) } as const;

type Common = Pick<NewFile, "id" | "lifeCycle" | "access" | "givenAccess">;

function readDirectory(objects: readonly BerTlv[], common: Common): Result<NewFile, Answer> {
  const name = findBerTlv(objects, controlTags.dfName)?.value;
  if (name !== undefined && (name.length < 1 || name.length > cardLimits.dfNameBytes)) return wrong;
  if (findBerTlv(objects, controlTags.shortId) !== undefined) return wrong;
  return success({ ...common, type: "df", name, label: undefined, files: [], objects: [] });
}

function readElementary(
  type: Exclude<FileImage["type"], "df">,
  descriptor: Uint8Array,
  objects: readonly BerTlv[],
  common: Common,
): Result<NewFile, Answer> {
  const shortId = findBerTlv(objects, controlTags.shortId)?.value;
  const sfi = readShortId(shortId);
  if (sfi === "wrong" || findBerTlv(objects, controlTags.dfName) !== undefined) return wrong;
  const size = number(objects, controlTags.dataBytes, 1, 4) ?? number(objects, controlTags.allBytes, 1, 4);
  if (type === "transparent") {
    if (size === undefined || size < 1) return wrong;
    if (size > cardLimits.fileBytes) return tooLarge;
    return success({ ...common, type, sfi, content: new Uint8Array(size) });
  }
  const shape = readRecordShape(descriptor, size);
  if (shape === undefined) return wrong;
  if (shape.recordSize > cardLimits.recordBytes || shape.maxRecords > cardLimits.records) return tooLarge;
  return success({ ...common, type, sfi, records: [], ...shape });
}

const tooLarge = { ok: false, error: status(sw.notEnoughMemory) } as const;

function fileTypeOf(descriptor: number): FileImage["type"] | undefined {
  if (descriptor === fileDescriptors.df) return "df";
  if (descriptor === fileDescriptors.transparent) return "transparent";
  const types: readonly RecordFileType[] = ["linear-fixed", "linear-variable", "cyclic"];
  return types.find((type) => fileDescriptors[type] === descriptor);
}

/**
 * Behind the descriptor byte: data coding, the size of the longest record in one byte or two, the number of records in
 * one or two. Where the number is missing, the size of the file tells it. ISO/IEC 7816-4:2005, table 12.
 */
function readRecordShape(
  descriptor: Uint8Array,
  size: number | undefined,
): { recordSize: number; maxRecords: number } | undefined {
  const { length } = descriptor;
  if (length < 3 || length > 6) return undefined;
  const recordSize = bigEndian(descriptor.subarray(2, Math.min(length, 4)));
  const told = length > 4 ? bigEndian(descriptor.subarray(4)) : 0;
  const maxRecords = told > 0 ? told : Math.floor((size ?? 0) / recordSize);
  return recordSize >= 1 && maxRecords >= 1 ? { recordSize, maxRecords } : undefined;
}

/** In the higher five bits; no bytes at all stand for "none", as the missing object does on this card. */
function readShortId(value: Uint8Array | undefined): number | undefined | "wrong" {
  if (value === undefined || value.length === 0) return undefined;
  const [byte = 0] = value;
  const sfi = byte >> 3;
  return value.length === 1 && (byte & 0x07) === 0 && sfi >= 1 && sfi <= 30 ? sfi : "wrong";
}

/** Undefined where it is invalid; a file cannot be created terminated. ISO/IEC 7816-4:2005, table 13. */
function readLifeCycle(objects: readonly BerTlv[]): LifeCycle | undefined {
  const value = findBerTlv(objects, controlTags.lifeCycle)?.value;
  if (value === undefined) return "activated";
  const [byte = 0] = value;
  if (value.length !== 1) return undefined;
  // In the operational states, bit 2 means nothing.
  const plain = (byte & 0xfc) === 0x04 ? byte & ~0x02 : byte;
  const states: readonly LifeCycle[] = ["creation", "initialisation", "activated", "deactivated"];
  return states.find((state) => lifeCycleBytes[state] === plain);
}

function readAccess(file: "df" | "ef", objects: readonly BerTlv[]): AccessRules | undefined | "wrong" {
  const compact = findBerTlv(objects, controlTags.compactRules);
  const expanded = findBerTlv(objects, controlTags.expandedRules);
  const reference = findBerTlv(objects, controlTags.ruleReference);
  const given = [compact, expanded, reference].filter((object) => object !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1) return "wrong";
  if (reference !== undefined) {
    const { value } = reference;
    const record = value[2] ?? 0;
    if (value.length !== 3 || record < 1 || record > cardLimits.records) return "wrong";
    return { kind: "arr", fileId: bigEndian(value.subarray(0, 2)), record };
  }
  const conditions = compact
    ? decodeCompactRules(file, compact.value)
    : decodeExpandedRules(file, expanded?.children ?? []);
  return conditions === undefined ? "wrong" : { kind: "own", conditions };
}

function number(objects: readonly BerTlv[], tag: number, least: number, most: number): number | undefined {
  const value = findBerTlv(objects, tag)?.value;
  return value === undefined || value.length < least || value.length > most ? undefined : bigEndian(value);
}

function bigEndian(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}
