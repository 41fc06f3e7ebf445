// SPDX-License-Identifier: MIT

import { bigEndianNumber, concatBytes, encodeHex } from "../../base/binary/index.ts";
import type { AnyShape, JsonNote, JsonOf, JsonPlace, Loose, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, list, nested, object } from "../../base/json/index.ts";
import { condition, directoryRules, ownRules, recordRules, transparentRules } from "./access-shape.ts";
import { cardLimits } from "./card-limits.ts";
import { checkDistinct } from "./check-distinct.ts";
import {
  type DataObjectImage,
  type DedicatedFileImage,
  type FileImage,
  isObjectTag,
  reservedFileIds,
} from "./file-system-image.ts";

/** The files of a card, for limits that hold for the whole card. */
export const describedFiles: JsonNote<undefined> = {};
/** The bytes of each file and data object. */
export const describedBytes: JsonNote<number> = {};
/** The names of its directories, in hexadecimal. */
export const dfNames: JsonNote<string> = {};

const id = is
  .bytes(2, 2)
  .as(bigEndianNumber)
  .check((value, place) => {
    if (reservedFileIds.includes(value)) place.problem("is reserved by ISO/IEC 7816-4: take another");
  })
  .about("File identifier, four hexadecimal digits.");

const sfi = is.whole(1, 30, "Short EF identifier.").optional();

export const lifeCycle = is
  .words("activated", "creation", "initialisation", "deactivated", "terminated")
  .optional("activated");

const ofElementaryFile = { id, sfi, lifeCycle };

const fileSize = is.whole(1, cardLimits.fileBytes);

const transparentFile = object({
  type: is.words("transparent").about("A file of bytes."),
  ...ofElementaryFile,
  content: is.bytes(0, cardLimits.fileBytes, "Initial content. Default: empty.").optional(new Uint8Array(0)),
  size: fileSize
    .about("Bytes in the file; what the content leaves is zeros. Default: as many as the content has.")
    .optional(),
  access: transparentRules.optional(ownRules({ read: "always" })),
}).check(({ content, size }, place) => {
  const length = content?.length ?? 0;
  if (size === undefined && length === 0) missing(place, "size", fileSize);
  if (size !== undefined && length > size)
    place.at("size").problem("is less than the content has: make it larger, or leave it out");
  place.note(describedBytes, size ?? length);
});

/** A file of bytes. */
export type TransparentFileSource = JsonOf<typeof transparentFile>;

const recordSize = is.whole(1, cardLimits.recordBytes);
const recordCount = is.whole(1, cardLimits.records);

const recordFile = object({
  type: is.words("linear-fixed", "linear-variable", "cyclic").about("A file of records. ISO/IEC 7816-4:2005, 5.3.1.1."),
  ...ofElementaryFile,
  records: list(is.bytes(1, cardLimits.recordBytes), cardLimits.records)
    .about("What is in it at first, record 1 first; in a cyclic file record 1 is the newest. Default: none.")
    .optional([]),
  recordSize: recordSize
    .about("Bytes in a record: exactly, or at most in a variable file. Default: the longest one of the records.")
    .optional(),
  maxRecords: recordCount.about("Most records. Default: as many as there are.").optional(),
  access: recordRules.optional(ownRules({ read: "always" })),
}).check((file, place) => {
  const { count, size } = sizesOf(file);
  if (size === 0) missing(place, "recordSize", recordSize);
  if (count === 0) missing(place, "maxRecords", recordCount);
  if ((file.records?.length ?? 0) > count)
    place.at("maxRecords").problem("is less than there are records: make it larger");
  if (place.at("recordSize").isSound) checkLengths(file, size, place.at("records"));
  place.note(describedBytes, size * count);
});

type RecordFile = ValueOf<typeof recordFile>;

/** A file of records. */
export type RecordFileSource = JsonOf<typeof recordFile>;

function sizesOf({ maxRecords, records = [], recordSize: size }: Loose<RecordFile>): {
  size: number;
  count: number;
} {
  const longest = records.reduce((most, record) => Math.max(most, record?.length ?? 0), 0);
  return { size: size ?? longest, count: maxRecords ?? records.length };
}

function checkLengths({ records = [], type }: Loose<RecordFile>, size: number, place: JsonPlace): void {
  for (const [index, record] of records.entries()) {
    const length = record?.length ?? size;
    if (type === "linear-variable" ? length <= size : length === size) continue;
    place.at(index).problem(`has ${length} bytes where the file has ${size}: change it, recordSize, or the type`);
  }
}

/** A member is needed where nothing else tells it; what is wrong already is said already. */
function missing(place: JsonPlace, member: string, { expected }: AnyShape): void {
  if (place.isSound) place.at(member).wrong(undefined, expected);
}

const dataObject = object({
  tag: is
    .bytes(1, 2)
    .as(bigEndianNumber)
    .check((tag, place) => {
      if (!isObjectTag(tag)) place.problem("is no BER-TLV tag of one or two bytes that P1-P2 can tell");
    })
    .about("Tag in hexadecimal: one or two bytes."),
  value: is.bytes(0, cardLimits.objectBytes, "The value field; in a constructed object, the objects inside."),
  access: object({
    read: condition.about("Default: always.").optional("always"),
    update: condition.optional("never"),
  }).optional({ read: "always", update: "never" }),
}).check(({ value }, place) => place.note(describedBytes, value?.length ?? 0));

/** A data object, for GET DATA and PUT DATA. */
export type DataObjectSource = JsonOf<typeof dataObject>;

const directory = nested(
  "directory",
  (): AnyShape<DedicatedFileValue, DedicatedFileSource> => dedicatedFile,
  cardLimits.depth,
  "directories",
);

const file = byTag("type", {
  df: directory,
  transparent: transparentFile,
  "linear-fixed": recordFile,
  "linear-variable": recordFile,
  cyclic: recordFile,
})
  .noted(describedFiles)
  .named("file");

/** Any file. */
export type FileSource = JsonOf<typeof file>;

/** What is in a directory, and in the master file. */
export const directoryMembers = {
  files: list(file, cardLimits.filesPerDirectory).optional([]),
  objects: list(dataObject, cardLimits.objectsPerDirectory)
    .check((objects, place) => {
      checkDistinct(objects, place, "tag", "is taken by another data object here: give each its own");
    })
    .about("Data objects, for GET DATA and PUT DATA.")
    .optional([]),
  access: directoryRules.optional(ownRules({})),
};

const dedicatedFile = object({
  type: is.words("df").about("A directory: a dedicated file, which is an application if it has a name."),
  id,
  lifeCycle,
  name: is
    .bytes(1, cardLimits.dfNameBytes)
    .check((name, place) => place.note(dfNames, encodeHex(name)))
    .about("DF name, mostly an application identifier.")
    .optional(),
  label: is.text(cardLimits.labelCharacters, "Application label, shown in FCI and FMD.").optional(),
  ...directoryMembers,
}).check(checkSiblings);

/** A directory: a dedicated file, which is an application if it has a name. */
export interface DedicatedFileSource extends JsonOf<typeof dedicatedFile> {}
/** What is read of a directory. */
export interface DedicatedFileValue extends ValueOf<typeof dedicatedFile> {}

/** Children and parent can be told apart by their identifiers. ISO/IEC 7816-4:2005, 5.3.1.1. */
export function checkSiblings(
  {
    files = [],
    id: own,
  }: { readonly id?: number | undefined; readonly files?: readonly (object | undefined)[] | undefined },
  place: JsonPlace,
): void {
  const at = place.at("files");
  checkDistinct(files, at, "id", "is that of a sibling or of the directory: give each its own", [own]);
  checkDistinct(files, at, "sfi", "is taken by a sibling: give each its own, or leave it out");
}

/** The contents of a directory as the card keeps them. */
export function contentsImage({ access, files, lifeCycle: state, objects }: DirectoryContents): ContentsImage {
  return { lifeCycle: state, access, files: files.map(fileImage), objects: objects.map(objectImage) };
}

type DirectoryContents = Pick<DedicatedFileValue, "access" | "files" | "lifeCycle" | "objects">;
type ContentsImage = Pick<DedicatedFileImage, "access" | "files" | "lifeCycle" | "objects">;

function fileImage(given: ValueOf<typeof file>): FileImage {
  switch (given.type) {
    case "df": {
      const { id: number, label, name, type } = given;
      return { type, id: number, name, label, ...contentsImage(given) };
    }
    case "transparent": {
      const { content, size = content.length, ...others } = given;
      return { ...others, sfi: given.sfi, content: concatBytes(content, new Uint8Array(size - content.length)) };
    }
    default: {
      const { count, size } = sizesOf(given);
      return { ...given, sfi: given.sfi, recordSize: size, maxRecords: count };
    }
  }
}

function objectImage({ access, tag, value }: ValueOf<typeof dataObject>): DataObjectImage {
  return { tag, value, ...access };
}
