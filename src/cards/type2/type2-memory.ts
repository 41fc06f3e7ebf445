// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { NtagConfiguration, type NtagCounters } from "./ntag-configuration.ts";
import { type NtagLayout, PAGE_BYTES } from "./ntag-layout.ts";

const UID_BYTES = 7;
const MIN_PAGES = 16;
const MAX_PAGES = 256;
const FIRST_USER_PAGE = 4;
const LAST_STATICALLY_LOCKED_PAGE = 15;
/** Sizes are in units of eight bytes in the capability container. */
const SIZE_UNIT = 8;
/**
 * Bytes of user memory by pages in all, for tags that keep lock bytes, a configuration and passwords in their last pages:
 * NTAG 210 and Ultralight EV1 (20), NTAG 212 and Ultralight EV1 (41), NTAG 203 (42), NTAG 213 (45), Ultralight C (48), NTAG
 * 215 (135), NTAG 216 (231). They are what the maker writes into the capability container: the NTAGs' sheet has 496 bytes for
 * 504 and 872 for 888. NXP NTAG213/215/216 data sheet, 8.5.6; NTAG210/212, NTAG203, MF0ULX1 and MF0ICU2 likewise.
 */
const dataAreaBytes: Readonly<Record<number, number>> = {
  20: 48,
  41: 128,
  42: 144,
  45: 144,
  48: 144,
  135: 496,
  231: 872,
};
const CASCADE_TAG = 0x88;
const INTERNAL_BYTE = 0x48;
const NDEF_MAGIC = 0xe1;
const NDEF_VERSION = 0x10;
const NDEF_TLV = 0x03;
const TERMINATOR_TLV = 0xfe;

/**
 * The memory of a tag as it leaves the factory, formatted for NDEF; undefined where the message does not fit.
 *
 * ```
 *   page 0   UID0 UID1 UID2 BCC0
 *        1   UID3 UID4 UID5 UID6
 *        2   BCC1 int. lock lock       two bytes of lock bits, for pages 3 to 15
 *        3   E1   10   size 00         capability container; bits can be set, never cleared
 *        4…  03 <length> <message> FE
 * ```
 *
 * @throws invalid-value
 * @see NFC Forum, Type 2 Tag, memory structure; ISO/IEC 14443-3, 6.5.4 (BCC)
 */
export function initialMemory(uid: Uint8Array, pages: number, ndef: Uint8Array): Uint8Array | undefined {
  if (uid.length !== UID_BYTES) throw new SmartCardError("invalid-value", `a UID has 7 bytes, not ${uid.length}`);
  if (!Number.isInteger(pages) || pages < MIN_PAGES || pages > MAX_PAGES) {
    throw new SmartCardError("invalid-value", `a tag has ${MIN_PAGES} to ${MAX_PAGES} pages, not ${pages}`);
  }
  const memory = new Uint8Array(pages * PAGE_BYTES);
  const xor = (...bytes: readonly number[]): number => bytes.reduce((sum, byte) => sum ^ byte, 0);
  const [head, tail] = [uid.subarray(0, 3), uid.subarray(3)];
  const userBytes = dataAreaBytes[pages] ?? memory.length - FIRST_USER_PAGE * PAGE_BYTES;
  memory.set(head, 0);
  memory[3] = xor(CASCADE_TAG, ...head);
  memory.set(tail, PAGE_BYTES);
  memory.set([xor(...tail), INTERNAL_BYTE], 2 * PAGE_BYTES);
  memory.set([NDEF_MAGIC, NDEF_VERSION, Math.floor(userBytes / SIZE_UNIT), 0], 3 * PAGE_BYTES);
  // A length of FF announces three bytes of length.
  const length = ndef.length < 0xff ? [ndef.length] : [0xff, ndef.length >> 8, ndef.length & 0xff];
  const content = concatBytes(Uint8Array.of(NDEF_TLV, ...length), ndef, Uint8Array.of(TERMINATOR_TLV));
  if (content.length > userBytes) return undefined;
  memory.set(content, FIRST_USER_PAGE * PAGE_BYTES);
  return memory;
}

/** The pages of a Type 2 tag, and the rules for reading and writing. */
export class Type2Memory {
  readonly #bytes: Uint8Array;
  /** The configuration of an NTAG; other tags have none. */
  readonly ntag: NtagConfiguration | undefined;

  /** @throws invalid-value for what is not 16 to 256 pages, or not as many as the tag of the layout has */
  constructor(bytes: Uint8Array, layout?: NtagLayout, counters: NtagCounters = {}) {
    const pages = bytes.length / PAGE_BYTES;
    if (!Number.isInteger(pages) || pages < MIN_PAGES || pages > MAX_PAGES) {
      const sizes = `${MIN_PAGES * PAGE_BYTES} to ${MAX_PAGES * PAGE_BYTES}`;
      throw new SmartCardError("invalid-value", `a tag's memory has ${sizes} bytes in pages of 4, not ${bytes.length}`);
    }
    if (layout !== undefined && pages !== layout.pages) {
      throw new SmartCardError("invalid-value", `this tag's memory has ${layout.pages} pages of 4 bytes, not ${pages}`);
    }
    this.#bytes = copyBytes(bytes);
    if (layout !== undefined) this.ntag = new NtagConfiguration(layout, this.#bytes, this.uid, counters);
  }

  get pages(): number {
    return this.#bytes.length / PAGE_BYTES;
  }

  /** All of it, passwords too: a copy. */
  get bytes(): Uint8Array {
    return copyBytes(this.#bytes);
  }

  get uid(): Uint8Array {
    return concatBytes(this.#bytes.subarray(0, 3), this.#bytes.subarray(PAGE_BYTES, 2 * PAGE_BYTES));
  }

  /** At most `length` bytes from a page on, as they are read: fewer where the memory ends. */
  read(page: number, length: number): Uint8Array {
    const memory = this.ntag === undefined ? this.#bytes : this.ntag.asRead(copyBytes(this.#bytes));
    return memory.slice(page * PAGE_BYTES, page * PAGE_BYTES + length);
  }

  /** Writes whole pages that lie within the memory; false, and nothing is changed, where one of them cannot be written. */
  write(firstPage: number, data: Uint8Array): boolean {
    const count = data.length / PAGE_BYTES;
    for (let index = 0; index < count; index++) if (!this.mayWrite(firstPage + index)) return false;
    for (let index = 0; index < count; index++) {
      this.#writePage(firstPage + index, data.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
    }
    return true;
  }

  /** Whether a page may be written now. */
  mayWrite(page: number): boolean {
    if (page < 2 || page >= this.pages || this.ntag?.mayWrite(page) === false) return false;
    const [low, high] = this.#locks();
    if (page === 2) return true;
    return page > LAST_STATICALLY_LOCKED_PAGE
      ? !this.#isLockedDynamically(page)
      : (((high << 8) | low) & (1 << page)) === 0;
  }

  #isLockedDynamically(page: number): boolean {
    const layout = this.ntag?.layout;
    if (layout === undefined || page >= layout.lockPage) return false;
    const bit = Math.floor((page - LAST_STATICALLY_LOCKED_PAGE - 1) / layout.pagesPerLockBit);
    return (this.#dynamicLocks(layout) & (1 << bit)) !== 0;
  }

  #writePage(page: number, data: Uint8Array): void {
    const start = page * PAGE_BYTES;
    const isDynamicLock = page === this.ntag?.layout.lockPage;
    if (page > 3 && !isDynamicLock) {
      this.#bytes.set(data, start);
      return;
    }
    // In lock bytes and in the capability container a bit that is set stays set.
    for (const [index, mask] of this.#settable(page, isDynamicLock).entries()) {
      this.#bytes[start + index] = (this.#bytes[start + index] ?? 0) | ((data[index] ?? 0) & mask);
    }
  }

  /** The bits of a page that can be set. */
  #settable(page: number, isDynamicLock: boolean): Uint8Array {
    if (isDynamicLock) return this.#settableDynamicLocks();
    return page === 2 ? Uint8Array.of(0, 0, ...this.#settableLocks()) : Uint8Array.of(0xff, 0xff, 0xff, 0xff);
  }

  /**
   * Lock byte 0 has bits 7 to 3 for pages 7 to 3, lock byte 1 bits 7 to 0 for pages 15 to 8. The three lowest bits of
   * lock byte 0 make lock bits themselves final: bit 2 those of pages 15 to 10, bit 1 of 9 to 4, bit 0 of page 3.
   */
  #settableLocks(): readonly [number, number] {
    const [low] = this.#locks();
    let settable = 0xffff;
    if ((low & 0b100) !== 0) settable &= ~0xfc00;
    if ((low & 0b010) !== 0) settable &= ~0x03f0;
    if ((low & 0b001) !== 0) settable &= ~0x0008;
    return [settable & 0xff, settable >> 8];
  }

  #locks(): readonly [number, number] {
    const [low = 0, high = 0] = this.#bytes.subarray(2 * PAGE_BYTES + 2, 3 * PAGE_BYTES);
    return [low, high];
  }

  /** Bit n of the third byte makes the lock bits 2n and 2n + 1 final; the fourth byte stays. NTAG data sheet, 8.5.3 */
  #settableDynamicLocks(): Uint8Array {
    const start = (this.ntag?.layout.lockPage ?? 0) * PAGE_BYTES;
    const final = this.#bytes[start + 2] ?? 0;
    let settable = 0xffff;
    for (let bit = 0; bit < 8; bit++) if ((final & (1 << bit)) !== 0) settable &= ~(0b11 << (2 * bit));
    return Uint8Array.of(settable & 0xff, settable >> 8, 0xff, 0);
  }

  #dynamicLocks({ lockPage }: NtagLayout): number {
    const start = lockPage * PAGE_BYTES;
    return (this.#bytes[start] ?? 0) | ((this.#bytes[start + 1] ?? 0) << 8);
  }
}
