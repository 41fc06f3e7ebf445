// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { instructions as ins, statusWords } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { badArgument, checkBits, checkNumber, checkOneOf } from "./arguments.ts";
import { type ByteSource, CByteBuffer, contentOf, type IByteBuffer } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { FILETYPE, REFTYPE, SCARD_FLAGS, SEEKTYPE } from "./enumerations.ts";
import type { HSCARD_FILE, ISCardFileAccess, TLV_TABLE } from "./file-access.ts";
import type { Iso7816Card, SelectedFile } from "./iso7816-card.ts";
import { listFiles } from "./iso7816-directory.ts";
import { type FileView, unknownFile } from "./iso7816-file-control.ts";
import {
  type FilePlace,
  type FileReference,
  formatPlace,
  isWithin,
  parentOf,
  parseReference,
  resolvePlace,
} from "./iso7816-path.ts";
import { checkTable, checkWanted, encodeNewFile, propertiesOf, setProperties } from "./iso7816-properties.ts";
import { statusFailure } from "./iso7816-status.ts";
import { makeCurrent, readBytes, readRecord, writeBytes, writeRecord } from "./iso7816-transfer.ts";
import { MAX_BUFFER_BYTES } from "./memory-stream.ts";

/** The furthest that a seek goes, in either direction: the largest LONG. */
const MAX_OFFSET = 0x7fff_ffff;

/** Most files that are open at once. */
const MAX_OPEN_FILES = 64;

const { SC_FL_PREALLOCATED } = SCARD_FLAGS;

/** A file that is open: by its place, or by its short identifier in a directory. */
interface OpenFile {
  readonly place: FilePlace;
  /** 0 for a file that is known by its place. */
  readonly shortId: number;
  readonly isRecords: boolean;
  /** Bytes, or records, before the place where the next one is read. */
  position: number;
}

/** What an open file is on the card at this moment. */
type Current = Pick<FileView, "kind" | "dataBytes" | "recordBytes" | "records">;

/** ISCardFileAccess on a card of ISO/IEC 7816-4. Files are created and deleted after ISO/IEC 7816-9. */
export class Iso7816FileAccess implements ISCardFileAccess {
  readonly #card: Iso7816Card;
  readonly #files = new Map<HSCARD_FILE, OpenFile>();
  #lastHandle = 0;
  /** The file that was opened, read or written last. */
  #current: OpenFile | undefined;

  constructor(card: Iso7816Card) {
    this.#card = card;
  }

  async ChangeDir(refType: REFTYPE, newDir: string): Promise<void> {
    const place = this.#placeOf(parseReference(refType, newDir, "newDir"));
    await this.#card.operate(async () => {
      const selected = await this.#card.select(place, "directory");
      checkUsable(selected);
      if (!isDirectory(selected.control.kind))
        throw new ComError(new SmartCardError("no-dir", `${formatPlace(place)} is a file, and no directory`));
      this.#card.directory = selected.place;
      this.#current = undefined;
    });
  }

  async Close(file: HSCARD_FILE): Promise<void> {
    const open = this.#opened(file);
    this.#files.delete(file);
    if (this.#current === open) this.#current = undefined;
  }

  async Create(
    refType: REFTYPE,
    path: string,
    table: TLV_TABLE,
    flags: SCARD_FLAGS = 0,
    data: ByteSource | null = null,
  ): Promise<void> {
    checkFlags(flags, SC_FL_PREALLOCATED);
    const isFilled = (flags & SC_FL_PREALLOCATED) !== 0;
    if (!isFilled && data !== null)
      throw new ComError(
        "E_INVALIDARG",
        "data is given without SC_FL_PREALLOCATED, which says that it is to be written",
      );
    const content = isFilled ? contentOf(data as ByteSource, "data") : undefined;
    const reference = parseReference(refType, path);
    const { command, control, id } = encodeNewFile(reference, table);
    if (isFilled && isDirectory(control.kind)) throw new ComError("E_INVALIDARG", "a directory takes no data");
    const directory = reference.kind === "path" ? parentOf(this.#placeOf(reference)) : this.#card.directory;
    await this.#card.operate(async () => {
      await this.#card.enter(directory);
      this.#card.forgetSelection();
      await this.#card.perform({ ins: ins.CREATE_FILE, data: command }, "file", "create");
      if (content !== undefined) await this.#fill({ ...directory, ids: [...directory.ids, id] }, content);
    });
  }

  async Delete(refType: REFTYPE, path: string, flags: SCARD_FLAGS = 0): Promise<void> {
    checkFlags(flags, SC_FL_PREALLOCATED);
    const place = this.#placeOf(parseReference(refType, path));
    await this.#card.operate(async () => {
      await this.#card.select(place, "file");
      this.#card.forgetSelection();
      const response = await this.#card.send({ ins: ins.DELETE_FILE });
      if (
        response.sw === statusWords.wrongInstruction ||
        response.sw === statusWords.functionNotSupported ||
        response.sw === statusWords.wrongClass
      )
        throw new ComError("E_NOTIMPL", "this card deletes no files");
      if (response.sw !== statusWords.success) throw statusFailure(response, "file", "delete");
      if (isWithin(this.#card.directory, place)) this.#card.directory = parentOf(place);
    });
  }

  async Directory(fileType: FILETYPE): Promise<string[]> {
    checkOneOf("fileType", fileType, FILETYPE);
    return this.#operate(() => listFiles(this.#card, fileType));
  }

  async GetCurrentDir(): Promise<string> {
    this.#card.checkAttached();
    return formatPlace(this.#card.directory);
  }

  async GetFileCapabilities(properties: TLV_TABLE, flags: SCARD_FLAGS = 0): Promise<TLV_TABLE> {
    checkFlags(flags, SC_FL_PREALLOCATED);
    checkWanted(properties, "properties");
    return this.#operate(async () => {
      const current = this.#current;
      if (current?.shortId)
        throw new ComError(new SmartCardError("unsupported-feature", "a card tells nothing by a short identifier"));
      const selected = await this.#card.select(current?.place ?? this.#card.directory, "file");
      return propertiesOf(this.#card, selected, properties);
    });
  }

  async GetProperties(refType: REFTYPE, path: string, flags: SCARD_FLAGS, table: TLV_TABLE): Promise<TLV_TABLE> {
    checkFlags(flags, 0);
    checkWanted(table, "table");
    const place = this.#placeOf(parseReference(refType, path));
    return this.#operate(async () => propertiesOf(this.#card, await this.#card.select(place, "file"), table));
  }

  async Invalidate(path: string, flags: SCARD_FLAGS = 0): Promise<void> {
    await this.#changeLife(path, flags, ins.DEACTIVATE_FILE, "invalidate");
  }

  async Open(refType: REFTYPE, path: string): Promise<HSCARD_FILE> {
    const reference = parseReference(refType, path);
    return this.#operate(async () => {
      if (this.#files.size >= MAX_OPEN_FILES)
        throw new ComError(new SmartCardError("no-memory", `${MAX_OPEN_FILES} files are open, the limit`));
      const open = await (reference.kind === "short"
        ? this.#openShort(reference.shortId)
        : this.#openPlace(this.#placeOf(reference)));
      this.#lastHandle++;
      this.#files.set(this.#lastHandle, open);
      this.#current = open;
      return this.#lastHandle;
    });
  }

  async Read(
    file: HSCARD_FILE,
    bytesToRead: number,
    flags: SCARD_FLAGS = 0,
  ): Promise<{ buffer: IByteBuffer; bytesRead: number }> {
    const open = this.#opened(file);
    checkFlags(flags, 0);
    checkNumber("bytesToRead", bytesToRead, 0, Number.MAX_SAFE_INTEGER);
    return this.#operate(async () => {
      const current = await this.#makeCurrent(open);
      const count = bytesToRead === 0 ? MAX_BUFFER_BYTES : Math.min(bytesToRead, MAX_BUFFER_BYTES);
      const data = open.isRecords
        ? await readRecord(this.#card, current, open.position, bytesToRead, open.shortId)
        : await readBytes(this.#card, current, open.position, count);
      open.position += open.isRecords ? 1 : data.length;
      return { buffer: CByteBuffer.of(data), bytesRead: data.length };
    });
  }

  async Rehabilitate(path: string, flags: SCARD_FLAGS = 0): Promise<void> {
    await this.#changeLife(path, flags, ins.ACTIVATE_FILE, "rehabilitate");
  }

  async Seek(file: HSCARD_FILE, seek: SEEKTYPE, offset: number): Promise<void> {
    const open = this.#opened(file);
    checkOneOf("seek", seek, SEEKTYPE);
    checkNumber("offset", offset, -MAX_OFFSET, MAX_OFFSET);
    await this.#operate(async () => {
      const current = open.shortId === 0 ? await this.#makeCurrent(open) : undefined;
      const size = open.isRecords ? current?.records : current?.dataBytes;
      if (seek === SEEKTYPE.SC_SEEK_FROM_END && size === undefined)
        throw new ComError(new SmartCardError("unsupported-feature", "the card does not report the end of the file"));
      const starts = { 0: 0, 1: size ?? 0, 2: open.position } as const;
      const position = starts[seek] + offset;
      if (position < 0 || position > (size ?? MAX_BUFFER_BYTES)) {
        const what = open.isRecords ? "records" : "bytes";
        const limit = size === undefined ? "" : `, which has ${size} ${what}`;
        throw new ComError(new SmartCardError("bad-seek", `${position} is outside the file${limit}`));
      }
      open.position = position;
    });
  }

  async SetProperties(refType: REFTYPE, path: string, flags: SCARD_FLAGS, table: TLV_TABLE): Promise<void> {
    checkFlags(flags, 0);
    checkTable(table);
    const place = this.#placeOf(parseReference(refType, path));
    await this.#operate(async () => setProperties(this.#card, await this.#card.select(place, "file"), table));
  }

  async Write(file: HSCARD_FILE, data: ByteSource, flags: SCARD_FLAGS = 0): Promise<void> {
    const open = this.#opened(file);
    checkFlags(flags, 0);
    const content = contentOf(data, "data");
    await this.#operate(async () => {
      await this.#write(open, await this.#makeCurrent(open), content);
      this.#card.forgetSelection();
    }).finally(() => zeroBytes(content));
  }

  #operate<T>(run: () => Promise<T>): Promise<T> {
    this.#card.checkAttached();
    return this.#card.operate(run);
  }

  async #write(open: OpenFile, current: Current, content: Uint8Array): Promise<void> {
    if (open.isRecords) await writeRecord(this.#card, current, open.position, content, open.shortId);
    else await writeBytes(this.#card, current, open.position, content);
    open.position += open.isRecords ? 1 : content.length;
  }

  /** Writes what a new file begins with: its bytes, or its records one after the other. */
  async #fill(place: FilePlace, content: Uint8Array): Promise<void> {
    const open = await this.#openPlace(place);
    const { recordBytes, ...current } = await this.#makeCurrent(open);
    const isFixed = current.kind === "linear-fixed" || current.kind === "cyclic";
    const step = open.isRecords && isFixed && recordBytes !== undefined ? recordBytes : content.length;
    for (let at = 0; at < content.length; at += step) {
      await this.#write(open, { ...current, recordBytes }, content.slice(at, at + step));
    }
    this.#card.forgetSelection();
  }

  async #openPlace(place: FilePlace): Promise<OpenFile> {
    const selected = await this.#card.select(place, "file");
    checkUsable(selected);
    const { kind } = selected.control;
    if (kind === "directory" || place.ids.length === 0)
      throw new ComError(new SmartCardError("no-file", `${formatPlace(place)} is a directory, and no file`));
    const isRecords = kind === "unknown" ? await this.#answersAsRecords() : kind !== "transparent";
    return { place: selected.place, shortId: 0, isRecords, position: 0 };
  }

  /** Reads a byte of the current file: a record file refuses that. */
  async #answersAsRecords(): Promise<boolean> {
    return (await this.#card.send({ ins: ins.READ_BINARY, le: 1 })).sw === statusWords.incompatibleFile;
  }

  async #openShort(shortId: number): Promise<OpenFile> {
    const place = this.#card.directory;
    await this.#card.enter(place);
    this.#card.forgetSelection();
    const { sw } = await makeCurrent(this.#card, shortId, "file");
    return { place, shortId, isRecords: sw === statusWords.incompatibleFile, position: 0 };
  }

  /** Makes an open file the card's current one. */
  async #makeCurrent(open: OpenFile): Promise<Current> {
    this.#current = open;
    if (open.shortId === 0) return (await this.#card.select(open.place, "file")).control;
    await this.#card.enter(open.place);
    this.#card.forgetSelection();
    if (!open.isRecords) await makeCurrent(this.#card, open.shortId, "file");
    return unknownFile;
  }

  async #changeLife(path: string, flags: SCARD_FLAGS, instruction: number, operation: string): Promise<void> {
    checkFlags(flags, 0);
    const place = this.#placeOf(parseReference(REFTYPE.SC_TYPE_BY_ANY, path));
    await this.#operate(async () => {
      await this.#card.select(place, "file");
      this.#card.forgetSelection();
      await this.#card.perform({ ins: instruction }, "file", operation);
    });
  }

  #placeOf(reference: FileReference): FilePlace {
    this.#card.checkAttached();
    if (reference.kind !== "short") return resolvePlace(this.#card.directory, reference);
    throw new ComError("E_INVALIDARG", "a short identifier opens a file; here its identifier or its path is needed");
  }

  #opened(file: HSCARD_FILE): OpenFile {
    this.#card.checkAttached();
    const open = this.#files.get(file);
    if (open === undefined) throw badArgument("file", file, "give the handle of a file that is open");
    return open;
  }
}

function isDirectory(kind: FileView["kind"]): boolean {
  return kind === "directory" || kind === "unknown";
}

function checkUsable({ place, usable }: SelectedFile): void {
  if (usable) return;
  const message = `${formatPlace(place)} was invalidated: it cannot be used before it is rehabilitated`;
  throw new ComError(new SmartCardError("no-access", message));
}

/** @throws E_INVALIDARG, SCARD_E_UNSUPPORTED_FEATURE (secure messaging) */
function checkFlags(flags: SCARD_FLAGS, allowed: number): void {
  const { SC_FL_SECURE_MESSAGING } = SCARD_FLAGS;
  checkBits("flags", flags, allowed | SC_FL_SECURE_MESSAGING, "0, or flags that this method takes");
  if ((flags & SC_FL_SECURE_MESSAGING) !== 0)
    throw new ComError(new SmartCardError("unsupported-feature", "this provider has no secure messaging"));
}
