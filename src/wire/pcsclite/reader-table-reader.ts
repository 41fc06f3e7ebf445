// SPDX-License-Identifier: MIT

import type { InputBuffer } from "../stream/index.ts";
import { ATR_NOT_READ, readerStateStruct, waitStruct } from "./messages.ts";

/** One reader as the table of the service shows it. Numbers are those of pcsclite.h. */
export interface ReaderState {
  readonly name: string;
  /** Insertions and removals, 0 to 65,535. */
  readonly eventCounter: number;
  /** Bits of `cardStates`. */
  readonly state: number;
  /** -1: one connection excludes all others. Otherwise how many connections there are. */
  readonly sharing: number;
  /** Empty without a card, for a card that does not answer, and where the service has not looked yet. */
  readonly atr: Uint8Array;
  /** A bit of `protocols`, or 0. */
  readonly protocol: number;
}

/** What {@link ReaderTableReader.read} has come to. */
export type TableProgress =
  | { readonly kind: "more" }
  | { readonly kind: "done"; readonly readers: readonly ReaderState[] }
  | { readonly kind: "broken"; readonly message: string };

const entrySize = readerStateStruct.size;
const signalSize = waitStruct.size;
const { cardAtr, cardAtrLength, eventCounter } = readerStateStruct.offsetOf;

/**
 * Takes a reader table out of what arrives from a server, and with it the signal of a wait, which pcscd from 2.5.0 on may
 * send before any of the entries: it comes from another thread, and each entry is sent by itself.
 *
 * Nothing on the wire says which of the two comes next, but an entry of a reader begins with its name, an entry that is
 * not in use has 128 zeros and the mark {@link ATR_NOT_READ}, and a signal is four zeros and a number. What begins with
 * eight zeros is looked at as long as an entry is, which is sure to arrive in either case:
 *
 * ```text
 *  a signal, then a reader            00 00 00 00 00 00 00 00 | 'R' 'e' 'a' 'd' 'e' 'r' …
 *  an entry not in use                00 × 176 | 22 00 00 00 | 00 00 00 00
 *  a signal, then such an entry       00 × 8 | 00 × 176 | 22 00 00 00 | 00 00 00 00
 * ```
 *
 * Up to 4:5, pcscd 2.5 fills the table up to 16 with two or more entries that are zeros altogether. The first of them is
 * told from the last row by what follows; after that, where a signal stands among zeros makes no difference to what is
 * read. A service that marks no unused entry would be misread where only its last one is unused; none is known.
 */
export class ReaderTableReader {
  readonly #entries: number;
  /** Called with the signal's rv when it is found; absent where there can be none. */
  readonly #signalled: ((rv: number) => void) | undefined;
  readonly #readers: ReaderState[] = [];
  #read = 0;
  #lookForSignal: boolean;
  #filling = false;

  constructor(entries: number, signalled?: (rv: number) => void) {
    this.#entries = entries;
    this.#signalled = signalled;
    this.#lookForSignal = signalled !== undefined;
  }

  /** Takes from the input what can be taken. */
  read(input: InputBuffer): TableProgress {
    while (this.#read < this.#entries) {
      const next = this.#lookForSignal ? this.#lookAhead(input) : "entry";
      if (next === "more" || (next === "entry" && input.length < entrySize)) return { kind: "more" };
      if (next === "signal") {
        const { rv } = input.read(waitStruct);
        input.drop(signalSize);
        this.#lookForSignal = false;
        this.#signalled?.(rv);
        continue;
      }
      const problem = this.#take(input);
      if (problem !== undefined) return { kind: "broken", message: problem };
    }
    return { kind: "done", readers: this.#readers };
  }

  /** Tells what comes next where both may come. */
  #lookAhead(input: InputBuffer): "entry" | "signal" | "more" {
    const zeros = Math.min(input.length, signalSize / 2);
    if (!input.isZero(0, zeros)) return "entry";
    if (input.length < signalSize) return "more";
    if (!input.isZero(0, signalSize)) return "signal";
    if (!input.isZero(0, Math.min(input.length, eventCounter))) return "signal";
    if (input.length < entrySize) return "more";
    if (isMark(input, cardAtrLength)) return "entry";
    const last = this.#read === this.#entries - 1;
    if (last || this.#filling) return this.#filling ? "entry" : "signal";
    if (input.length < entrySize + signalSize) return "more";
    if (isMark(input, entrySize)) return "signal";
    this.#filling = true;
    return "entry";
  }

  /** Takes one entry; says what is wrong with it. */
  #take(input: InputBuffer): string | undefined {
    const entry = input.read(readerStateStruct);
    const atr = input.copy(cardAtr, Math.min(entry.cardAtrLength, entry.cardAtr.length));
    input.drop(entrySize);
    this.#read++;
    if (entry.readerName === "") return undefined;
    if (entry.cardAtrLength > ATR_NOT_READ) return `the ATR of a reader is said to have ${entry.cardAtrLength} bytes`;
    this.#readers.push({
      name: entry.readerName,
      eventCounter: entry.eventCounter,
      state: entry.readerState,
      sharing: entry.readerSharing,
      atr: entry.cardAtrLength === ATR_NOT_READ ? new Uint8Array(0) : atr,
      protocol: entry.cardProtocol,
    });
    return undefined;
  }
}

/** Whether the last eight bytes of an unused entry stand there. */
function isMark(input: InputBuffer, offset: number): boolean {
  const { timeout: length, rv: protocol } = input.read(waitStruct, offset);
  return length === ATR_NOT_READ && protocol === 0;
}
