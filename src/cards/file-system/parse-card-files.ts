// SPDX-License-Identifier: MIT

import { bigEndianNumber, concatBytes } from "../../base/binary/index.ts";
import { masterFileId } from "../../base/iso7816/index.ts";
import type { JsonPlace } from "../../base/json/index.ts";
import { cardLimits } from "./card-limits.ts";
import { bytesOf } from "./file-system.ts";
import {
  type DataObjectImage,
  type DedicatedFileImage,
  type FileImage,
  isObjectTag,
  type RecordFileImage,
  type RecordFileType,
  reservedFileIds,
  type TransparentFileImage,
} from "./file-system-image.ts";
import { type ParseContext, readAccess, readAccessRules, readLifeCycle } from "./parse-card-access.ts";

const fileTypes = ["df", "transparent", "linear-fixed", "linear-variable", "cyclic"] as const;

/** Reads the master file, whose members are those of the card. */
export function readMasterFile(place: JsonPlace, context: ParseContext): DedicatedFileImage {
  return {
    type: "df",
    id: masterFileId,
    name: undefined,
    label: undefined,
    ...readContents(place, masterFileId, 0, context),
  };
}

function readContents(
  place: JsonPlace,
  id: number,
  depth: number,
  context: ParseContext,
): Pick<DedicatedFileImage, "lifeCycle" | "access" | "files" | "objects"> {
  return {
    lifeCycle: readLifeCycle(place.member("lifeCycle")),
    access: readAccessRules(place.member("access"), "df", context),
    files: readFiles(place.member("files"), id, depth, context),
    objects: readObjects(place.member("objects"), context),
  };
}

function readFiles(place: JsonPlace, parentId: number, depth: number, context: ParseContext): FileImage[] {
  // The rule of ISO/IEC 7816-4:2005, 5.3.1.1: children and parent can be told apart by their identifiers.
  const ids = new Set<number>([parentId]);
  const sfis = new Set<number>();
  return place.elements(cardLimits.filesPerDirectory).map((element) => {
    const file = readFile(element, depth, context);
    if (file.id !== 0 && ids.has(file.id))
      element.member("id").problem("is that of a sibling or of the directory: give each its own");
    ids.add(file.id);
    if (file.type !== "df" && file.sfi !== undefined) {
      if (sfis.has(file.sfi))
        element.member("sfi").problem("is taken by a sibling: give each its own, or leave it out");
      sfis.add(file.sfi);
    }
    return file;
  });
}

function readFile(place: JsonPlace, depth: number, context: ParseContext): FileImage {
  context.files++;
  if (context.files === cardLimits.files + 1) place.problem(`is one file too many: a card has ${cardLimits.files}`);
  const type = place.member("type").oneOf(fileTypes);
  switch (type) {
    case "df":
      return readDedicatedFile(place, depth + 1, context);
    case "transparent":
      return readTransparentFile(place, context);
    default:
      return readRecordFile(place, type, context);
  }
}

function readId(place: JsonPlace): number {
  const [high, low] = place.bytes(2, 2);
  // No identifier at all: that was noted, and 0 collides with no other.
  if (high === undefined || low === undefined) return 0;
  const id = (high << 8) | low;
  if (reservedFileIds.includes(id)) place.problem("is reserved by ISO/IEC 7816-4: take another");
  return id;
}

function readSfi(place: JsonPlace): number | undefined {
  return place.present ? place.integer(1, 30) : undefined;
}

function readDedicatedFile(place: JsonPlace, depth: number, context: ParseContext): DedicatedFileImage {
  place.object(["type", "id", "lifeCycle", "name", "label", "files", "objects", "access"]);
  const id = readId(place.member("id"));
  const namePlace = place.member("name");
  const name = namePlace.present ? namePlace.bytes(1, cardLimits.dfNameBytes) : undefined;
  if (name !== undefined && name.length > 0) {
    if (context.dfNames.has(name.join())) namePlace.problem("is the name of another DF: names are unique in a card");
    context.dfNames.add(name.join());
  }
  const labelPlace = place.member("label");
  const label = labelPlace.present ? labelPlace.text(cardLimits.labelCharacters) : undefined;
  if (depth > cardLimits.depth) {
    place.problem(`is nested more than ${cardLimits.depth} directories deep`);
    const access = { kind: "own", conditions: {} } as const;
    return { type: "df", id, name, label, lifeCycle: "activated", access, files: [], objects: [] };
  }
  return { type: "df", id, name, label, ...readContents(place, id, depth, context) };
}

function readTransparentFile(place: JsonPlace, context: ParseContext): TransparentFileImage {
  place.object(["type", "id", "sfi", "lifeCycle", "content", "size", "access"]);
  const contentPlace = place.member("content");
  const content = contentPlace.present ? contentPlace.bytes(0, cardLimits.fileBytes) : new Uint8Array(0);
  const sizePlace = place.member("size");
  const size = sizePlace.integer(1, cardLimits.fileBytes, content.length > 0 ? content.length : undefined);
  if (content.length > size) sizePlace.problem("is less than the content has: make it larger, or leave it out");
  const file: TransparentFileImage = {
    type: "transparent",
    id: readId(place.member("id")),
    sfi: readSfi(place.member("sfi")),
    lifeCycle: readLifeCycle(place.member("lifeCycle")),
    access: readAccessRules(place.member("access"), "transparent", context),
    content: concatBytes(content, new Uint8Array(Math.max(0, size - content.length))),
  };
  count(place, bytesOf(file), context);
  return file;
}

function readRecordFile(place: JsonPlace, type: RecordFileType, context: ParseContext): RecordFileImage {
  place.object(["type", "id", "sfi", "lifeCycle", "records", "recordSize", "maxRecords", "access"]);
  const recordPlaces = place.member("records").elements(cardLimits.records);
  const records = recordPlaces.map((element) => element.bytes(1, cardLimits.recordBytes));
  const longest = records.reduce((most, record) => Math.max(most, record.length), 0);
  const recordSize = place.member("recordSize").integer(1, cardLimits.recordBytes, longest || undefined);
  const maxRecords = place.member("maxRecords").integer(1, cardLimits.records, records.length || undefined);
  if (records.length > maxRecords) place.member("maxRecords").problem("is less than there are records: make it larger");
  for (const [index, element] of recordPlaces.entries()) {
    const length = records[index]?.length ?? 0;
    const fits = type === "linear-variable" ? length <= recordSize : length === recordSize;
    if (length > 0 && !fits) {
      element.problem(`has ${length} bytes where the file has ${recordSize}: change it, recordSize, or the type`);
    }
  }
  const file: RecordFileImage = {
    type,
    id: readId(place.member("id")),
    sfi: readSfi(place.member("sfi")),
    lifeCycle: readLifeCycle(place.member("lifeCycle")),
    access: readAccessRules(place.member("access"), "record", context),
    records,
    recordSize,
    maxRecords,
  };
  count(place, bytesOf(file), context);
  return file;
}

function readObjects(place: JsonPlace, context: ParseContext): DataObjectImage[] {
  const tags = new Set<number>();
  return place.elements(cardLimits.objectsPerDirectory).map((element) => {
    element.object(["tag", "value", "access"]);
    const tagPlace = element.member("tag");
    const tag = bigEndianNumber(tagPlace.bytes(1, 2));
    if (tag !== 0 && !isObjectTag(tag)) tagPlace.problem("is no BER-TLV tag of one or two bytes that P1-P2 can tell");
    if (tag !== 0 && tags.has(tag)) tagPlace.problem("is taken by another data object here: give each its own");
    tags.add(tag);
    const value = element.member("value").bytes(0, cardLimits.objectBytes);
    count(element, value.length, context);
    const access = element.member("access");
    if (access.present) access.object(["read", "update"]);
    return {
      tag,
      value,
      read: readAccess(access.member("read"), "always", context),
      update: readAccess(access.member("update"), "never", context),
    };
  });
}

function count(place: JsonPlace, bytes: number, context: ParseContext): void {
  const before = context.contentBytes;
  context.contentBytes += bytes;
  if (before <= cardLimits.contentBytes && context.contentBytes > cardLimits.contentBytes) {
    place.problem(`makes the card larger than ${cardLimits.contentBytes} bytes`);
  }
}
