// SPDX-License-Identifier: MIT

import { type LifeCycle, MASTER_FILE_ID } from "../../base/iso7816/index.ts";
import type { CipherAlgorithm } from "../software-card/index.ts";

export type { LifeCycle } from "../../base/iso7816/index.ts";

/** File identifiers that no other file can have. ISO/IEC 7816-4:2005, 5.3.1.1. */
export const reservedFileIds: readonly number[] = [0x0000, MASTER_FILE_ID, 0x3fff, 0xffff];

/** BER-TLV tags of one byte or two, as P1-P2 of GET DATA and PUT DATA tells them. ISO/IEC 7816-4:2005, table 62. */
export function isObjectTag(tag: number): boolean {
  if (tag < 0x0100) return tag >= 0x40 && tag < 0xff && (tag & 0x1f) !== 0x1f;
  return tag >= 0x4000 && tag <= 0xff7f && (tag & 0x1f00) === 0x1f00 && (tag & 0x80) === 0 && (tag & 0xff) >= 0x1f;
}

/**
 * When something is allowed: always, never, once the PIN with this reference was verified, once the terminal has shown
 * that it has the key with this reference; or all of some conditions, or any of them.
 */
export type Access =
  | "always"
  | "never"
  | { readonly pin: number }
  | { readonly key: number }
  | { readonly all: readonly Access[] }
  | { readonly any: readonly Access[] };

/** The kinds of record files. ISO/IEC 7816-4:2005, 5.3.1.1. */
export type RecordFileType = "linear-fixed" | "linear-variable" | "cyclic";

/** What a key is for: the card shows that it has it, the terminal does, or both do. */
export type KeyUse = "internal" | "external" | "mutual";

/** A card's description that was checked, with everything filled in. It holds PINs and keys: do not print it. */
export interface CardImage {
  readonly name: string;
  readonly atr: Uint8Array;
  readonly challengeBytes: number;
  readonly pins: readonly PinImage[];
  readonly keys: readonly KeyImage[];
  readonly masterFile: DedicatedFileImage;
}

/** A value with its retry counter. */
export interface RetriesImage {
  readonly value: Uint8Array;
  readonly tries: number;
  readonly triesLeft: number;
}

export interface PinImage extends RetriesImage {
  readonly reference: number;
  /** Padded already. */
  readonly value: Uint8Array;
  /** Whether only values of this length are compared at all. */
  readonly fixedLength: boolean;
  readonly enabled: boolean;
  readonly canDisable: boolean;
  readonly resettingCode: RetriesImage | undefined;
  readonly reset: Access;
}

export interface KeyImage extends RetriesImage {
  readonly reference: number;
  readonly algorithm: CipherAlgorithm;
  readonly use: KeyUse;
  /** Given for `mutual`, and only there. */
  readonly mac: Uint8Array | undefined;
  /** When it may be used. */
  readonly access: Access;
}

/** What an access rule can speak of. ISO/IEC 7816-4:2005, tables 16 and 17; `putData` is not told there. */
export type AccessMode =
  | "read"
  | "update"
  | "write"
  | "deactivate"
  | "activate"
  | "terminate"
  | "delete"
  | "createEf"
  | "createDf"
  | "deleteChild"
  | "putData";

/** Conditions by operation. An operation without one is never allowed. */
export type Conditions = Readonly<Partial<Record<AccessMode, Access>>>;

/** The access rules of a file: its own, or a record of an EF.ARR. */
export type AccessRules =
  | { readonly kind: "own"; readonly conditions: Conditions }
  | { readonly kind: "arr"; readonly fileId: number; readonly record: number };

export interface DataObjectImage {
  readonly tag: number;
  readonly value: Uint8Array;
  readonly read: Access;
  readonly update: Access;
}

export interface DedicatedFileImage {
  readonly type: "df";
  readonly id: number;
  readonly name: Uint8Array | undefined;
  readonly label: string | undefined;
  readonly lifeCycle: LifeCycle;
  readonly access: AccessRules;
  readonly files: readonly FileImage[];
  readonly objects: readonly DataObjectImage[];
}

export interface TransparentFileImage {
  readonly type: "transparent";
  readonly id: number;
  readonly sfi: number | undefined;
  readonly lifeCycle: LifeCycle;
  readonly access: AccessRules;
  readonly content: Uint8Array;
}

export interface RecordFileImage {
  readonly type: RecordFileType;
  readonly id: number;
  readonly sfi: number | undefined;
  readonly lifeCycle: LifeCycle;
  readonly access: AccessRules;
  readonly records: readonly Uint8Array[];
  readonly recordSize: number;
  readonly maxRecords: number;
}

export type FileImage = DedicatedFileImage | TransparentFileImage | RecordFileImage;
