// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import type {
  AccessRules,
  DataObjectImage,
  DedicatedFileImage,
  FileImage,
  LifeCycle,
  RecordFileType,
} from "./file-system-image.ts";

/** A directory of a card that is in use. ISO/IEC 7816-4:2005, 5.3.1. */
export interface DedicatedFile {
  readonly type: "df";
  readonly id: number;
  readonly name: Uint8Array | undefined;
  readonly label: string | undefined;
  /** Undefined for the master file. */
  readonly parent: DedicatedFile | undefined;
  readonly access: AccessRules;
  lifeCycle: LifeCycle;
  readonly files: CardFile[];
  /** Data objects by tag. */
  readonly objects: Map<number, DataObjectImage>;
}

export interface TransparentFile {
  readonly type: "transparent";
  readonly id: number;
  readonly sfi: number | undefined;
  readonly parent: DedicatedFile;
  readonly access: AccessRules;
  lifeCycle: LifeCycle;
  /** Of fixed length; its bytes change. */
  readonly content: Uint8Array;
}

export interface RecordFile {
  readonly type: RecordFileType;
  readonly id: number;
  readonly sfi: number | undefined;
  readonly parent: DedicatedFile;
  readonly access: AccessRules;
  lifeCycle: LifeCycle;
  readonly recordSize: number;
  readonly maxRecords: number;
  /** Record 1 first; in a cyclic file that is the newest. */
  readonly records: Uint8Array[];
}

export type ElementaryFile = TransparentFile | RecordFile;
export type CardFile = DedicatedFile | ElementaryFile;

/** Makes a card's files from its description, with contents of their own. */
export function createFileSystem(image: DedicatedFileImage): DedicatedFile {
  return createDirectory(image, undefined);
}

function createDirectory(image: DedicatedFileImage, parent: DedicatedFile | undefined): DedicatedFile {
  const { type, id, label, access, lifeCycle } = image;
  const name = image.name && copyBytes(image.name);
  const objects = new Map(image.objects.map((object) => [object.tag, { ...object, value: copyBytes(object.value) }]));
  const directory: DedicatedFile = { type, id, name, label, parent, access, lifeCycle, files: [], objects };
  for (const child of image.files) directory.files.push(createFile(child, directory));
  return directory;
}

/** Makes a file from its description. It is not put into the directory. */
export function createFile(image: FileImage, parent: DedicatedFile): CardFile {
  switch (image.type) {
    case "df":
      return createDirectory(image, parent);
    case "transparent":
      return { ...image, parent, content: copyBytes(image.content) };
    default:
      return { ...image, parent, records: image.records.map(copyBytes) };
  }
}

/** The file of a directory that has this identifier. */
export function childById(directory: DedicatedFile, id: number): CardFile | undefined {
  return directory.files.find((file) => file.id === id);
}

/** The elementary file of a directory that has this short identifier. */
export function childBySfi(directory: DedicatedFile, sfi: number): ElementaryFile | undefined {
  for (const file of directory.files) if (file.type !== "df" && file.sfi === sfi) return file;
  return undefined;
}

/**
 * What a file identifier alone means from where the card stands: a child of the current DF, the current DF, its parent,
 * or one of its siblings. ISO/IEC 7816-4:2005, 5.3.1.1 and 7.1.1.
 */
export function fileFromHere(current: DedicatedFile, id: number): CardFile | undefined {
  const child = childById(current, id);
  if (child !== undefined) return child;
  if (current.id === id) return current;
  const parent = current.parent;
  if (parent === undefined) return undefined;
  return parent.id === id ? parent : childById(parent, id);
}

/** Follows a path of identifiers downwards. */
export function fileByPath(from: DedicatedFile, path: readonly number[]): CardFile | undefined {
  let file: CardFile | undefined = from;
  for (const id of path) {
    if (file?.type !== "df") return undefined;
    file = childById(file, id);
  }
  return file;
}

/** All directories whose name begins with these bytes, each before what is in it. */
export function directoriesByName(from: DedicatedFile, start: Uint8Array): DedicatedFile[] {
  const begins = ({ name }: DedicatedFile): boolean =>
    name !== undefined && name.length >= start.length && start.every((byte, at) => name[at] === byte);
  return allFiles(from).filter((file) => file.type === "df" && begins(file)) as DedicatedFile[];
}

/** A directory and all that is in it, each directory before its children. */
export function allFiles(from: DedicatedFile): CardFile[] {
  const found: CardFile[] = [from];
  for (const file of from.files) {
    if (file.type === "df") found.push(...allFiles(file));
    else found.push(file);
  }
  return found;
}

/** The directories around a file, the nearest first. */
export function directoriesAround(file: CardFile): DedicatedFile[] {
  const around: DedicatedFile[] = [];
  for (let { parent } = file; parent !== undefined; parent = parent.parent) around.push(parent);
  return around;
}

/** Bytes that a file takes, used or reserved; for a directory, those of its own data objects. */
export function bytesOf(file: CardFile | FileImage): number {
  switch (file.type) {
    case "df":
      return [...file.objects.values()].reduce((sum, { value }) => sum + value.length, 0);
    case "transparent":
      return file.content.length;
    default:
      return file.recordSize * file.maxRecords;
  }
}
