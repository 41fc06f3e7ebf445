// SPDX-License-Identifier: MIT

import { checkBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { buildAtr, type CommandApdu, decodeCommand, storageCardHistoricalBytes } from "../../base/iso7816/index.ts";
import { byteString, optional, optionsOf, SmartCardError, wholeNumber } from "../../port/index.ts";
import type { SoftwareCard } from "../software-card/index.ts";
import { type Answer, encodeAnswer, status, sw } from "../software-card/index.ts";
import { initialMemory, PAGE_BYTES, Type2Memory } from "./type2-memory.ts";

/** Options of a Type 2 tag. */
export interface Type2TagOptions {
  /** The identifier, 7 bytes. @default an example: 04 and six bytes */
  readonly uid?: Uint8Array;
  /**
   * Pages of 4 bytes, 16 to 256: 16 is a MIFARE Ultralight, 45, 135 and 231 are an NTAG 213, 215 and 216.
   * The capability container of these, and of other tags whose last pages are not user memory, has the maker's size.
   *
   * @default 16
   */
  readonly pages?: number;
  /**
   * An NDEF message, without its TLV: it goes to page 4, and the capability container says that it is there.
   *
   * @default none: a tag formatted for NDEF that holds no message
   */
  readonly ndef?: Uint8Array;
  /** A saved {@link Type2Tag.memory}, to restore a tag; the other options are ignored then. */
  readonly memory?: Uint8Array;
}

const tagOptions = optionsOf<Type2TagOptions>({
  uid: optional(byteString),
  pages: optional(wholeNumber(0, 0xffff)),
  ndef: optional(byteString),
  memory: optional(byteString),
});

const exampleUid = Uint8Array.of(0x04, 0xa2, 0x3b, 0x7a, 0x11, 0x22, 0x80);

/** ISO/IEC 14443 A, part 3, and MIFARE Ultralight, which is what readers say of any Type 2 tag. */
const atr = buildAtr({ protocols: [0, 1], historicalBytes: storageCardHistoricalBytes(0x03, 0x0003) });

/** The class byte of commands that the reader answers for a card without a processor. */
const READER_CLASS = 0xff;
const INS_GET_DATA = 0xca;
const INS_READ_BINARY = 0xb0;
const INS_UPDATE_BINARY = 0xd6;
const MAX_READ_BYTES = 256;

/**
 * An NFC Forum Type 2 tag (a MIFARE Ultralight, an NTAG) in the field of a contactless reader: the card, and the reader's
 * commands for it. Such a tag has no APDUs; the reader implements those of class FF:
 *
 * ```
 *   FF CA 00 00 Le               the UID
 *   FF B0 00 <page> Le           memory from that page on; Le 00 stands for all, 256 bytes at most
 *   FF D6 00 <page> Lc <data>    writes whole pages
 * ```
 *
 * The UID cannot be written. Lock bits and the capability container only ever gain bits, and locked pages cannot be
 * written (6982), as on the tag itself. Pages after 15 have no lock bits here. The tag's own commands (FAST_READ,
 * passwords) and vendor-specific reader commands are not supported.
 *
 * Put it into a reader that speaks T=1 alone, as contactless readers do: `new VirtualReader({ protocols: ["t1"], … })`.
 * Over T=0 an answer that is shorter than Le comes as 6Cxx first.
 *
 * @see PC/SC part 3, 3.2.2; NFC Forum, Type 2 Tag
 */
export class Type2Tag implements SoftwareCard {
  readonly #memory: Type2Memory;

  /** @throws invalid-value (a UID of other than 7 bytes, pages out of range, an NDEF message that does not fit) */
  constructor(options: Type2TagOptions = {}) {
    const checked = tagOptions(options, { operation: "Type2Tag", path: "options" });
    this.#memory = new Type2Memory(checked.memory ?? memoryOf(checked));
  }

  /** The identifier, 7 bytes. */
  get uid(): Uint8Array {
    return this.#memory.uid;
  }

  /** All pages, one after the other: a copy. */
  get memory(): Uint8Array {
    return this.#memory.bytes;
  }

  reset(): Uint8Array {
    return copyBytes(atr);
  }

  powerOff(): void {
    // A tag has no state besides its memory.
  }

  process(command: Uint8Array): Uint8Array {
    checkBytes(command, "process: command");
    const decoded = decodeCommand(command);
    if (!decoded.ok) return encodeAnswer(status(sw.wrongLength));
    try {
      return encodeAnswer(this.#answer(decoded.value));
    } finally {
      // It may hold a password.
      zeroBytes(decoded.value.data);
    }
  }

  #answer(command: CommandApdu): Answer {
    if (command.cla !== READER_CLASS) return status(sw.wrongClass);
    const address = (command.p1 << 8) | command.p2;
    switch (command.ins) {
      case INS_GET_DATA:
        return this.#getData(command);
      case INS_READ_BINARY:
        return this.#read(address, command);
      case INS_UPDATE_BINARY:
        return this.#update(address, command);
      default:
        return status(sw.wrongInstruction);
    }
  }

  /** P1 00 asks for the UID; 01 for historical bytes of an ATS, which belong to processor cards. */
  #getData({ p1, p2, data, le }: CommandApdu): Answer {
    if (p1 !== 0 || p2 !== 0) return status(sw.functionNotSupported);
    if (le === undefined || data.length > 0) return status(sw.wrongLength);
    const { uid } = this.#memory;
    if (le < uid.length) return status(sw.wrongLe | uid.length);
    return { data: uid, status: endOr(le, MAX_READ_BYTES, uid.length) };
  }

  #read(page: number, { data, le }: CommandApdu): Answer {
    if (le === undefined || data.length > 0) return status(sw.wrongLength);
    if (page >= this.#memory.pages) return status(sw.fileNotFound);
    const found = this.#memory.read(page, Math.min(le, MAX_READ_BYTES));
    return { data: found, status: endOr(le, MAX_READ_BYTES, found.length) };
  }

  #update(page: number, { data }: CommandApdu): Answer {
    const count = data.length / PAGE_BYTES;
    if (count === 0 || !Number.isInteger(count)) return status(sw.wrongLength);
    if (page + count > this.#memory.pages) return status(sw.fileNotFound);
    return status(this.#memory.write(page, data) ? sw.success : sw.securityNotSatisfied);
  }
}

/** 6282 where there are fewer bytes than requested; Le 00, the maximum, requests all. */
function endOr(le: number, all: number, length: number): number {
  return length < le && le < all ? sw.endOfFile : sw.success;
}

function memoryOf({ uid = exampleUid, pages = 16, ndef }: Type2TagOptions): Uint8Array {
  const memory = initialMemory(uid, pages, ndef ?? new Uint8Array(0));
  if (memory === undefined) {
    const message = `${ndef?.length} bytes of NDEF do not fit into ${pages} pages`;
    throw new SmartCardError("invalid-value", message);
  }
  return memory;
}
