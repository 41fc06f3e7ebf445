// SPDX-License-Identifier: MIT

import type { ByteSource, IByteBuffer } from "./byte-buffer.ts";
import type { FILETYPE, REFTYPE, SCARD_FLAGS, SEEKTYPE } from "./enumerations.ts";

/** An open file. A number to pass, never 0. */
export type HSCARD_FILE = number;

/** One property of a file. */
export interface TLV {
  /** Tag, such as 0x80 for the size or 0x8A for the life cycle (ISO/IEC 7816-4:2013, table 12). */
  readonly Tag: number;
  /** Bytes of the value. */
  readonly Length: number;
  readonly Value: Uint8Array;
  /** Whether the card has returned, or accepted, this property. */
  readonly Valid: boolean;
}

/** Properties of a file. */
export type TLV_TABLE = readonly TLV[];

/**
 * A card's files, after ISO/IEC 7816-4. A file is named by a text, and `refType` says how:
 *
 * - BY_ID: file identifiers of four hexadecimal digits, with `/` between them; one that begins with `/` or `3F00` is
 *   counted from the master file, one that begins with an application identifier (5 bytes and more) from that
 *   application, others from the current directory; `..` is the directory above.
 * - BY_NAME: the name of a directory, 1 to 16 bytes in hexadecimal: an application identifier, or its beginning.
 * - BY_SHORT: a short file identifier in the current directory, 1 to 30.
 * - BY_ANY: the form that matches the text, identifiers first.
 *
 * A position in a transparent file counts bytes, in a file of records it counts records.
 *
 * Every method fails with E_INVALIDARG for an invalid text, number or flag, with SCARD_E_INVALID_HANDLE once the card
 * was detached, and as SCardTransmit. What a card refuses becomes: SCARD_E_FILE_NOT_FOUND, SCARD_E_DIR_NOT_FOUND,
 * SCARD_E_NO_DIR (not a directory), SCARD_E_NO_FILE (a directory), SCARD_W_SECURITY_VIOLATION (another verification is
 * needed first), SCARD_E_NO_ACCESS (conditions not met, or the file is deactivated), SCARD_E_WRITE_TOO_MANY,
 * SCARD_E_BAD_SEEK, SCARD_W_EOF, SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_UNEXPECTED for any other status word.
 *
 * @see ISCardFileAccess, Microsoft
 */
export interface ISCardFileAccess {
  /** Makes a directory the current one. */
  ChangeDir(refType: REFTYPE, newDir: string): Promise<void>;
  /** Forgets an open file. @throws E_INVALIDARG (it is not open) */
  Close(file: HSCARD_FILE): Promise<void>;
  /**
   * Creates a file or a directory in the current directory.
   *
   * @param table its properties: the descriptor (82) and, for files, the size (80) at least
   * @param flags SC_FL_PREALLOCATED: `data` is written to it
   */
  Create(
    refType: REFTYPE,
    path: string,
    table: TLV_TABLE,
    flags?: SCARD_FLAGS,
    data?: ByteSource | null,
  ): Promise<void>;
  /** Deletes a file, or a directory and what is in it. @throws E_NOTIMPL (the card cannot) */
  Delete(refType: REFTYPE, path: string, flags?: SCARD_FLAGS): Promise<void>;
  /** Identifiers of what is in the current directory. @throws E_NOTIMPL (the card cannot tell) */
  Directory(fileType: FILETYPE): Promise<string[]>;
  /** The path of the current directory: `3F00/5015`, or from the application on that was chosen by name. */
  GetCurrentDir(): Promise<string>;
  /** What the current file, or the current directory, can do: the properties asked for, with their values. */
  GetFileCapabilities(properties: TLV_TABLE, flags?: SCARD_FLAGS): Promise<TLV_TABLE>;
  /** Properties of a file: those asked for, with their values; by default all that the card returns. */
  GetProperties(refType: REFTYPE, path: string, flags: SCARD_FLAGS, table: TLV_TABLE): Promise<TLV_TABLE>;
  /** Makes a file unusable until Rehabilitate. */
  Invalidate(path: string, flags?: SCARD_FLAGS): Promise<void>;
  /** Opens a file; its position is at the beginning. @throws SCARD_E_NO_MEMORY (too many are open) */
  Open(refType: REFTYPE, path: string): Promise<HSCARD_FILE>;
  /**
   * Reads on from the position: bytes, or one record. `bytesToRead` 0 reads everything.
   *
   * @throws SCARD_W_EOF at the end
   */
  Read(
    file: HSCARD_FILE,
    bytesToRead: number,
    flags?: SCARD_FLAGS,
  ): Promise<{ buffer: IByteBuffer; bytesRead: number }>;
  /** Makes a file usable again. */
  Rehabilitate(path: string, flags?: SCARD_FLAGS): Promise<void>;
  /**
   * Moves the position, forward or back: from the end with a negative offset.
   *
   * @throws SCARD_E_BAD_SEEK (outside the file), SCARD_E_UNSUPPORTED_FEATURE (the card does not report the end)
   */
  Seek(file: HSCARD_FILE, seek: SEEKTYPE, offset: number): Promise<void>;
  /** Sets properties of a file. @throws SCARD_E_UNSUPPORTED_FEATURE (the card cannot) */
  SetProperties(refType: REFTYPE, path: string, flags: SCARD_FLAGS, table: TLV_TABLE): Promise<void>;
  /** Writes on from the position: bytes, or one record; at the end of a file of records it is appended. */
  Write(file: HSCARD_FILE, data: ByteSource, flags?: SCARD_FLAGS): Promise<void>;
}
