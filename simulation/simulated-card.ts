// SPDX-License-Identifier: MIT

import type { SoftwareCard } from "../src/entry/cards.ts";
import type { CardKind } from "./events.ts";

/** ISO/IEC 7816-3:2006, 8.2: T=0 only; T=1 only; both, T=0 first; a T0 that promises bytes which do not come. */
const atrs: Readonly<Record<Exclude<CardKind, "silent">, readonly number[]>> = {
  t0: [0x3b, 0x00],
  t1: [0x3b, 0x80, 0x01, 0x81],
  both: [0x3b, 0x81, 0x80, 0x01, 0x80, 0x80],
  garbage: [0x3b, 0xff, 0x11],
};

/** The PIN that clients verify, which must not be seen anywhere but in the card: letters that occur in no other text. */
export const markedPin: Uint8Array = new TextEncoder().encode("ZQXJKVWY");

/** A card whose answers to INS 10 tell which command they answer: P1 P2 of the command, and the number of the reset. */
export class SimulatedCard implements SoftwareCard {
  readonly kind: CardKind;
  powered = false;
  #resets = 0;

  constructor(kind: CardKind) {
    this.kind = kind;
  }

  reset(): Uint8Array {
    if (this.kind === "silent") throw new Error("this card answers no reset");
    this.powered = true;
    this.#resets++;
    return Uint8Array.from(atrs[this.kind]);
  }

  powerOff(): void {
    this.powered = false;
  }

  process(command: Uint8Array): Uint8Array {
    const [, ins, p1 = 0, p2 = 0] = command;
    if (ins !== 0x10) return Uint8Array.of(0x90, 0x00);
    return Uint8Array.of(p1, p2, this.#resets >> 8, this.#resets & 0xff, 0x90, 0x00);
  }
}
