// SPDX-License-Identifier: MIT

import { type BerTlv, decodeBerTlv, findBerTlv } from "../iso7816/index.ts";

/** Tags in file control information. ISO/IEC 7816-4:2013, tables 10 and 11. */
export const fileTags = {
  parameters: 0x62,
  information: 0x6f,
  dataBytes: 0x80,
  allBytes: 0x81,
  descriptor: 0x82,
  fileId: 0x83,
  dfName: 0x84,
  shortId: 0x88,
  lifeCycle: 0x8a,
} as const;

/** What a file is made of. `records`: of records, and more is not known. */
export type FileKind =
  | "directory"
  | "transparent"
  | "linear-fixed"
  | "linear-variable"
  | "cyclic"
  | "records"
  | "unknown";

/** What a card has told about a file that was selected. */
export interface FileControl {
  readonly kind: FileKind;
  /** Bytes in a transparent file. */
  readonly dataBytes: number | undefined;
  /** Bytes in a record: in each, or in the longest. */
  readonly recordBytes: number | undefined;
  /** How many records there are. */
  readonly records: number | undefined;
  readonly id: number | undefined;
  readonly dfName: Uint8Array | undefined;
  /** All that was told, object by object. */
  readonly objects: readonly BerTlv[];
}

/** Reads what SELECT returned; cards that tell nothing, or something else, leave everything unknown. */
export function decodeFileControl(data: Uint8Array): FileControl {
  const decoded = decodeBerTlv(data);
  const templates = decoded.ok ? decoded.value : [];
  const isTemplate = ({ tag }: BerTlv): boolean => tag === fileTags.parameters || tag === fileTags.information;
  const objects = templates.filter(isTemplate).flatMap(({ children = [] }) => children);
  const descriptor = findBerTlv(objects, fileTags.descriptor)?.value ?? new Uint8Array(0);
  const kind = kindOf(descriptor[0]);
  const { length } = descriptor;
  return {
    kind,
    dataBytes: kind === "transparent" ? sizeOf(objects) : undefined,
    recordBytes: length >= 3 ? numberOf(descriptor.subarray(2, Math.min(length, 4))) : undefined,
    records: length >= 5 ? numberOf(descriptor.subarray(4, 6)) : undefined,
    id: idOf(findBerTlv(objects, fileTags.fileId)),
    dfName: findBerTlv(objects, fileTags.dfName)?.value,
    objects,
  };
}

/** The file descriptor byte. ISO/IEC 7816-4:2013, table 12. */
function kindOf(descriptor: number | undefined): FileKind {
  if (descriptor === undefined || (descriptor & 0x80) !== 0) return "unknown";
  if ((descriptor & 0x38) === 0x38) return "directory";
  return structures[descriptor & 0x07] ?? "unknown";
}

const structures: readonly FileKind[] = [
  "unknown",
  "transparent",
  "linear-fixed",
  "linear-fixed",
  "linear-variable",
  "linear-variable",
  "cyclic",
  "cyclic",
];

function sizeOf(objects: readonly BerTlv[]): number | undefined {
  const object = findBerTlv(objects, fileTags.dataBytes) ?? findBerTlv(objects, fileTags.allBytes);
  return object === undefined || object.value.length > 4 ? undefined : numberOf(object.value);
}

function idOf(object: BerTlv | undefined): number | undefined {
  return object?.value.length === 2 ? numberOf(object.value) : undefined;
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}
