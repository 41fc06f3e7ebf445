// SPDX-License-Identifier: MIT

import { concatBytes, type Result, success } from "../binary/index.ts";
import { decodeAtr } from "../iso7816/index.ts";
import { buildCardAtr, defaultHistoricalBytes } from "./card-atr.ts";
import {
  type Access,
  type CardImage,
  type DedicatedFileImage,
  type FileImage,
  masterFileId,
  type PinImage,
  type RecordFileImage,
  type RecordFileType,
  type TransparentFileImage,
} from "./file-system-image.ts";
import { JsonPlace, type JsonProblem } from "./json-place.ts";

const maxNameCharacters = 128;
const maxChallengeBytes = 65_536;
const maxPins = 62;
const maxPinBytes = 64;
const maxPinTries = 15;
const maxFilesPerDirectory = 256;
const maxDepth = 8;
const maxFileBytes = 65_536;
const maxRecordBytes = 255;
const maxRecords = 254;
const maxContentBytes = 4 * 1024 * 1024;
const maxDfNameBytes = 16;
const fileTypes = ["df", "transparent", "linear-fixed", "linear-variable", "cyclic"] as const;
const protocolNames = ["t0", "t1"] as const;

/** What is known of the whole card while its files are read. */
interface Surroundings {
  readonly pinReferences: ReadonlySet<number>;
  readonly dfNames: Set<string>;
  contentBytes: number;
}

/**
 * Checks the JSON description of a file-system card, and fills in what it leaves out. All problems are found at once;
 * each names its place and says what to write there. No message repeats a value from the description, as it may be a
 * PIN.
 *
 * @param json what `JSON.parse` returned, or an object written in a program; see `CardImageSource`
 */
export function parseCardImage(json: unknown): Result<CardImage, readonly JsonProblem[]> {
  const problems: JsonProblem[] = [];
  const root = new JsonPlace(json, "$", problems);
  if (!root.object(["name", "atr", "challengeBytes", "pins", "files"])) return { ok: false, error: problems };
  const pins = readPins(root.member("pins"));
  const surroundings: Surroundings = {
    pinReferences: new Set(pins.map((pin) => pin.reference)),
    dfNames: new Set(),
    contentBytes: 0,
  };
  const image: CardImage = {
    name: root.member("name").text(maxNameCharacters),
    atr: readAtr(root.member("atr")),
    challengeBytes: root.member("challengeBytes").integer(1, maxChallengeBytes, 256),
    pins,
    masterFile: {
      type: "df",
      id: masterFileId,
      name: undefined,
      label: undefined,
      files: readFiles(root.member("files"), masterFileId, 1, surroundings),
    },
  };
  return problems.length > 0 ? { ok: false, error: problems } : success(image);
}

function readAtr(place: JsonPlace): Uint8Array {
  if (!place.present) return buildCardAtr(protocolNames, defaultHistoricalBytes);
  if (place.isString) {
    const atr = place.bytes(2, 33);
    const decoded = decodeAtr(atr);
    if (!decoded.ok && atr.length > 0)
      place.problem(`is no ATR: ${decoded.error.message}; leave it out for a good one`);
    return atr;
  }
  if (!place.object(["protocols", "historicalBytes"])) return new Uint8Array(0);
  const protocols = place.member("protocols");
  const chosen = protocols.elements(protocolNames.length).map((element) => element.oneOf(protocolNames));
  if (protocols.present && chosen.length === 0)
    protocols.problem('should hold "t0", "t1" or both; leave it out for both');
  if (new Set(chosen).size < chosen.length) protocols.problem("names a protocol twice");
  const historical = place.member("historicalBytes");
  return buildCardAtr(
    chosen.length > 0 ? chosen : protocolNames,
    historical.present ? historical.bytes(0, 15) : defaultHistoricalBytes,
  );
}

function readPins(place: JsonPlace): PinImage[] {
  const seen = new Set<number>();
  return place.elements(maxPins).map((element) => {
    element.object(["reference", "value", "padTo", "tries", "triesLeft"]);
    const reference = element.member("reference").integer(1, 159);
    if ((reference & 0x60) !== 0 || (reference & 0x1f) === 0) {
      element.member("reference").problem("should be 1 to 31, or 129 to 159");
    }
    if (seen.has(reference)) element.member("reference").problem("is taken by another PIN: give each its own");
    seen.add(reference);
    const padTo = element.member("padTo");
    const value = element.member("value").bytes(1, maxPinBytes);
    const size = padTo.integer(1, maxPinBytes, value.length);
    if (value.length > size) padTo.problem("is shorter than the value: make it as long at least");
    const tries = element.member("tries").integer(1, maxPinTries, 3);
    return {
      reference,
      value: concatBytes(value, new Uint8Array(Math.max(0, size - value.length)).fill(0xff)),
      fixedLength: padTo.present,
      tries,
      triesLeft: element.member("triesLeft").integer(0, tries, tries),
    };
  });
}

function readFiles(place: JsonPlace, parentId: number, depth: number, around: Surroundings): FileImage[] {
  // The rule of ISO/IEC 7816-4:2005, 5.3.1.1: children and parent can be told apart by their identifiers.
  const ids = new Set<number>([parentId]);
  const sfis = new Set<number>();
  const elements = place.elements(maxFilesPerDirectory);
  if (depth > maxDepth && elements.length > 0) {
    place.problem(`is nested more than ${maxDepth} directories deep`);
    return [];
  }
  return elements.map((element) => {
    const file = readFile(element, depth, around);
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

function readFile(place: JsonPlace, depth: number, around: Surroundings): FileImage {
  const type = place.member("type").oneOf(fileTypes);
  switch (type) {
    case "df":
      return readDedicatedFile(place, depth, around);
    case "transparent":
      return readTransparentFile(place, around);
    default:
      return readRecordFile(place, type, around);
  }
}

function readId(place: JsonPlace): number {
  const [high, low] = place.bytes(2, 2);
  // No identifier at all: that was noted, and 0 collides with no other.
  if (high === undefined || low === undefined) return 0;
  const id = (high << 8) | low;
  if ([0x0000, masterFileId, 0x3fff, 0xffff].includes(id)) place.problem("is reserved by ISO/IEC 7816-4: take another");
  return id;
}

function readSfi(place: JsonPlace): number | undefined {
  return place.present ? place.integer(1, 30) : undefined;
}

function readDedicatedFile(place: JsonPlace, depth: number, around: Surroundings): DedicatedFileImage {
  place.object(["type", "id", "name", "label", "files"]);
  const id = readId(place.member("id"));
  const namePlace = place.member("name");
  const name = namePlace.present ? namePlace.bytes(1, maxDfNameBytes) : undefined;
  if (name !== undefined && name.length > 0) {
    if (around.dfNames.has(name.join())) namePlace.problem("is the name of another DF: names are unique in a card");
    around.dfNames.add(name.join());
  }
  const labelPlace = place.member("label");
  const label = labelPlace.present ? labelPlace.text(16) : undefined;
  return { type: "df", id, name, label, files: readFiles(place.member("files"), id, depth + 1, around) };
}

function readTransparentFile(place: JsonPlace, around: Surroundings): TransparentFileImage {
  place.object(["type", "id", "sfi", "content", "size", "access"]);
  const contentPlace = place.member("content");
  const content = contentPlace.present ? contentPlace.bytes(0, maxFileBytes) : new Uint8Array(0);
  const sizePlace = place.member("size");
  const size = sizePlace.integer(1, maxFileBytes, content.length > 0 ? content.length : undefined);
  if (content.length > size) sizePlace.problem("is less than the content has: make it larger, or leave it out");
  count(place, size, around);
  const access = place.member("access");
  if (access.present) access.object(["read", "update"]);
  return {
    type: "transparent",
    id: readId(place.member("id")),
    sfi: readSfi(place.member("sfi")),
    content: concatBytes(content, new Uint8Array(Math.max(0, size - content.length))),
    access: {
      read: readAccess(access.member("read"), "always", around),
      update: readAccess(access.member("update"), "never", around),
    },
  };
}

function readRecordFile(place: JsonPlace, type: RecordFileType, around: Surroundings): RecordFileImage {
  place.object(["type", "id", "sfi", "records", "recordSize", "maxRecords", "access"]);
  const recordPlaces = place.member("records").elements(maxRecords);
  const records = recordPlaces.map((element) => element.bytes(1, maxRecordBytes));
  const longest = records.reduce((most, record) => Math.max(most, record.length), 0);
  const recordSize = place.member("recordSize").integer(1, maxRecordBytes, longest || undefined);
  const most = place.member("maxRecords").integer(1, maxRecords, records.length || undefined);
  if (records.length > most) place.member("maxRecords").problem("is less than there are records: make it larger");
  for (const [index, element] of recordPlaces.entries()) {
    const length = records[index]?.length ?? 0;
    const fits = type === "linear-variable" ? length <= recordSize : length === recordSize;
    if (length > 0 && !fits) {
      element.problem(`has ${length} bytes where the file has ${recordSize}: change it, recordSize, or the type`);
    }
  }
  count(place, recordSize * most, around);
  const access = place.member("access");
  if (access.present) access.object(["read", "update", "append"]);
  const update = readAccess(access.member("update"), "never", around);
  return {
    type,
    id: readId(place.member("id")),
    sfi: readSfi(place.member("sfi")),
    records,
    recordSize,
    maxRecords: most,
    access: {
      read: readAccess(access.member("read"), "always", around),
      update,
      append: readAccess(access.member("append"), update, around),
    },
  };
}

function readAccess(place: JsonPlace, fallback: Access, around: Surroundings): Access {
  if (!place.present) return fallback;
  if (place.isString) return place.oneOf(["always", "never"]);
  if (!place.object(["pin"])) return fallback;
  const pin = place.member("pin").integer(1, 159);
  if (!around.pinReferences.has(pin)) place.member("pin").problem("is no PIN of this card: add it to $.pins");
  return { pin };
}

function count(place: JsonPlace, bytes: number, around: Surroundings): void {
  const before = around.contentBytes;
  around.contentBytes += bytes;
  if (before <= maxContentBytes && around.contentBytes > maxContentBytes) {
    place.problem(`makes the card larger than ${maxContentBytes} bytes`);
  }
}
