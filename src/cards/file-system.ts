// SPDX-License-Identifier: MIT

import { copyBytes } from "../binary/index.ts";
import type {
  DedicatedFileImage,
  FileImage,
  RecordFileImage,
  RecordFileType,
  TransparentFileImage,
} from "./file-system-image.ts";

/** A directory of a card that is in use. ISO/IEC 7816-4:2005, 5.3.1. */
export interface DedicatedFile {
  readonly type: "df";
  readonly id: number;
  readonly name: Uint8Array | undefined;
  readonly label: string | undefined;
  /** Undefined for the master file. */
  readonly parent: DedicatedFile | undefined;
  readonly files: readonly CardFile[];
}

export interface TransparentFile {
  readonly type: "transparent";
  readonly id: number;
  readonly sfi: number | undefined;
  readonly parent: DedicatedFile;
  readonly access: TransparentFileImage["access"];
  /** Of fixed length; its bytes change. */
  readonly content: Uint8Array;
}

export interface RecordFile {
  readonly type: RecordFileType;
  readonly id: number;
  readonly sfi: number | undefined;
  readonly parent: DedicatedFile;
  readonly access: RecordFileImage["access"];
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
  const files: CardFile[] = [];
  const name = image.name && copyBytes(image.name);
  const directory: DedicatedFile = { type: "df", id: image.id, name, label: image.label, parent, files };
  for (const child of image.files) files.push(createFile(child, directory));
  return directory;
}

function createFile(image: FileImage, parent: DedicatedFile): CardFile {
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

/** All directories whose name begins with these bytes, in the order of the card's description. */
export function directoriesByName(from: DedicatedFile, start: Uint8Array): DedicatedFile[] {
  const found: DedicatedFile[] = [];
  const visit = (directory: DedicatedFile): void => {
    const { name } = directory;
    if (name !== undefined && name.length >= start.length && start.every((byte, at) => name[at] === byte)) {
      found.push(directory);
    }
    for (const file of directory.files) if (file.type === "df") visit(file);
  };
  visit(from);
  return found;
}
