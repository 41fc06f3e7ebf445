// SPDX-License-Identifier: MIT

import type { Clock } from "../../port/index.ts";

/** The commands of the card: class 80, and these instructions. */
const instructions = {
  echo: 0x10,
  long: 0x20,
  slow: 0x30,
  recall: 0x40,
  mark: 0x50,
  waiting: 0x60,
  exact: 0x70,
  getResponse: 0xc0,
} as const;

const success = [0x90, 0x00] as const;

/** T=0 and T=1, historical bytes `conf`. ISO/IEC 7816-3:2006, 8.2; the last byte is TCK. */
const atr: readonly number[] = withCheck([0x3b, 0x84, 0x80, 0x01, 0x63, 0x6f, 0x6e, 0x66]);

/**
 * The card of the suite: a software card whose every answer is known, for any reader that takes one. It is a
 * `SoftwareCard` of `scard/cards`.
 *
 * | command | answer |
 * | --- | --- |
 * | `80 10 00 00 Lc data` | the data |
 * | `80 20 P1 P2` | P1 P2 bytes |
 * | `80 30 P1 P2` | nothing, after P1 P2 milliseconds |
 * | `80 50 P1 00` | nothing; the card remembers P1 until it is reset |
 * | `80 40 00 00` | P1, or 00 after a reset |
 * | `80 60 P1 00` | 61 P1: GET RESPONSE, `80 C0 00 00 Le`, brings Le bytes |
 * | `80 70 P1 00 Le` | 6C P1, unless Le is P1: then P1 bytes |
 */
export class ConformanceCard {
  /** Whether it leaves resets unanswered from now on, like a card that is put in upside down. */
  isSilent = false;
  readonly #clock: Clock;
  #mark = 0;
  #hasPower = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The ATR that every reset is answered with. */
  static get atr(): Uint8Array {
    return Uint8Array.from(atr);
  }

  reset(_kind: "cold" | "warm"): Uint8Array {
    this.#mark = 0;
    this.#hasPower = true;
    return this.isSilent ? new Uint8Array() : ConformanceCard.atr;
  }

  powerOff(): void {
    this.#mark = 0;
    this.#hasPower = false;
  }

  process(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const [cla, ins, p1 = 0, p2 = 0] = command;
    const number = (p1 << 8) | p2;
    // A real card would not answer at all; some drivers for software cards do not notice.
    if (!this.#hasPower) return Uint8Array.of(0x6f, 0x00);
    if (cla !== 0x80) return Uint8Array.of(0x6e, 0x00);
    switch (ins) {
      case instructions.echo:
        return Uint8Array.of(...dataOf(command), ...success);
      case instructions.long: {
        const answer = new Uint8Array(number + 2);
        answer.set(success, number);
        return answer;
      }
      case instructions.slow:
        return new Promise((resolve) => {
          this.#clock.schedule(number, "slow command of the conformance card", () => resolve(Uint8Array.from(success)));
        });
      case instructions.mark:
        this.#mark = p1;
        return Uint8Array.from(success);
      case instructions.waiting:
        return Uint8Array.of(0x61, p1);
      case instructions.getResponse:
        return Uint8Array.of(...new Uint8Array(command[4] ?? 0), ...success);
      case instructions.exact:
        return command[4] === p1 ? Uint8Array.of(...new Uint8Array(p1), ...success) : Uint8Array.of(0x6c, p1);
      case instructions.recall:
        return Uint8Array.of(this.#mark, ...success);
      default:
        return Uint8Array.of(0x6d, 0x00);
    }
  }
}

/** Commands for the card. */
export const cardCommands = {
  /** @param data up to 65,535 bytes; short length fields up to 255 */
  echo: (data: Uint8Array): Uint8Array => {
    const { length } = data;
    const lc = length < 256 ? [length] : [0, length >> 8, length & 0xff];
    const command = new Uint8Array(4 + lc.length + length);
    command.set([0x80, instructions.echo, 0, 0, ...lc]);
    command.set(data, 4 + lc.length);
    return command;
  },
  long: (bytes: number): Uint8Array => Uint8Array.of(0x80, instructions.long, bytes >> 8, bytes & 0xff),
  slow: (ms: number): Uint8Array => Uint8Array.of(0x80, instructions.slow, ms >> 8, ms & 0xff),
  mark: (value: number): Uint8Array => Uint8Array.of(0x80, instructions.mark, value, 0),
  waiting: (bytes: number): Uint8Array => Uint8Array.of(0x80, instructions.waiting, bytes, 0),
  exact: (bytes: number): Uint8Array => Uint8Array.of(0x80, instructions.exact, bytes, 0, 0),
  recall: (): Uint8Array => Uint8Array.of(0x80, instructions.recall, 0, 0),
} as const;

function dataOf(command: Uint8Array): Uint8Array {
  if (command.length <= 5) return new Uint8Array();
  return command[4] === 0 ? command.subarray(7) : command.subarray(5);
}

/** Appends TCK, which makes the exclusive-or of T0 to TCK zero. ISO/IEC 7816-3:2006, 8.2.5. */
function withCheck(bytes: readonly number[]): readonly number[] {
  return [...bytes, bytes.slice(1).reduce((check, byte) => check ^ byte, 0)];
}
