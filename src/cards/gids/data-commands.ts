// SPDX-License-Identifier: MIT

import { bigEndianBytes, concatBytes, copyBytes } from "../../base/binary/index.ts";
import { gidsFileIds, gidsPinTags } from "../../base/card-applications/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, onlyObject, readDataObjects, status, sw } from "../software-card/index.ts";
import { dataModes } from "./access-rules.ts";
import { applicationTemplate } from "./file-commands.ts";
import type { DataFile, GidsFile } from "./gids-file.ts";
import { gidsLimits as limits } from "./gids-limits.ts";
import type { GidsPin } from "./gids-pin.ts";
import { type GidsSession, mayUse } from "./gids-session.ts";
import { tags } from "./identifiers.ts";
import { getPublicKey, putKey } from "./key-commands.ts";

/** Objects that the application answers itself: how many tries its PINs have left. GIDS 2.0, 9.5. */
const TAG_TRIES = 0x93;

/** Card service data: selection by name and its beginning, EF.DIR and EF.ATR by GET DATA. GIDS 2.0, table 1. */
const serviceData = encodeDataObject(0x43, Uint8Array.of(0xf4));
/** Card capabilities: implicit selection, chaining, extended length, logical channels. */
const capabilities = encodeDataObject(0x47, Uint8Array.of(0x08, 0x01, 0xcc));
/** Pre-issuing data: who made the card. */
const product = encodeDataObject(0x46, new TextEncoder().encode("scard GIDS"));

/** What a tag list asks for: one object, all of them, or the list of their tags. GIDS 2.0, 4.3.1. */
type Wanted = { readonly kind: "one"; readonly tag: number } | { readonly kind: "all" } | { readonly kind: "tags" };
/** Objects that are read: values by tag. */
type Objects = Iterable<readonly [tag: number, value: Uint8Array]>;

/** GET DATA. GIDS 2.0, 13.7. */
export function getData(session: GidsSession, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  const id = p1 * 256 + p2;
  if (id === gidsFileIds.application && data[0] !== tags.tagList) return getPublicKey(session, command);
  const wanted = decodeTagList(data);
  if (wanted === undefined) return status(sw.wrongData);
  switch (id) {
    case gidsFileIds.application:
      return getFromApplication(session, command, wanted);
    case gidsFileIds.directory:
      return found(
        wanted,
        readDataObjects(applicationTemplate())?.map(({ tag, value }) => [tag, value] as const) ?? [],
      );
    case gidsFileIds.answerToReset:
      return found(wanted, cardObjects());
    default:
      return getFromFile(session, command, wanted, id);
  }
}

function decodeTagList(data: Uint8Array): Wanted | undefined {
  const list = onlyObject(data, tags.tagList);
  if (list === undefined || list.length > 3) return undefined;
  if (list.length === 0) return { kind: "all" };
  if (list.length === 1 && list[0] === tags.tagList) return { kind: "tags" };
  // A tag that is one: it is written before an empty value, and read.
  const [object] = readDataObjects(concatBytes(list, Uint8Array.of(0))) ?? [];
  return object && { kind: "one", tag: object.tag };
}

function cardObjects(): Objects {
  return [serviceData, capabilities, product].flatMap((object) => {
    return (readDataObjects(object) ?? []).map(({ tag, value }) => [tag, value] as const);
  });
}

/** What is wanted of these objects; 6A88 where it is not among them. */
function found(wanted: Wanted, objects: Objects): Answer {
  const all = [...objects];
  if (wanted.kind === "tags") {
    const list = all.map(([tag]) => Uint8Array.from(bigEndianBytes(tag, 1, 3, "a tag")));
    return { status: sw.success, data: encodeDataObject(tags.tagList, ...list) };
  }
  const some = wanted.kind === "all" ? all : all.filter(([tag]) => tag === wanted.tag);
  if (wanted.kind === "one" && some.length === 0) return status(sw.referenceNotFound);
  return { status: sw.success, data: concatBytes(...some.map(([tag, value]) => encodeDataObject(tag, value))) };
}

function getFromFile(session: GidsSession, command: ApplicationCommand, wanted: Wanted, id: number): Answer {
  const file = dataFileAt(session, id);
  if ("status" in file) return file;
  if (!mayUse(session, file, dataModes.get, command)) return status(sw.securityNotSatisfied);
  const answer = found(wanted, file.objects);
  if (answer.status === sw.success) session.current = file;
  return answer;
}

/** The file that P1 and P2 name; 00 00 is the current one. */
function dataFileAt({ current, image }: GidsSession, id: number): DataFile | Answer {
  const file: GidsFile | undefined = id === gidsFileIds.current ? current : image.files.get(id);
  if (file === undefined) return status(id === gidsFileIds.current ? sw.noCurrentFile : sw.fileNotFound);
  return file.kind === "data" ? file : status(sw.incompatibleFile);
}

/** In all files that are activated and open; 6982 where only a closed one has it. */
function getFromApplication(session: GidsSession, command: ApplicationCommand, wanted: Wanted): Answer {
  if (wanted.kind === "one") {
    const own = pinStatus(session, wanted.tag);
    if (own !== undefined) return own;
  }
  const files = dataFiles(session).filter(({ activated }) => activated);
  const open = files.filter((file) => mayUse(session, file, dataModes.get, command));
  const answer = found(
    wanted,
    open.flatMap(({ objects }) => [...objects]),
  );
  if (answer.status === sw.success) return answer;
  const isClosed = wanted.kind === "one" && files.some(({ objects }) => objects.has(wanted.tag));
  return isClosed ? status(sw.securityNotSatisfied) : answer;
}

function dataFiles({ image }: GidsSession): readonly DataFile[] {
  return [...image.files.values()].flatMap((file) => (file.kind === "data" ? [file] : []));
}

function pinStatus({ image }: GidsSession, tag: number): Answer | undefined {
  switch (tag) {
    case gidsPinTags.globalPin:
    case gidsPinTags.pin:
      return statusOf(tag, image.pin);
    case gidsPinTags.puk:
      return statusOf(tag, image.puk);
    default:
      return undefined;
  }
}

function statusOf(tag: number, pin: GidsPin | undefined): Answer {
  if (pin === undefined) return status(sw.referenceNotFound);
  const left = encodeDataObject(gidsPinTags.triesLeft, Uint8Array.of(pin.triesLeft));
  const tries = encodeDataObject(TAG_TRIES, Uint8Array.of(pin.tries));
  return { status: sw.success, data: encodeDataObject(tag, left, tries) };
}

/** PUT DATA: one object, or in a chain several, which are stored all or none. GIDS 2.0, 13.12. */
export function putData(session: GidsSession, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  const id = p1 * 256 + p2;
  if (id === gidsFileIds.application && data[0] === tags.keyUsage) return putKey(session, command);
  if (id === gidsFileIds.directory || id === gidsFileIds.answerToReset) return status(sw.wrongP1P2);
  const objects = readDataObjects(data);
  if (objects === undefined || objects.length === 0) return status(sw.wrongData);
  const [{ tag } = { tag: 0 }] = objects;
  const file = id === gidsFileIds.application ? fileWith(session, tag) : dataFileAt(session, id);
  if ("status" in file) return file;
  if (!mayUse(session, file, dataModes.put, command)) return status(sw.securityNotSatisfied);
  const after = new Map(file.objects);
  for (const object of objects) store(after, object.tag, object.value);
  if (after.size > limits.objectsInFile || memoryOf(session, file, after) > limits.memoryBytes)
    return status(sw.notEnoughMemory);
  file.objects.clear();
  for (const [stored, value] of after) file.objects.set(stored, value);
  session.current = file;
  session.changed();
  return status(sw.success);
}

/** The only file that has such an object. */
function fileWith(session: GidsSession, tag: number): DataFile | Answer {
  const [file, ...others] = dataFiles(session).filter(({ objects }) => objects.has(tag));
  if (file === undefined) return status(sw.referenceNotFound);
  return others.length === 0 ? file : status(sw.conditionsNotSatisfied);
}

/**
 * An empty object is made where there is none; it empties one that has a value, and deletes one that is empty. The
 * specification deletes at once; the cards that are in use, and the clients written for them, do it in two steps.
 */
function store(objects: Map<number, Uint8Array>, tag: number, value: Uint8Array): void {
  if (value.length === 0 && objects.get(tag)?.length === 0) objects.delete(tag);
  else objects.set(tag, copyBytes(value));
}

const TAG_AND_LENGTH_BYTES = 7;

function memoryOf(session: GidsSession, changed: DataFile, after: ReadonlyMap<number, Uint8Array>): number {
  const all = dataFiles(session).flatMap((file) => [...(file === changed ? after : file.objects).values()]);
  return all.reduce((sum, { length }) => sum + length + TAG_AND_LENGTH_BYTES, 0);
}
