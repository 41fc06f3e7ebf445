// SPDX-License-Identifier: MIT

import { type BerTlv, decodeFileControl, type FileStructure } from "../../base/iso7816/index.ts";

/** What a file is made of. */
export type FileKind = "directory" | "transparent" | "linear-fixed" | "linear-variable" | "cyclic" | "unknown";

/** What the provider makes of what a card has told about a file that was selected. */
export interface FileView {
  readonly kind: FileKind;
  /** Bytes in a transparent file. */
  readonly dataBytes: number | undefined;
  /** Bytes in a record: in each, or in the longest. */
  readonly recordBytes: number | undefined;
  /** How many records there are. */
  readonly records: number | undefined;
  readonly id: number | undefined;
  readonly dfName: Uint8Array | undefined;
  /** All returned information, object by object. */
  readonly objects: readonly BerTlv[];
}

/** A file of which nothing is known. */
export const unknownFile: FileView = fileViewOf(new Uint8Array(0));

/** Reads the answer to SELECT; without file information everything is unknown. */
export function fileViewOf(data: Uint8Array): FileView {
  const { dataBytes, descriptor, dfName, fileId: id, objects, totalBytes } = decodeFileControl(data);
  const kind = kindOf(descriptor?.structure);
  const { recordBytes, records } = descriptor ?? {};
  return {
    kind,
    dataBytes: kind === "transparent" ? (dataBytes ?? totalBytes) : undefined,
    recordBytes,
    records,
    id,
    dfName,
    objects,
  };
}

/** The provider has no way to read data objects that are files. */
function kindOf(structure: FileStructure | undefined): FileKind {
  if (structure === "df") return "directory";
  return structure === undefined || structure === "ber-tlv" || structure === "simple-tlv" ? "unknown" : structure;
}
