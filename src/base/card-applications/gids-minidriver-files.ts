// SPDX-License-Identifier: MIT

import { concatBytes, hexByte } from "../binary/index.ts";

/**
 * The files that the minidriver of Windows keeps in data objects, and OpenSC with it. Their names and contents are those of
 * the "Windows Smart Card Minidriver Specification"; how the list of them is written is no part of it, and known from cards
 * that are in use. Numbers are little-endian.
 */

/** Where a file is: the elementary file and the data object in it. */
export interface FilePlace {
  readonly file: number;
  readonly object: number;
}

/** One line of the list of files: a directory, or a file in one. */
export interface ListedFile extends FilePlace {
  readonly directory: string;
  readonly name: string;
}

/** Elementary files, by who may read and write what is in them. */
export const dataFileIds = {
  /** The user writes; all read. */
  directories: 0xa000,
  userWrites: 0xa010,
  /** The user writes; it is not read. */
  userExecutes: 0xa011,
  administratorWrites: 0xa012,
  userOnly: 0xa013,
  administratorOnly: 0xa014,
} as const;

/** Files that each card has. */
export const filePlaces = {
  list: { file: dataFileIds.directories, object: 0xdf1f },
  keyMap: { file: dataFileIds.directories, object: 0xdf20 },
  cardId: { file: dataFileIds.administratorWrites, object: 0xdf20 },
  cardApps: { file: dataFileIds.userWrites, object: 0xdf21 },
  cardCache: { file: dataFileIds.userWrites, object: 0xdf22 },
  containerMap: { file: dataFileIds.userWrites, object: 0xdf23 },
} as const satisfies Readonly<Record<string, FilePlace>>;

/** The application directory of the minidriver. */
export const MSCP = "mscp";
/** Where certificates go: behind the files above, up to here. */
const FIRST_FREE_OBJECT = 0xdf24;
const LAST_OBJECT = 0xdfff;
const VERSION = 1;
const NAME_BYTES = 9;
const LISTED_FILE_BYTES = 28;
const OBJECT_AT = 20;
const FILE_AT = 24;

/** Reads the list of files; undefined for a list of another version. */
export function decodeFileList(bytes: Uint8Array): readonly ListedFile[] | undefined {
  if (bytes[0] !== VERSION) return undefined;
  return recordsOf(bytes.subarray(1), LISTED_FILE_BYTES).map((record) => ({
    directory: textOf(record.subarray(0, NAME_BYTES)),
    name: textOf(record.subarray(NAME_BYTES, 2 * NAME_BYTES)),
    object: viewOf(record).getUint32(OBJECT_AT, true),
    file: viewOf(record).getUint32(FILE_AT, true),
  }));
}

/** Writes the list of files. */
export function encodeFileList(files: readonly ListedFile[]): Uint8Array {
  const records = files.map(({ directory, file, name, object }) => {
    const record = new Uint8Array(LISTED_FILE_BYTES);
    record.set(new TextEncoder().encode(directory));
    record.set(new TextEncoder().encode(name), NAME_BYTES);
    viewOf(record).setUint32(OBJECT_AT, object, true);
    viewOf(record).setUint32(FILE_AT, file, true);
    return record;
  });
  return concatBytes(Uint8Array.of(VERSION), ...records);
}

/** The files of a card that was just set up. */
export const firstFiles: readonly ListedFile[] = [
  { directory: MSCP, name: "", file: dataFileIds.directories, object: 0 },
  { directory: "", name: "cardid", ...filePlaces.cardId },
  { directory: "", name: "cardapps", ...filePlaces.cardApps },
  { directory: "", name: "cardcf", ...filePlaces.cardCache },
  { directory: MSCP, name: "cmapfile", ...filePlaces.containerMap },
];

/** A place for one more file that all may read; undefined where none is left. */
export function freePlace(files: readonly ListedFile[]): FilePlace | undefined {
  const file = dataFileIds.userWrites;
  const taken = new Set(files.flatMap((one) => (one.file === file ? [one.object] : [])));
  for (let object = FIRST_FREE_OBJECT; object <= LAST_OBJECT; object++) {
    if (!taken.has(object)) return { file, object };
  }
  return undefined;
}

/** The applications that a card lists: the minidriver's directory. */
export const cardApps: Uint8Array = padded(MSCP, 8);

/** A container: a name for a key, with the sizes in bits of the two that the minidriver knows. */
export interface Container {
  readonly name: string;
  readonly isValid: boolean;
  readonly isDefault: boolean;
  readonly signatureBits: number;
  readonly exchangeBits: number;
}

const CONTAINER_BYTES = 86;
const CONTAINER_NAME_CHARACTERS = 39;
const FLAGS_AT = 80;
const SIGNATURE_BITS_AT = 82;
const EXCHANGE_BITS_AT = 84;
const VALID = 0x01;
const DEFAULT = 0x02;

/** Reads the map of containers. */
export function decodeContainerMap(bytes: Uint8Array): readonly Container[] {
  return recordsOf(bytes, CONTAINER_BYTES).map((record) => {
    const view = viewOf(record);
    const units = Array.from({ length: CONTAINER_NAME_CHARACTERS }, (_, at) => view.getUint16(2 * at, true));
    const end = units.indexOf(0);
    const flags = record[FLAGS_AT] ?? 0;
    return {
      name: String.fromCharCode(...(end < 0 ? units : units.slice(0, end))),
      isValid: (flags & VALID) !== 0,
      isDefault: (flags & DEFAULT) !== 0,
      signatureBits: view.getUint16(SIGNATURE_BITS_AT, true),
      exchangeBits: view.getUint16(EXCHANGE_BITS_AT, true),
    };
  });
}

/** Writes the map of containers. Of a name, the first 39 characters. */
export function encodeContainerMap(containers: readonly Container[]): Uint8Array {
  const records = containers.map(({ exchangeBits, isDefault, isValid, name, signatureBits }) => {
    const record = new Uint8Array(CONTAINER_BYTES);
    const view = viewOf(record);
    for (let at = 0; at < Math.min(name.length, CONTAINER_NAME_CHARACTERS); at++) {
      view.setUint16(2 * at, name.charCodeAt(at), true);
    }
    record[FLAGS_AT] = (isValid ? VALID : 0) | (isDefault ? DEFAULT : 0);
    view.setUint16(SIGNATURE_BITS_AT, signatureBits, true);
    view.setUint16(EXCHANGE_BITS_AT, exchangeBits, true);
    return record;
  });
  return concatBytes(...records);
}

const KEY_RECORD_BYTES = 12;
/** Kinds of keys in the map of keys: for exchange and signatures, or for signatures alone. */
const KEY_EXCHANGE = 0x9a;

/** The map of keys with one more, in this container: the mechanism, and the file of the key. */
export function withKey(map: Uint8Array, container: number, mechanism: number, file: number): Uint8Array {
  const records = [...recordsOf(map.subarray(1), KEY_RECORD_BYTES)];
  const record = new Uint8Array(KEY_RECORD_BYTES);
  const view = viewOf(record);
  view.setUint32(0, 1, true);
  record[4] = mechanism;
  record[5] = KEY_EXCHANGE;
  view.setUint16(6, file, true);
  view.setUint16(8, 0xffff, true);
  records[container] = record;
  return concatBytes(Uint8Array.of(VERSION), ...records);
}

/** The cache file: it counts changes, so that programs read again what they remember. */
export function cacheAfterChange(cache: Uint8Array): Uint8Array {
  const changed = new Uint8Array(6);
  changed.set(cache.subarray(0, changed.length));
  const view = viewOf(changed);
  for (const at of [2, 4]) view.setUint16(at, (view.getUint16(at, true) + 1) & 0xffff, true);
  return changed;
}

/** The name of the file with the certificate of a container's key, for exchange or for signatures alone. */
export function certificateFileName(container: number, use: "exchange" | "signature" = "exchange"): string {
  return `${use === "exchange" ? "kxc" : "ksc"}${hexByte(container)}`;
}

const MAX_STORED_BYTES = 0xffff;

/**
 * A certificate as it is written: 01 00, its length, and a stream of zlib. It is stored there as it is: RFC 1950, 2.2; RFC
 * 1951, 3.2.4.
 *
 * @param certificate at most 65,535 bytes
 */
export function storedCertificate(certificate: Uint8Array): Uint8Array {
  const { length } = certificate;
  if (length > MAX_STORED_BYTES) throw new RangeError(`a certificate of ${length} bytes is too long`);
  const little = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >> 8) & 0xff);
  const header = concatBytes(Uint8Array.of(0x01, 0x00), little(length), Uint8Array.of(0x78, 0x01, 0x01));
  return concatBytes(header, little(length), little(~length), certificate, adler32(certificate));
}

/** RFC 1950, 8.2. */
function adler32(bytes: Uint8Array): Uint8Array {
  const PRIME = 65_521;
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % PRIME;
    high = (high + low) % PRIME;
  }
  return Uint8Array.of(high >> 8, high & 0xff, low >> 8, low & 0xff);
}

function recordsOf(bytes: Uint8Array, length: number): readonly Uint8Array[] {
  const count = Math.floor(bytes.length / length);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * length, (at + 1) * length));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

function padded(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}
