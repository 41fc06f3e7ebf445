// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import { byteString, optional, optionsOf, SmartCardError, wholeNumber, word } from "../../port/index.ts";
import { type FieldCard, StorageCard, storageCardAtr } from "../contactless/index.ts";
import { type Answer, type SoftwareCard, status, sw } from "../software-card/index.ts";
import type { NtagCounters } from "./ntag-configuration.ts";
import { factoryPages, type NtagProduct, ntagLayouts, PAGE_BYTES } from "./ntag-layout.ts";
import { Type2Frames } from "./type2-frames.ts";
import { initialMemory, Type2Memory } from "./type2-memory.ts";

/** Options of a Type 2 tag. */
export interface Type2TagOptions {
  /** The identifier, 7 bytes. @default an example: 04 and six bytes */
  readonly uid?: Uint8Array;
  /**
   * An NTAG with its password, its counter, its configuration and lock pages, and its own commands. It says how many pages there are.
   *
   * @default none: a tag without them, of `pages` pages
   */
  readonly product?: NtagProduct;
  /**
   * Pages of 4 bytes, 16 to 256: 16 is a MIFARE Ultralight, 45, 135 and 231 are an NTAG 213, 215 and 216.
   * The capability container of these, and of other tags whose last pages are not user memory, has the maker's size.
   *
   * @default 16, or what the product has
   */
  readonly pages?: number;
  /**
   * An NDEF message, without its TLV: it goes to page 4, and the capability container says that it is there.
   *
   * @default none: a tag formatted for NDEF that holds no message
   */
  readonly ndef?: Uint8Array;
  /** A saved {@link Type2Tag.memory}, to restore a tag; `uid`, `pages` and `ndef` are ignored then. */
  readonly memory?: Uint8Array;
  /** Saved {@link Type2Tag.counters} of an NTAG. @default none was counted */
  readonly counters?: NtagCounters;
}

const tagOptions = optionsOf<Type2TagOptions>({
  uid: optional(byteString),
  product: optional(word<NtagProduct>({ ntag213: 0, ntag215: 0, ntag216: 0 }, "product")),
  pages: optional(wholeNumber(0, 0xffff)),
  ndef: optional(byteString),
  memory: optional(byteString),
  counters: optional(
    optionsOf<NtagCounters>({
      reads: optional(wholeNumber(0, 0xff_ffff)),
      wrongPasswords: optional(wholeNumber(0, 0xff)),
    }),
  ),
});

const exampleUid = Uint8Array.of(0x04, 0xa2, 0x3b, 0x7a, 0x11, 0x22, 0x80);

/** The name that readers give any Type 2 tag: MIFARE Ultralight. PC/SC part 3, supplement, names of cards */
const MIFARE_ULTRALIGHT = 0x0003;

/**
 * An NFC Forum Type 2 tag (a MIFARE Ultralight, an NTAG) in the field of a contactless reader: the card, and the reader's
 * commands for it. Such a tag has no APDUs; the reader implements those of class FF:
 *
 * ```
 *   FF CA 00 00 Le               the UID
 *   FF B0 00 <page> Le           memory from that page on; Le 00 stands for all, 256 bytes at most
 *   FF D6 00 <page> Lc <data>    writes whole pages
 *   FF 00 00 00 Lc D4 42 <frame> one of the tag's own commands: 1B PWD_AUTH, 30 READ, 39 READ_CNT, 3A FAST_READ,
 *                                60 GET_VERSION, A0 COMPATIBILITY_WRITE, A2 WRITE
 * ```
 *
 * The UID cannot be written. Lock bits and the capability container only ever gain bits, and locked pages cannot be
 * written (6982), as on the tag itself. A tag with a `product` has dynamic lock bits, too, a password for pages from AUTH0 on, a limit
 * of wrong passwords, a counter, and mirrors its UID and counter into its memory; the signature that READ_SIG reads is zeros, as only
 * the maker can sign. Of a tag without a `product`, pages after 15 have no lock bits.
 *
 * Put it into a reader that speaks T=1 alone, as contactless readers do: `new VirtualReader({ protocols: ["t1"], … })`.
 * Over T=0 an answer that is shorter than Le comes as 6Cxx first.
 *
 * @see PC/SC part 3, 3.2.2; NFC Forum, Type 2 Tag; NXP NTAG213/215/216 data sheet
 */
export class Type2Tag implements SoftwareCard {
  readonly #memory: Type2Memory;
  readonly #card: StorageCard;

  /** @throws invalid-value (a UID of other than 7 bytes, pages out of range, an NDEF message that does not fit) */
  constructor(options: Type2TagOptions = {}) {
    const checked = tagOptions(options, { operation: "Type2Tag", path: "options" });
    const layout = checked.product === undefined ? undefined : ntagLayouts[checked.product];
    this.#memory = new Type2Memory(checked.memory ?? memoryOf(checked), layout, checked.counters);
    this.#card = new StorageCard(new Type2InField(this.#memory), storageCardAtr(MIFARE_ULTRALIGHT));
  }

  /** The identifier, 7 bytes. */
  get uid(): Uint8Array {
    return this.#memory.uid;
  }

  /** All pages, one after the other, with the password of an NTAG: a copy. */
  get memory(): Uint8Array {
    return this.#memory.bytes;
  }

  /** What an NTAG has counted; nothing on other tags. */
  get counters(): NtagCounters {
    return this.#memory.ntag?.counters ?? {};
  }

  reset(): Uint8Array {
    return this.#card.reset();
  }

  powerOff(): void {
    this.#card.powerOff();
  }

  process(command: Uint8Array): Uint8Array {
    return this.#card.process(command);
  }
}

/** The tag as the reader works with it. */
class Type2InField implements FieldCard {
  readonly #memory: Type2Memory;
  readonly #frames: Type2Frames;

  constructor(memory: Type2Memory) {
    this.#memory = memory;
    this.#frames = new Type2Frames(memory, memory.ntag);
  }

  get uid(): Uint8Array {
    return this.#memory.uid;
  }

  enterField(): void {
    this.#memory.ntag?.enterField();
    this.#frames.enterField();
  }

  read(page: number, length: number): Answer {
    if (page >= this.#memory.pages) return status(sw.fileNotFound);
    const end = this.#memory.ntag?.readableEnd ?? this.#memory.pages;
    if (page >= end) return status(sw.securityNotSatisfied);
    this.#memory.ntag?.countReading();
    return { data: this.#memory.read(page, Math.min(length, (end - page) * PAGE_BYTES)), status: sw.success };
  }

  update(page: number, data: Uint8Array): Answer {
    const count = data.length / PAGE_BYTES;
    if (!Number.isInteger(count)) return status(sw.wrongLength);
    if (page + count > this.#memory.pages) return status(sw.fileNotFound);
    return status(this.#memory.write(page, data) ? sw.success : sw.securityNotSatisfied);
  }

  exchange(frame: Uint8Array): Uint8Array {
    return this.#frames.exchange(frame);
  }
}

function memoryOf({ uid = exampleUid, pages, product, ndef }: Type2TagOptions): Uint8Array {
  const size = pages ?? (product === undefined ? 16 : ntagLayouts[product].pages);
  const memory = initialMemory(uid, size, ndef ?? new Uint8Array(0));
  if (memory === undefined) {
    throw new SmartCardError("invalid-value", `${ndef?.length} bytes of NDEF do not fit into ${size} pages`);
  }
  if (product !== undefined && memory.length >= factoryPages.length) {
    memory.set(factoryPages, memory.length - factoryPages.length);
  }
  return copyBytes(memory);
}
