// SPDX-License-Identifier: MIT

/** The master file's identifier. ISO/IEC 7816-4:2005, 5.3.1.1. */
export const masterFileId = 0x3f00;

/** Bytes in a card's description: hexadecimal text, or text whose UTF-8 is meant. */
export type BytesSource = string | { readonly text: string };

/** When something is allowed: always, never, or once the PIN with this reference was verified. */
export type Access = "always" | "never" | { readonly pin: number };

/** The kinds of record files. ISO/IEC 7816-4:2005, 5.3.1.1. */
export type RecordFileType = "linear-fixed" | "linear-variable" | "cyclic";

/**
 * The plain JSON description of a file-system card, as people write it; `parseCardImage` checks it.
 * docs/guide/software-cards.md explains it with an example.
 */
export interface CardImageSource {
  /** What the card is called, for people. 1 to 128 characters. */
  readonly name: string;
  /**
   * The ATR in hexadecimal, or what to build it from. @default T=0 and T=1, historical bytes that tell what the card
   * can do
   */
  readonly atr?: string | AtrSource;
  /** Most bytes that one GET CHALLENGE hands out, 1 to 65,536. @default 256 */
  readonly challengeBytes?: number;
  readonly pins?: readonly PinSource[];
  /** What is under the master file (3F00). */
  readonly files?: readonly FileSource[];
}

/** What an ATR is built from. */
export interface AtrSource {
  /** @default both */
  readonly protocols?: readonly ("t0" | "t1")[];
  /** At most 15 bytes. @default what the card can do, as ISO/IEC 7816-4:2005, 8.1.1 codes it */
  readonly historicalBytes?: BytesSource;
}

/** A PIN: reference data that VERIFY compares with. */
export interface PinSource {
  /** P2 of VERIFY: 1 to 31, or 129 to 159. */
  readonly reference: number;
  readonly value: BytesSource;
  /** Fills the value up with FF to this many bytes; a VERIFY of any other length is then refused with 6700. */
  readonly padTo?: number;
  /** Wrong tries until the PIN is blocked, 1 to 15. @default 3 */
  readonly tries?: number;
  /** Tries left at the start, 0 for a PIN that is blocked. @default all of them */
  readonly triesLeft?: number;
}

/** What all elementary files have. */
interface ElementaryFileSource {
  /** File identifier, four hexadecimal digits. */
  readonly id: string;
  /** Short EF identifier, 1 to 30. */
  readonly sfi?: number;
}

/** A directory: a dedicated file, which is an application if it has a name. */
export interface DedicatedFileSource {
  readonly type: "df";
  readonly id: string;
  /** DF name, mostly an application identifier: 1 to 16 bytes. */
  readonly name?: BytesSource;
  /** Application label, shown in FCI and FMD. 1 to 16 characters. */
  readonly label?: string;
  readonly files?: readonly FileSource[];
}

/** A file of bytes. */
export interface TransparentFileSource extends ElementaryFileSource {
  readonly type: "transparent";
  /** What is in it at first. @default nothing */
  readonly content?: BytesSource;
  /** Bytes in the file, 1 to 65,536; what `content` leaves is zeros. @default as many as `content` has */
  readonly size?: number;
  /** @default read always, update never */
  readonly access?: { readonly read?: Access; readonly update?: Access };
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
  readonly access?: { readonly read?: Access; readonly update?: Access; readonly append?: Access };
}

/** Any file. */
export type FileSource = DedicatedFileSource | TransparentFileSource | RecordFileSource;

/** A card's description that was checked, with everything filled in. It holds PINs: do not print it. */
export interface CardImage {
  readonly name: string;
  readonly atr: Uint8Array;
  readonly challengeBytes: number;
  readonly pins: readonly PinImage[];
  readonly masterFile: DedicatedFileImage;
}

export interface PinImage {
  readonly reference: number;
  /** Padded already. */
  readonly value: Uint8Array;
  /** Whether only values of this length are compared at all. */
  readonly fixedLength: boolean;
  readonly tries: number;
  readonly triesLeft: number;
}

export interface DedicatedFileImage {
  readonly type: "df";
  readonly id: number;
  readonly name: Uint8Array | undefined;
  readonly label: string | undefined;
  readonly files: readonly FileImage[];
}

export interface TransparentFileImage {
  readonly type: "transparent";
  readonly id: number;
  readonly sfi: number | undefined;
  readonly content: Uint8Array;
  readonly access: { readonly read: Access; readonly update: Access };
}

export interface RecordFileImage {
  readonly type: RecordFileType;
  readonly id: number;
  readonly sfi: number | undefined;
  readonly records: readonly Uint8Array[];
  readonly recordSize: number;
  readonly maxRecords: number;
  readonly access: { readonly read: Access; readonly update: Access; readonly append: Access };
}

export type FileImage = DedicatedFileImage | TransparentFileImage | RecordFileImage;
