// SPDX-License-Identifier: MIT

import { bigEndianBytes, copyBytes, encodeHex } from "../../base/binary/index.ts";
import { matchesSecret } from "../software-card/index.ts";
import { type NtagLayout, PAGE_BYTES } from "./ntag-layout.ts";

// ACCESS, the first byte of the second configuration page. NXP NTAG213/215/216 data sheet, table 11
const PROTECTS_READING = 0x80;
const CONFIGURATION_LOCKED = 0x40;
const COUNTER_ENABLED = 0x10;
const COUNTER_PROTECTED = 0x08;
const TRIES = 0x07;

// MIRROR, the first byte of the first configuration page.
const MIRRORS_UID = 0x40;
const MIRRORS_COUNTER = 0x80;

const MAX_COUNTER = 0xff_ffff;

/** How a PWD_AUTH ended: the PACK, or why there is none. */
export type PasswordResult = Uint8Array | "wrong" | "blocked";

/** What an NTAG keeps beside its pages, for one that is made again. */
export interface NtagCounters {
  /** Readings that the NFC counter has counted, 0 to 0xFFFFFF. @default 0 */
  readonly reads?: number;
  /** Wrong passwords since the last right one. @default 0 */
  readonly wrongPasswords?: number;
}

/**
 * The configuration, the password and the counter of an NTAG 21x: which pages may be read and written, and the text that is
 * mirrored into user memory.
 *
 * @see NXP NTAG213/215/216 data sheet, 8.5.7, 8.7 and 8.8
 */
export class NtagConfiguration {
  readonly layout: NtagLayout;
  /** The tag's pages themselves: what is written there counts at once. */
  readonly #pages: Uint8Array;
  readonly #uid: Uint8Array;
  #reads: number;
  #wrongPasswords: number;
  #isAuthenticated = false;
  #hasCounted = false;

  constructor(layout: NtagLayout, pages: Uint8Array, uid: Uint8Array, counters: NtagCounters) {
    this.layout = layout;
    this.#pages = pages;
    this.#uid = uid;
    this.#reads = counters.reads ?? 0;
    this.#wrongPasswords = counters.wrongPasswords ?? 0;
  }

  get counters(): Required<NtagCounters> {
    return { reads: this.#reads, wrongPasswords: this.#wrongPasswords };
  }

  enterField(): void {
    this.#isAuthenticated = false;
    this.#hasCounted = false;
  }

  mayRead(page: number): boolean {
    return !this.#isProtected(page) || (this.#access & PROTECTS_READING) === 0;
  }

  /** Lock bits apart. */
  mayWrite(page: number): boolean {
    if (this.#isProtected(page)) return false;
    const isConfiguration = page > this.layout.lockPage && page <= this.layout.lockPage + 2;
    return !isConfiguration || (this.#access & CONFIGURATION_LOCKED) === 0;
  }

  /** The first page that may not be read now, or one behind all pages. */
  get readableEnd(): number {
    for (let page = 0; page < this.layout.pages; page++) if (!this.mayRead(page)) return page;
    return this.layout.pages;
  }

  /** PWD_AUTH. A wrong password counts where the tag limits them, and a right one sets the count back. 8.8.2 */
  authenticate(password: Uint8Array): PasswordResult {
    const most = this.#access & TRIES;
    if (most > 0 && this.#wrongPasswords >= most) return "blocked";
    const start = (this.layout.lockPage + 3) * PAGE_BYTES;
    if (!matchesSecret(this.#pages.subarray(start, start + PAGE_BYTES), password)) {
      if (most > 0) this.#wrongPasswords++;
      this.#isAuthenticated = false;
      return "wrong";
    }
    this.#wrongPasswords = 0;
    this.#isAuthenticated = true;
    return copyBytes(this.#pages.subarray(start + PAGE_BYTES, start + PAGE_BYTES + 2));
  }

  /** READ_CNT: undefined where the counter is off, or the password is missing. 8.7 */
  readCounter(): Uint8Array | undefined {
    if ((this.#access & COUNTER_ENABLED) === 0) return undefined;
    if ((this.#access & COUNTER_PROTECTED) !== 0 && !this.#isAuthenticated) return undefined;
    return Uint8Array.of(this.#reads & 0xff, (this.#reads >> 8) & 0xff, this.#reads >> 16);
  }

  /** Memory was read: the first time in the field counts. */
  countReading(): void {
    if (this.#hasCounted || (this.#access & COUNTER_ENABLED) === 0) return;
    this.#hasCounted = true;
    this.#reads = Math.min(this.#reads + 1, MAX_COUNTER);
  }

  /** What is read in place of the memory: no password, no PACK, and the mirrored text. */
  asRead(memory: Uint8Array): Uint8Array {
    memory.fill(0, (this.layout.lockPage + 3) * PAGE_BYTES);
    const [mirror = 0, , mirrorPage = 0] = this.#configuration(1);
    const at = mirrorPage * PAGE_BYTES + ((mirror >> 4) & 0x03);
    const text = this.#mirroredText(mirror);
    const isInUserMemory = mirrorPage > 3 && at + text.length <= this.layout.lockPage * PAGE_BYTES;
    if (isInUserMemory) memory.set(new TextEncoder().encode(text), at);
    return memory;
  }

  #mirroredText(mirror: number): string {
    const parts: string[] = [];
    if ((mirror & MIRRORS_UID) !== 0) parts.push(encodeHex(this.#uid));
    const isOn = (this.#access & COUNTER_ENABLED) !== 0;
    if ((mirror & MIRRORS_COUNTER) !== 0 && isOn) {
      parts.push(encodeHex(Uint8Array.from(bigEndianBytes(this.#reads, 3, 3, "a counter"))));
    }
    return parts.join("x");
  }

  #isProtected(page: number): boolean {
    const [, , , firstProtected = 0xff] = this.#configuration(1);
    return page >= firstProtected && !this.#isAuthenticated;
  }

  get #access(): number {
    return this.#configuration(2)[0] ?? 0;
  }

  #configuration(number: 1 | 2): Uint8Array {
    const start = (this.layout.lockPage + number) * PAGE_BYTES;
    return this.#pages.subarray(start, start + PAGE_BYTES);
  }
}
