// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";

const R_BLOCK = 0x80;
const S_BLOCK = 0xc0;
const RESPONSE = 0x20;
const MORE = 0x20;
const S_RESYNCH = 0;
const S_IFS = 1;
const S_ABORT = 2;
const S_WTX = 3;
const EDC_ERROR = 1;
const OTHER_ERROR = 2;
/** Until the interface device says otherwise: ISO/IEC 7816-3, 11.4.2. */
const FIRST_IFSD = 32;
const MAX_INF_BYTES = 254;

export interface T1CardOptions {
  /** What the card does with a whole command. */
  process(command: Uint8Array): Promise<Uint8Array>;
  readonly edc: "lrc" | "crc";
  /** The most that the card takes in one block. */
  readonly ifsc: number;
  /** S(WTX request) before an answer: the multipliers, one request each. */
  waits?(command: Uint8Array): readonly number[];
}

/** The card's side of T=1, ISO/IEC 7816-3:2006, clause 11: one block in, one block out. Written apart from the driver's side. */
export class T1Card {
  readonly #options: T1CardOptions;
  /** N(S) of the card's next I-block, and the one that it expects. */
  #sends = 0;
  #expects = 0;
  #ifsd = FIRST_IFSD;
  #command: Uint8Array[] = [];
  /** What is left of the answer after the I-block that was sent last. */
  #rest: Uint8Array | undefined;
  #last: Uint8Array | undefined;
  #waits: number[] = [];
  #answer: Uint8Array | undefined;
  #sawBlock = false;

  constructor(options: T1CardOptions) {
    this.#options = options;
  }

  /** What the card sends after a block came: undefined where it keeps silent. */
  async receive(block: Uint8Array): Promise<Uint8Array> {
    const checkBytes = this.#options.edc === "lrc" ? 1 : 2;
    const length = block[2] ?? 0;
    if (block.length !== 3 + length + checkBytes || length > Math.max(MAX_INF_BYTES, this.#options.ifsc)) {
      return this.#refuse(OTHER_ERROR);
    }
    const check = edc(block.subarray(0, 3 + length), this.#options.edc);
    if (check.some((value, index) => block[3 + length + index] !== value)) return this.#refuse(EDC_ERROR);
    const pcb = block[1] ?? 0;
    const inf = block.slice(3, 3 + length);
    this.#sawBlock = true;
    if ((pcb & S_BLOCK) === S_BLOCK) return this.#supervisory(pcb, inf);
    if ((pcb & R_BLOCK) === R_BLOCK) return this.#ready(pcb);
    return this.#information(pcb, inf);
  }

  #information(pcb: number, inf: Uint8Array): Uint8Array | Promise<Uint8Array> {
    if (((pcb >> 6) & 1) !== this.#expects || inf.length > this.#options.ifsc) return this.#refuse(OTHER_ERROR);
    // An I-block says that the answer before it has arrived whole.
    if (this.#rest !== undefined && this.#rest.length > 0) return this.#refuse(OTHER_ERROR);
    this.#rest = undefined;
    this.#expects ^= 1;
    this.#command.push(inf);
    if (pcb & MORE) return this.#send(R_BLOCK | (this.#expects << 4));
    const command = concatBytes(...this.#command);
    this.#command = [];
    this.#waits = [...(this.#options.waits?.(command) ?? [])];
    return this.#process(command);
  }

  async #process(command: Uint8Array): Promise<Uint8Array> {
    this.#answer = await this.#options.process(command);
    return this.#answerOrWait();
  }

  #answerOrWait(): Uint8Array {
    const multiplier = this.#waits.shift();
    if (multiplier !== undefined) return this.#send(S_BLOCK | S_WTX, Uint8Array.of(multiplier));
    this.#rest = this.#answer ?? new Uint8Array(0);
    this.#answer = undefined;
    return this.#next();
  }

  #next(): Uint8Array {
    const rest = this.#rest ?? new Uint8Array(0);
    const part = rest.subarray(0, this.#ifsd);
    this.#rest = rest.subarray(part.length);
    const pcb = (this.#sends << 6) | (this.#rest.length > 0 ? MORE : 0);
    this.#sends ^= 1;
    return this.#send(pcb, part);
  }

  #ready(pcb: number): Uint8Array {
    const wanted = (pcb >> 4) & 1;
    // Rule 2.2: the R-block acknowledges a part of the chain, and asks for the next one.
    const isChaining = this.#rest !== undefined && this.#rest.length > 0;
    const lastIsInformation = this.#last !== undefined && ((this.#last[1] ?? 0) & R_BLOCK) === 0;
    if (lastIsInformation && isChaining && wanted === this.#sends) return this.#next();
    // Rule 7: the last block again.
    return this.#last ?? this.#send(R_BLOCK | (this.#expects << 4));
  }

  #supervisory(pcb: number, inf: Uint8Array): Uint8Array {
    const kind = pcb & 0x1f;
    if (pcb & RESPONSE) {
      const asked = this.#last?.[1] === (S_BLOCK | S_WTX) && kind === S_WTX && inf[0] === this.#last?.[3];
      return asked ? this.#answerOrWait() : this.#refuse(OTHER_ERROR);
    }
    if (kind === S_RESYNCH && inf.length === 0) {
      this.#sends = 0;
      this.#expects = 0;
      this.#forget();
      this.#ifsd = FIRST_IFSD;
    } else if (kind === S_IFS && inf.length === 1 && (inf[0] ?? 0) >= 1 && (inf[0] ?? 0) <= MAX_INF_BYTES) {
      this.#ifsd = inf[0] ?? FIRST_IFSD;
    } else if (kind === S_ABORT && inf.length === 0) {
      this.#forget();
    } else {
      return this.#refuse(OTHER_ERROR);
    }
    return this.#send(pcb | RESPONSE, inf);
  }

  #forget(): void {
    this.#command = [];
    this.#rest = undefined;
    this.#answer = undefined;
    this.#waits = [];
  }

  /** An R-block for a block that is not valid. It is not what is sent again: the block before it is (rule 7.1). */
  #refuse(reason: number): Uint8Array {
    const last = this.#last;
    const block = this.#send(R_BLOCK | (this.#expects << 4) | reason);
    if (this.#sawBlock) this.#last = last;
    return block;
  }

  #send(pcb: number, inf: Uint8Array = new Uint8Array(0)): Uint8Array {
    const body = Uint8Array.of(0, pcb, inf.length, ...inf);
    this.#last = concatBytes(body, edc(body, this.#options.edc));
    return this.#last;
  }
}

/** The epilogue of a block: ISO/IEC 7816-3, 11.3.4; the CRC is that of ISO/IEC 13239. */
export function edc(body: Uint8Array, kind: "lrc" | "crc"): Uint8Array {
  if (kind === "lrc") return Uint8Array.of(body.reduce((sum, byte) => sum ^ byte, 0));
  let remainder = 0xffff;
  for (const byte of body) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x8408 : remainder >>> 1;
  }
  return Uint8Array.of(remainder >>> 8, remainder & 0xff);
}
