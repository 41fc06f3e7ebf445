// SPDX-License-Identifier: MIT

import { copyBytes, isBytes } from "../../base/binary/index.ts";
import { shown } from "../../port/index.ts";
import { badArgument, badPointer, checkArray, checkOneOf, hasMethods } from "./arguments.ts";
import { ComError } from "./com-error.ts";
import { LOCKTYPE, STATFLAG, STGC, STREAM_SEEK } from "./enumerations.ts";
import { MAX_BUFFER_BYTES, MemoryStream, type RegionLock } from "./memory-stream.ts";

/** Most locked ranges of the same bytes at once. */
const MAX_LOCKS = 256;
/** The furthest that a seek pointer goes: the largest LONG. */
const MAX_POSITION = 0x7fff_ffff;
const STGTY_STREAM = 2;
const STGM_READWRITE = 2;

/** Properties of a byte buffer: STATSTRUCT. */
export interface StatStruct {
  /** STGTY_STREAM, 2. */
  readonly type: number;
  /** Size in bytes. */
  readonly cbSize: number;
  /** STGM_READWRITE, 2. */
  readonly grfMode: number;
  /** The {@link LOCKTYPE}s that LockRegion takes. */
  readonly grfLocksSupported: number;
  readonly grfStateBits: number;
}

/**
 * Bytes that can be read, written and sought in like a file: what the service providers pass data in. Sizes and offsets
 * are in bytes, up to {@link MAX_BUFFER_BYTES}. `Initialize` comes first; before it every method fails with E_UNEXPECTED.
 *
 * @see IByteBuffer, Microsoft
 */
export interface IByteBuffer {
  /** The stream below: the bytes themselves, which clones have in common. Put: this buffer is on those bytes then. */
  get Stream(): MemoryStream;
  set Stream(stream: MemoryStream);
  /** Another object on the same bytes, with a seek pointer of its own that begins where this one is. */
  Clone(): IByteBuffer;
  /**
   * Commits the changes so far: Revert returns to this state.
   *
   * @throws STG_E_INVALIDFLAG for flags that are not {@link STGC}
   */
  Commit(commitFlags?: STGC): void;
  /**
   * Copies bytes from this seek pointer to that of another buffer, which may be a clone, or this one; both advance.
   *
   * @param count any number: as many bytes are copied as there are
   * @returns how many bytes were read and written: fewer than `count` at the end
   * @throws E_POINTER, E_INVALIDARG, STG_E_LOCKVIOLATION, STG_E_MEDIUMFULL
   */
  CopyTo(destination: IByteBuffer, count: number): { readonly read: number; readonly written: number };
  /**
   * Gives the buffer its size and, with `data`, its content; the seek pointer is at the beginning then. What is left of
   * the size is zeros.
   *
   * @throws E_INVALIDARG, STG_E_MEDIUMFULL
   */
  Initialize(size?: number, data?: Uint8Array | null): void;
  /**
   * Keeps others from a range, which may lie beyond the end: other objects on the same bytes, that is clones.
   *
   * @param lockType WRITE: only this one may write; EXCLUSIVE: only this one may read or write; ONLYONCE: keeps no one
   * from reading or writing, and there is one of its kind on the range at a time
   * @throws STG_E_LOCKVIOLATION (another has a lock that excludes this one), E_INVALIDARG
   */
  LockRegion(offset: number, count: number, lockType: LOCKTYPE): void;
  /** The next bytes, `count` at most, which may be any number; fewer at the end. @throws E_INVALIDARG, STG_E_LOCKVIOLATION */
  Read(count: number): Uint8Array;
  /** Drops the changes since the last Commit, or since Initialize. Seek pointers stay where they are. */
  Revert(): void;
  /**
   * Moves the seek pointer, also beyond the end, and answers where it is.
   *
   * @throws STG_E_SEEKERROR (before the beginning, or too far), E_INVALIDARG
   */
  Seek(move: number, origin?: STREAM_SEEK): number;
  /** Cuts the bytes off, or adds zeros. @throws E_INVALIDARG, STG_E_MEDIUMFULL, STG_E_LOCKVIOLATION */
  SetSize(size: number): void;
  /** Size and properties. @throws STG_E_INVALIDFLAG for a flag that is not a {@link STATFLAG} */
  Stat(statFlag?: STATFLAG): StatStruct;
  /** Takes a lock of this object off, with exactly the values that it was put on with. @throws STG_E_LOCKVIOLATION */
  UnlockRegion(offset: number, count: number, lockType: LOCKTYPE): void;
  /**
   * Writes at the seek pointer, which advances, and answers how many bytes: all of them. Where the pointer is beyond the
   * end the gap is filled with zeros; no bytes change nothing.
   *
   * @throws STG_E_LOCKVIOLATION, STG_E_MEDIUMFULL
   */
  Write(data: Uint8Array): number;
}

/** The base provider's byte buffer. */
export class CByteBuffer implements IByteBuffer {
  #stream: MemoryStream | undefined;
  #position = 0;

  /** A buffer that holds a copy of `data`, ready to be read. */
  static of(data: Uint8Array): CByteBuffer {
    checkArray("data", data);
    const buffer = new CByteBuffer();
    buffer.Initialize(data.length, data);
    return buffer;
  }

  get Stream(): MemoryStream {
    return this.#opened();
  }

  set Stream(stream: MemoryStream) {
    if (!(stream instanceof MemoryStream)) throw badPointer("stream", stream, "pass the Stream of a byte buffer");
    this.#stream = stream;
    this.#position = 0;
  }

  Clone(): IByteBuffer {
    const clone = new CByteBuffer();
    clone.#stream = this.#opened();
    clone.#position = this.#position;
    return clone;
  }

  Commit(commitFlags: STGC = STGC.DEFAULT): void {
    const stream = this.#opened();
    const known = STGC.OVERWRITE | STGC.ONLYIFCURRENT | STGC.DANGEROUSLYCOMMITMERELYTODISKCACHE | STGC.CONSOLIDATE;
    if (!Number.isInteger(commitFlags) || (commitFlags & ~known) !== 0)
      throw new ComError("STG_E_INVALIDFLAG", `commitFlags are ${shown(commitFlags)}; give STGC flags`);
    stream.commit();
  }

  CopyTo(destination: IByteBuffer, count: number): { readonly read: number; readonly written: number } {
    if (!hasMethods(destination, "Write")) throw badPointer("destination", destination, "pass a byte buffer");
    const data = this.Read(count);
    return { read: data.length, written: destination.Write(data) };
  }

  Initialize(size = 1, data: Uint8Array | null = null): void {
    checkSize("size", size);
    if (data !== null) checkArray("data", data);
    if (data !== null && data.length > size)
      throw new ComError("E_INVALIDARG", `data has ${data.length} bytes, which do not fit into a size of ${size}`);
    const bytes = new Uint8Array(size);
    if (data !== null) bytes.set(data);
    this.#stream = new MemoryStream(bytes);
    this.#position = 0;
  }

  LockRegion(offset: number, count: number, lockType: LOCKTYPE): void {
    const { locks } = this.#opened();
    checkRange(offset, count, lockType);
    if (locks.length >= MAX_LOCKS) throw new ComError("STG_E_LOCKVIOLATION", `there are ${MAX_LOCKS} locks, the limit`);
    const { ONLYONCE } = LOCKTYPE;
    const excludes = ({ owner, type }: RegionLock): boolean =>
      lockType === ONLYONCE || type === ONLYONCE ? lockType === type : owner !== this;
    const isTaken = overlapping(locks, offset, count).some(excludes);
    if (isTaken) throw new ComError("STG_E_LOCKVIOLATION", `${describe(offset, count)} has a lock already`);
    locks.push({ owner: this, offset, count, type: lockType });
  }

  Read(count: number): Uint8Array {
    const stream = this.#opened();
    checkCount("count", count);
    const data = stream.bytes.slice(this.#position, Math.min(this.#position + count, stream.size));
    this.#checkLocks(stream, this.#position, data.length, (type) => type === LOCKTYPE.EXCLUSIVE);
    this.#position += data.length;
    return data;
  }

  Revert(): void {
    this.#opened().revert();
  }

  Seek(move: number, origin: STREAM_SEEK = STREAM_SEEK.SET): number {
    const { size } = this.#opened();
    if (!Number.isInteger(move)) throw badArgument("move", move, "give a whole number of bytes");
    checkOneOf("origin", origin, STREAM_SEEK);
    const start = { [STREAM_SEEK.SET]: 0, [STREAM_SEEK.CUR]: this.#position, [STREAM_SEEK.END]: size }[origin];
    const position = start + move;
    if (position < 0 || position > MAX_POSITION)
      throw new ComError("STG_E_SEEKERROR", `move leads to ${position}, which is not from 0 to ${MAX_POSITION}`);
    this.#position = position;
    return position;
  }

  SetSize(size: number): void {
    const stream = this.#opened();
    checkSize("size", size);
    const [from, to] = [Math.min(size, stream.size), Math.max(size, stream.size)];
    this.#checkLocks(stream, from, to - from, (type) => type !== LOCKTYPE.ONLYONCE);
    stream.resize(size);
  }

  Stat(statFlag: STATFLAG = STATFLAG.DEFAULT): StatStruct {
    const { size } = this.#opened();
    if (!(Object.values(STATFLAG) as number[]).includes(statFlag))
      throw new ComError("STG_E_INVALIDFLAG", `statFlag is ${shown(statFlag)}; give STATFLAG 0, 1 or 2`);
    const grfLocksSupported = LOCKTYPE.WRITE | LOCKTYPE.EXCLUSIVE | LOCKTYPE.ONLYONCE;
    return { type: STGTY_STREAM, cbSize: size, grfMode: STGM_READWRITE, grfLocksSupported, grfStateBits: 0 };
  }

  UnlockRegion(offset: number, count: number, lockType: LOCKTYPE): void {
    const { locks } = this.#opened();
    checkRange(offset, count, lockType);
    const index = locks.findIndex(
      (lock) => lock.owner === this && lock.offset === offset && lock.count === count && lock.type === lockType,
    );
    if (index < 0) throw new ComError("STG_E_LOCKVIOLATION", `${describe(offset, count)} has no such lock`);
    locks.splice(index, 1);
  }

  Write(data: Uint8Array): number {
    const stream = this.#opened();
    checkArray("data", data);
    if (data.length === 0) return 0;
    const end = this.#position + data.length;
    checkSize("size", end);
    const from = Math.min(this.#position, stream.size);
    this.#checkLocks(stream, from, end - from, (type) => type !== LOCKTYPE.ONLYONCE);
    stream.resize(Math.max(end, stream.size));
    stream.bytes.set(data, this.#position);
    this.#position = end;
    return data.length;
  }

  #opened(): MemoryStream {
    if (this.#stream === undefined) throw new ComError("E_UNEXPECTED", "call Initialize first");
    return this.#stream;
  }

  #checkLocks(stream: MemoryStream, offset: number, count: number, excludes: (type: LOCKTYPE) => boolean): void {
    const lock = overlapping(stream.locks, offset, count).find(({ owner, type }) => owner !== this && excludes(type));
    if (lock === undefined) return;
    throw new ComError("STG_E_LOCKVIOLATION", `${describe(lock.offset, lock.count)} is locked by another`);
  }
}

/** What methods that take a byte buffer take: one, of which the whole content counts, or plain bytes. */
export type ByteSource = IByteBuffer | Uint8Array;

/** The whole content of a source, copied; the seek pointer of a buffer is left where it was. @throws E_POINTER */
export function contentOf(source: ByteSource, what: string): Uint8Array {
  checkSource(what, source);
  if (isBytes(source)) return copyBytes(source);
  const position = source.Seek(0, STREAM_SEEK.CUR);
  source.Seek(0, STREAM_SEEK.SET);
  try {
    return source.Read(source.Stat(STATFLAG.NONAME).cbSize);
  } finally {
    source.Seek(position, STREAM_SEEK.SET);
  }
}

/** @throws E_POINTER for anything but a source of bytes */
export function checkSource(name: string, source: unknown): asserts source is ByteSource {
  if (!isBytes(source) && !isByteBuffer(source))
    throw badPointer(name, source, "pass a Uint8Array or an IByteBuffer; decodeHex makes bytes of hexadecimal digits");
}

function isByteBuffer(source: unknown): source is IByteBuffer {
  return hasMethods(source, "Read", "Seek", "Stat");
}

function checkCount(what: string, count: number): void {
  if (!Number.isInteger(count) || count < 0) throw badArgument(what, count, "give a number of bytes, 0 or more");
}

function checkSize(what: string, count: number): void {
  checkCount(what, count);
  if (count > MAX_BUFFER_BYTES)
    throw new ComError("STG_E_MEDIUMFULL", `${what} is ${count}; the limit is ${MAX_BUFFER_BYTES} bytes`);
}

function checkRange(offset: number, count: number, lockType: number): void {
  checkCount("offset", offset);
  checkCount("count", count);
  if (count === 0) throw badArgument("count", count, "a range has at least one byte");
  checkOneOf("lockType", lockType, LOCKTYPE);
}

function overlapping(locks: readonly RegionLock[], offset: number, count: number): readonly RegionLock[] {
  return locks.filter((lock) => lock.offset < offset + count && offset < lock.offset + lock.count);
}

function describe(offset: number, count: number): string {
  return `the range of ${count} bytes at ${offset}`;
}
