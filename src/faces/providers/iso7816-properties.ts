// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import {
  type BerTlv,
  type BerTlvInit,
  decodeBerTlv,
  decodeLifeCycle,
  encodeBerTlv,
  encodeFileIds,
  encodeShortId,
  fileControlTags,
  findBerTlv,
  instructions as ins,
  type LifeCycle,
  MAX_SHORT_DATA_BYTES,
  MAX_SHORT_LE,
} from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { badArgument, checkArray, checkNumber, checkObject, listFrom } from "./arguments.ts";
import { ComError } from "./com-error.ts";
import type { TLV, TLV_TABLE } from "./file-access.ts";
import type { Iso7816Card, SelectedFile } from "./iso7816-card.ts";
import { type FileView, fileViewOf } from "./iso7816-file-control.ts";
import { type FileReference, formatPlace } from "./iso7816-path.ts";
import { isDone } from "./iso7816-status.ts";

/** The commands that bring a file into a state. */
const lifeCycleCommands: Readonly<Partial<Record<LifeCycle, number>>> = {
  activated: ins.ACTIVATE_FILE,
  deactivated: ins.DEACTIVATE_FILE,
};
const MAX_PROPERTIES = 64;

/** CREATE FILE for what a table describes. @throws E_INVALIDARG, E_POINTER */
export function encodeNewFile(
  reference: FileReference,
  table: TLV_TABLE,
): { readonly command: Uint8Array; readonly control: FileView; readonly id: number } {
  const given = checkTable(table);
  const named = identificationOf(reference).filter(({ tag }) => !given.some(({ Tag }) => Tag === tag));
  const objects = [...given.map(objectOf), ...named];
  const command = encoded([{ tag: fileControlTags.fcp, children: objects }]);
  if (command === undefined) throw new ComError("E_INVALIDARG", "a tag of the table is not a BER-TLV tag");
  const control = fileViewOf(command);
  if (!given.some(({ Tag }) => Tag === fileControlTags.descriptor))
    throw new ComError("E_INVALIDARG", "the table has no file descriptor (82), which says what kind of file it is");
  if (control.id === undefined)
    throw new ComError("E_INVALIDARG", "a new file needs an identifier: as its path, or in the table (83)");
  if (reference.kind === "path" && reference.steps.at(-1) !== control.id)
    throw new ComError("E_INVALIDARG", "the identifier in the table (83) is not that of the path");
  if (command.length > MAX_SHORT_DATA_BYTES)
    throw new ComError("E_INVALIDARG", `the table has ${command.length} bytes, more than a command takes`);
  return { command, control, id: control.id };
}

/** What the path says of the new file, for what the table leaves out. */
function identificationOf(reference: FileReference): { readonly tag: number; readonly value: Uint8Array }[] {
  switch (reference.kind) {
    case "name":
      return [{ tag: fileControlTags.dfName, value: reference.name }];
    case "short":
      return [{ tag: fileControlTags.shortId, value: encodeShortId(reference.shortId) }];
    default: {
      const last = reference.steps.at(-1);
      if (typeof last === "number") return [{ tag: fileControlTags.fileId, value: encodeFileIds([last]) }];
      throw new ComError("E_INVALIDARG", "the path does not end with the identifier of a file");
    }
  }
}

/**
 * Properties of the file that is selected: those that the table asks for, in its order, or all that the card tells where
 * it asks for none. What is not in the file control information is looked for among the data objects of a directory.
 */
export async function propertiesOf(card: Iso7816Card, selected: SelectedFile, table: TLV_TABLE): Promise<TLV_TABLE> {
  const { control } = selected;
  const tags = checkWanted(table, "table");
  if (tags.length === 0) return control.objects.map(({ tag, value }) => property(tag, value));
  const properties: TLV[] = [];
  for (const tag of tags) {
    const value = findBerTlv(control.objects, tag)?.value ?? (await dataObject(card, selected, tag));
    properties.push(property(tag, value));
  }
  return properties;
}

async function dataObject(card: Iso7816Card, selected: SelectedFile, tag: number): Promise<Uint8Array | undefined> {
  if (!isObjectOf(selected, tag)) return undefined;
  const response = await card.send({ ins: ins.GET_DATA, p1: tag >> 8, p2: tag & 0xff, le: MAX_SHORT_LE });
  return isDone(response) ? response.data : undefined;
}

function property(tag: number, value: Uint8Array | undefined): TLV {
  const bytes = copyBytes(value ?? new Uint8Array(0));
  return { Tag: tag, Length: bytes.length, Value: bytes, Valid: value !== undefined };
}

/**
 * Sets properties of the file that is selected: the life cycle (8A) of any file, and data objects of a directory. There
 * is no standard command for the others.
 *
 * @throws E_INVALIDARG, E_POINTER and SCARD_E_UNSUPPORTED_FEATURE before anything is set
 */
export async function setProperties(card: Iso7816Card, selected: SelectedFile, table: TLV_TABLE): Promise<void> {
  const commands = checkTable(table).map(({ Tag, Value }) => {
    const [first = 0] = Value;
    const isLifeCycle = Tag === fileControlTags.lifeCycle && Value.length === 1;
    const lifeCycle = isLifeCycle ? decodeLifeCycle(first) : undefined;
    const instruction = lifeCycle && lifeCycleCommands[lifeCycle];
    if (instruction !== undefined) return { ins: instruction };
    if (isObjectOf(selected, Tag)) return { ins: ins.PUT_DATA, p1: Tag >> 8, p2: Tag & 0xff, data: copyBytes(Value) };
    const message = `${hexOf(Tag)} of ${formatPlace(selected.place)} cannot be set`;
    throw new ComError(new SmartCardError("unsupported-feature", message));
  });
  card.forgetSelection();
  for (const command of commands) await card.perform(command, "write", "set a property");
}

/** Whether a tag is one of a data object that a directory may have, as P1-P2 tell it; others are of templates. */
function isObjectOf({ control, place }: SelectedFile, tag: number): boolean {
  const isDirectory = control.kind === "directory" || place.ids.length === 0;
  const isOfTemplate = tag >= 0x80 && tag <= 0xbf;
  const isTold = (tag >= 0x40 && tag <= 0xfe) || (tag >= 0x5f1f && tag <= 0xffff);
  return isDirectory && isTold && !isOfTemplate;
}

/** The tags of the properties that a table asks for. @throws E_POINTER, E_INVALIDARG */
export function checkWanted(table: TLV_TABLE, name: string): readonly number[] {
  return entriesOf(table, name, 0).map(({ Tag }) => Tag);
}

/** A table of properties with their values. @throws E_POINTER, E_INVALIDARG */
export function checkTable(table: TLV_TABLE): readonly TLV[] {
  const entries = entriesOf(table, "table", 1);
  for (const [index, { Length, Value }] of entries.entries()) {
    const at = `table[${index}]`;
    checkArray(`${at}.Value`, Value);
    if (Length !== Value.length) throw badArgument(`${at}.Length`, Length, `Value has ${Value.length} bytes`);
  }
  return entries;
}

function entriesOf(table: TLV_TABLE, name: string, least: number): TLV_TABLE {
  const entries = listFrom(name, table, "pass an array of properties") as TLV_TABLE;
  if (entries.length < least || entries.length > MAX_PROPERTIES)
    throw badArgument(`${name}.length`, entries.length, `give ${least} to ${MAX_PROPERTIES} properties`);
  for (const [index, entry] of entries.entries()) {
    const at = `${name}[${index}]`;
    checkObject(at, entry, "a property with Tag, Length, Value and Valid");
    checkNumber(`${at}.Tag`, entry.Tag, 1, 0xffff);
  }
  return entries;
}

/** An object of the table; a constructed one has the encoding of its children as value. */
function objectOf({ Tag, Value }: TLV): BerTlvInit {
  const first = Tag > 0xff ? Tag >> 8 : Tag;
  if ((first & 0x20) === 0) return { tag: Tag, value: Value };
  const children = decodeBerTlv(Value);
  if (children.ok) return { tag: Tag, children: children.value.map(asInit) };
  throw new ComError("E_INVALIDARG", `the value of ${hexOf(Tag)} is not made of data objects`);
}

function asInit({ children, tag, value }: BerTlv): BerTlvInit {
  return children === undefined ? { tag, value } : { tag, children: children.map(asInit) };
}

/** The encoding of objects; undefined where one of them has an invalid tag. */
function encoded(objects: readonly BerTlvInit[]): Uint8Array | undefined {
  try {
    return encodeBerTlv(objects);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function hexOf(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(2, "0");
}
