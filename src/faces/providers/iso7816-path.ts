// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex, hexWord } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { checkOneOf, checkText } from "./arguments.ts";
import { ComError } from "./com-error.ts";
import { REFTYPE } from "./enumerations.ts";

/** The master file's identifier. ISO/IEC 7816-4:2013, 7.2.2. */
const MASTER_FILE_ID = "3F00";
/** Most identifiers in a path. */
const MAX_STEPS = 16;
const MAX_SHORT_ID = 30;

/** Where a file is: identifiers from the master file down, or from the application with that name. */
export interface FilePlace {
  /** DF name, mostly an application identifier; undefined for the master file. */
  readonly application: Uint8Array | undefined;
  readonly ids: readonly number[];
}

/** A file as a text names it. */
export type FileReference =
  | {
      readonly kind: "path";
      readonly from: "master file" | "current directory" | Uint8Array;
      readonly steps: readonly (number | "..")[];
    }
  | { readonly kind: "name"; readonly name: Uint8Array }
  | { readonly kind: "short"; readonly shortId: number };

export const masterFile: FilePlace = { application: undefined, ids: [] };

/** Reads the text that names a file: see ISCardFileAccess. @throws E_INVALIDARG */
export function parseReference(refType: REFTYPE, text: string, argument = "path"): FileReference {
  checkOneOf("refType", refType, REFTYPE);
  checkText(argument, text, `a file ${forms[refType]}`);
  const spelled = text.toUpperCase();
  const found = readers[refType]?.map((read) => read(spelled)).find((reference) => reference !== undefined);
  if (found !== undefined) return found;
  const given = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  throw new ComError("E_INVALIDARG", `${argument} is ${given}; give a file ${forms[refType]}`);
}

type Reader = (text: string) => FileReference | undefined;

const readers: Readonly<Record<number, readonly Reader[]>> = {
  [REFTYPE.SC_TYPE_BY_NAME]: [readName],
  [REFTYPE.SC_TYPE_BY_ID]: [readPath],
  [REFTYPE.SC_TYPE_BY_SHORT]: [readShort],
  [REFTYPE.SC_TYPE_BY_ANY]: [readPath, readShort, readName],
};

const forms: Readonly<Record<number, string>> = {
  [REFTYPE.SC_TYPE_BY_NAME]: "by name, 1 to 16 bytes in hexadecimal",
  [REFTYPE.SC_TYPE_BY_ID]: "by identifier, four hexadecimal digits, with / between several",
  [REFTYPE.SC_TYPE_BY_SHORT]: "by short identifier, 1 to 30",
  [REFTYPE.SC_TYPE_BY_ANY]: "by identifier, short identifier or name",
};

function readPath(text: string): FileReference | undefined {
  if (text === "/") return { kind: "path", from: "master file", steps: [] };
  const parts = text.replace(/^\//, "").split("/");
  const [first = ""] = parts;
  const isAbsolute = text.startsWith("/") || first === MASTER_FILE_ID;
  // An application identifier has five bytes at least, and so cannot be taken for a file identifier.
  const isNamed = !isAbsolute && /^(?:[0-9A-F]{2}){5,16}$/.test(first);
  const rest = first === MASTER_FILE_ID || isNamed ? parts.slice(1) : parts;
  if (rest.length > MAX_STEPS || !rest.every((part) => part === ".." || isFileId(part))) return undefined;
  const steps = rest.map((part) => (part === ".." ? part : Number.parseInt(part, 16)));
  if (isNamed) return { kind: "path", from: bytesOf(first), steps };
  return { kind: "path", from: isAbsolute ? "master file" : "current directory", steps };
}

function isFileId(text: string): boolean {
  return /^[0-9A-F]{4}$/.test(text) && text !== MASTER_FILE_ID;
}

function readShort(text: string): FileReference | undefined {
  const shortId = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  return shortId >= 1 && shortId <= MAX_SHORT_ID ? { kind: "short", shortId } : undefined;
}

function readName(text: string): FileReference | undefined {
  return /^(?:[0-9A-F]{2}){1,16}$/.test(text) ? { kind: "name", name: bytesOf(text) } : undefined;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = decodeHex(hex);
  return bytes.ok ? bytes.value : new Uint8Array(0);
}

/**
 * The place that a path or a name means, seen from the current directory.
 *
 * @throws SCARD_E_DIR_NOT_FOUND where `..` goes above the master file, or above an application whose surroundings are not
 * known
 */
export function resolvePlace(current: FilePlace, reference: Exclude<FileReference, { kind: "short" }>): FilePlace {
  if (reference.kind === "name") return { application: reference.name, ids: [] };
  const { from, steps } = reference;
  const start = typeof from === "string" ? masterFile : { application: from, ids: [] };
  const { application, ids } = from === "current directory" ? current : start;
  const place = [...ids];
  for (const step of steps) {
    if (step !== "..") place.push(step);
    else if (place.pop() === undefined) {
      const what = application === undefined ? "the master file" : "an application, as far as is known,";
      throw new ComError(new SmartCardError("dir-not-found", `${what} has no directory above it`));
    }
  }
  return { application, ids: place };
}

/** The directory that a file is in. */
export function parentOf({ application, ids }: FilePlace): FilePlace {
  return { application, ids: ids.slice(0, -1) };
}

/** Whether a place is a directory, or somewhere below it. */
export function isWithin(place: FilePlace, directory: FilePlace): boolean {
  return `${formatPlace(place)}/`.startsWith(`${formatPlace(directory)}/`);
}

/** The path as text: `3F00/5015/4401`, or the application's name in place of `3F00`. */
export function formatPlace({ application, ids }: FilePlace): string {
  const root = application === undefined ? MASTER_FILE_ID : encodeHex(application);
  return [root, ...ids.map(hexWord)].join("/");
}
