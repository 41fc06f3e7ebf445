// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import type { NtagConfiguration } from "./ntag-configuration.ts";
import { PAGE_BYTES } from "./ntag-layout.ts";
import type { Type2Memory } from "./type2-memory.ts";

/** Commands of a tag. NFC Forum, Type 2 Tag, 5; NXP NTAG213/215/216 data sheet, 9 and 10 */
const commands = {
  PWD_AUTH: 0x1b,
  READ: 0x30,
  READ_CNT: 0x39,
  FAST_READ: 0x3a,
  READ_SIG: 0x3c,
  GET_VERSION: 0x60,
  COMPATIBILITY_WRITE: 0xa0,
  WRITE: 0xa2,
} as const;

/** Answers of four bits. NXP NTAG213/215/216 data sheet, table 23 */
const acknowledged = Uint8Array.of(0x0a);
const invalidArgument = Uint8Array.of(0x00);
const tooManyPasswords = Uint8Array.of(0x04);

const READ_BYTES = 16;
const COUNTER_NUMBER = 0x02;
const SIGNATURE_BYTES = 32;

/** The frames of a Type 2 tag, without their checksums. Those of an NTAG are understood where there is a configuration. */
export class Type2Frames {
  readonly #memory: Type2Memory;
  readonly #ntag: NtagConfiguration | undefined;
  /** The page of a COMPATIBILITY_WRITE whose data comes next. */
  #announced: number | undefined;

  constructor(memory: Type2Memory, ntag: NtagConfiguration | undefined) {
    this.#memory = memory;
    this.#ntag = ntag;
  }

  enterField(): void {
    this.#announced = undefined;
  }

  /** What the tag answers to a frame. */
  exchange(frame: Uint8Array): Uint8Array {
    const announced = this.#announced;
    this.#announced = undefined;
    if (announced !== undefined && frame.length === READ_BYTES)
      return this.#write(announced, frame.subarray(0, PAGE_BYTES));
    const [command, first = 0, second = 0] = frame;
    const isLong = (length: number): boolean => frame.length === length;
    switch (command) {
      case commands.READ:
        return isLong(2) ? this.#read(first) : invalidArgument;
      case commands.WRITE:
        return isLong(2 + PAGE_BYTES) ? this.#write(first, frame.subarray(2)) : invalidArgument;
      case commands.COMPATIBILITY_WRITE:
        return isLong(2) ? this.#announce(first) : invalidArgument;
      default:
        return this.#ntag === undefined ? invalidArgument : this.#ntagFrame(this.#ntag, frame, first, second);
    }
  }

  #ntagFrame(ntag: NtagConfiguration, frame: Uint8Array, first: number, second: number): Uint8Array {
    const isLong = (length: number): boolean => frame.length === length;
    switch (frame[0]) {
      case commands.FAST_READ:
        return isLong(3) ? this.#fastRead(ntag, first, second) : invalidArgument;
      case commands.READ_CNT:
        return (isLong(2) && first === COUNTER_NUMBER ? ntag.readCounter() : undefined) ?? invalidArgument;
      case commands.GET_VERSION:
        // NXP, NTAG, 50 pF, version 1.0, ISO/IEC 14443-3.
        return isLong(1) ? Uint8Array.of(0, 4, 4, 2, 1, 0, ntag.layout.sizeCode, 3) : invalidArgument;
      case commands.READ_SIG:
        return isLong(2) && first === 0 ? new Uint8Array(SIGNATURE_BYTES) : invalidArgument;
      case commands.PWD_AUTH: {
        if (!isLong(1 + PAGE_BYTES)) return invalidArgument;
        const result = ntag.authenticate(frame.subarray(1));
        if (result === "blocked") return tooManyPasswords;
        return result === "wrong" ? invalidArgument : result;
      }
      default:
        return invalidArgument;
    }
  }

  /** Four pages; behind the last one that may be read, page 0 follows. 10.2 */
  #read(page: number): Uint8Array {
    const end = this.#ntag?.readableEnd ?? this.#memory.pages;
    if (page >= end) return invalidArgument;
    this.#ntag?.countReading();
    const memory = this.#memory.read(0, end * PAGE_BYTES);
    return Uint8Array.from({ length: READ_BYTES }, (_, at) => memory[(page * PAGE_BYTES + at) % memory.length] ?? 0);
  }

  #fastRead(ntag: NtagConfiguration, first: number, last: number): Uint8Array {
    if (first > last || last >= ntag.readableEnd) return invalidArgument;
    ntag.countReading();
    return this.#memory.read(first, (last - first + 1) * PAGE_BYTES);
  }

  #announce(page: number): Uint8Array {
    if (!this.#memory.mayWrite(page)) return invalidArgument;
    this.#announced = page;
    return copyBytes(acknowledged);
  }

  #write(page: number, data: Uint8Array): Uint8Array {
    const isWritten = page < this.#memory.pages && this.#memory.write(page, data);
    return copyBytes(isWritten ? acknowledged : invalidArgument);
  }
}
