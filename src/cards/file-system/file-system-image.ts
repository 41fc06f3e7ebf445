// SPDX-License-Identifier: MIT

import { type LifeCycle, masterFileId } from "../../base/iso7816/index.ts";
import type { CipherAlgorithm } from "../software-card/index.ts";

export type { LifeCycle } from "../../base/iso7816/index.ts";

/** File identifiers that no other file can have. ISO/IEC 7816-4:2005, 5.3.1.1. */
export const reservedFileIds: readonly number[] = [0x0000, masterFileId, 0x3fff, 0xffff];

/** BER-TLV tags of one byte or two, as P1-P2 of GET DATA and PUT DATA tells them. ISO/IEC 7816-4:2005, table 62. */
export function isObjectTag(tag: number): boolean {
  if (tag < 0x0100) return tag >= 0x40 && tag < 0xff && (tag & 0x1f) !== 0x1f;
  return tag >= 0x4000 && tag <= 0xff7f && (tag & 0x1f00) === 0x1f00 && (tag & 0x80) === 0 && (tag & 0xff) >= 0x1f;
}

/** Bytes in a card's description: hexadecimal text, or text, which stands for its UTF-8. */
export type BytesSource = string | { readonly text: string };

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

/** The rules of a file are a record of another one, an EF.ARR. ISO/IEC 7816-4:2005, 5.4.3.3. */
export interface AccessReferenceSource {
  readonly arr: {
    /** Identifier of the EF.ARR, four hexadecimal digits; looked for beside the file, then further up. */
    readonly file: string;
    /** Number of the record, from 1. */
    readonly record: number;
  };
}

/** What may be done with any file itself. @default never */
export interface FileAccessSource {
  readonly deactivate?: Access;
  readonly activate?: Access;
  readonly terminate?: Access;
  readonly delete?: Access;
}

export interface DedicatedFileAccessSource extends FileAccessSource {
  /** Who may create elementary files in it. @default never */
  readonly createEf?: Access;
  /** Who may create directories in it. @default never */
  readonly createDf?: Access;
  /** Who may delete its children, regardless of their access rules. @default never */
  readonly deleteChild?: Access;
  /** Who may add data objects to it. @default never */
  readonly putData?: Access;
}

export interface TransparentFileAccessSource extends FileAccessSource {
  /** @default always */
  readonly read?: Access;
  /** @default never */
  readonly update?: Access;
  /** WRITE BINARY. @default as update */
  readonly write?: Access;
}

export interface RecordFileAccessSource extends FileAccessSource {
  /** @default always */
  readonly read?: Access;
  /** @default never */
  readonly update?: Access;
  /** APPEND RECORD and WRITE RECORD. @default as update */
  readonly append?: Access;
}

/**
 * The plain JSON description of a file-system card, as people write it and `FileSystemCard.toImage` does;
 * `parseCardImage` checks it. docs/guide/software-cards.md explains it with an example.
 */
export interface CardImageSource {
  /** The card's name, for people. 1 to 128 characters. */
  readonly name: string;
  /**
   * The ATR in hexadecimal, or what to build it from. @default T=0 and T=1, historical bytes that tell what the card
   * can do
   */
  readonly atr?: string | AtrSource;
  /** Most bytes of one GET CHALLENGE, 1 to 65,536. @default 256 */
  readonly challengeBytes?: number;
  readonly pins?: readonly PinSource[];
  readonly keys?: readonly KeySource[];
  /** What is under the master file (3F00). */
  readonly files?: readonly FileSource[];
  /** Data objects of the master file. */
  readonly objects?: readonly DataObjectSource[];
  /** What may be done with the master file. */
  readonly access?: DedicatedFileAccessSource | AccessReferenceSource;
  /** Of the master file. @default "activated" */
  readonly lifeCycle?: LifeCycle;
}

/** What an ATR is built from. */
export interface AtrSource {
  /** @default both */
  readonly protocols?: readonly ("t0" | "t1")[];
  /** At most 15 bytes. @default what the card can do, as ISO/IEC 7816-4:2005, 8.1.1 codes it */
  readonly historicalBytes?: BytesSource;
}

/** How often something may be presented wrongly. */
export interface RetriesSource {
  /** Wrong tries until it is blocked, 1 to 15. @default 3 */
  readonly tries?: number;
  /** Tries left at the start, 0 for what is blocked. @default all of them */
  readonly triesLeft?: number;
}

/** A PIN: reference data that VERIFY compares with. */
export interface PinSource extends RetriesSource {
  /** P2 of VERIFY: 1 to 31, or 129 to 159. */
  readonly reference: number;
  readonly value: BytesSource;
  /** Fills the value up with FF to this many bytes; a VERIFY of any other length is then refused with 6700. */
  readonly padTo?: number;
  /** Whether the PIN is required; conditions that name a disabled PIN are fulfilled. @default true */
  readonly enabled?: boolean;
  /** Whether DISABLE VERIFICATION REQUIREMENT works on it. @default false */
  readonly canDisable?: boolean;
  /** What RESET RETRY COUNTER takes, with or without a new value. @default none */
  readonly resettingCode?: ResettingCodeSource;
  readonly access?: {
    /** Who may set a new value without the old one, and the counter back without the resetting code. @default never */
    readonly reset?: Access;
  };
}

/** The code that gives a PIN its tries back. */
export interface ResettingCodeSource extends RetriesSource {
  readonly value: BytesSource;
}

/** A symmetric key. Keys have separate references: key 1 and PIN 1 are unrelated. */
export interface KeySource extends RetriesSource {
  /** P2 of the commands that mean it: 1 to 31, or 129 to 159. */
  readonly reference: number;
  readonly algorithm: CipherAlgorithm;
  /**
   * The only use of the key: if the card also enciphered challenges with the key that authenticates the terminal, an
   * attacker could let it answer its own challenge. `internal`: the card shows that it has the key (INTERNAL
   * AUTHENTICATE). `external`: the terminal does (EXTERNAL AUTHENTICATE). `mutual`: both do (MUTUAL AUTHENTICATE).
   */
  readonly use: KeyUse;
  /** 16, 24 or 32 bytes for AES; 16 or 24 for triple DES, 16 if it is for mutual authentication. */
  readonly value: BytesSource;
  /** The key for MACs, for mutual authentication only: as long as the value. */
  readonly mac?: BytesSource;
  readonly access?: {
    /** When it may be used. @default always */
    readonly use?: Access;
  };
}

export type KeyUse = "internal" | "external" | "mutual";

/** A data object, for GET DATA and PUT DATA. */
export interface DataObjectSource {
  /** Tag in hexadecimal: one or two bytes. */
  readonly tag: string;
  /** The value field; in a constructed object, the objects inside. At most 4,096 bytes. */
  readonly value: BytesSource;
  /** @default read always, update never */
  readonly access?: { readonly read?: Access; readonly update?: Access };
}

/** What all files have. */
export interface AnyFileSource {
  /** File identifier, four hexadecimal digits. */
  readonly id: string;
  /** @default "activated" */
  readonly lifeCycle?: LifeCycle;
}

/** What all elementary files have. */
export interface ElementaryFileSource extends AnyFileSource {
  /** Short EF identifier, 1 to 30. */
  readonly sfi?: number;
}

/** A directory: a dedicated file, which is an application if it has a name. */
export interface DedicatedFileSource extends AnyFileSource {
  readonly type: "df";
  /** DF name, mostly an application identifier: 1 to 16 bytes. */
  readonly name?: BytesSource;
  /** Application label, shown in FCI and FMD. 1 to 16 characters. */
  readonly label?: string;
  readonly files?: readonly FileSource[];
  readonly objects?: readonly DataObjectSource[];
  readonly access?: DedicatedFileAccessSource | AccessReferenceSource;
}

/** A file of bytes. */
export interface TransparentFileSource extends ElementaryFileSource {
  readonly type: "transparent";
  /** Initial content. @default empty */
  readonly content?: BytesSource;
  /** Bytes in the file, 1 to 65,536; what `content` leaves is zeros. @default as many as `content` has */
  readonly size?: number;
  /** @default read always, update never */
  readonly access?: TransparentFileAccessSource | AccessReferenceSource;
}

/** A file of records. */
export interface RecordFileSource extends ElementaryFileSource {
  readonly type: RecordFileType;
  /** What is in it at first, record 1 first; in a cyclic file record 1 is the newest. @default none */
  readonly records?: readonly BytesSource[];
  /** Bytes in a record, 1 to 255: exactly, or at most in a variable file. @default the longest one of `records` */
  readonly recordSize?: number;
  /** Most records, 1 to 254. @default as many as `records` has */
  readonly maxRecords?: number;
  /** @default read always, update never, append as update */
  readonly access?: RecordFileAccessSource | AccessReferenceSource;
}

/** Any file. */
export type FileSource = DedicatedFileSource | TransparentFileSource | RecordFileSource;

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
