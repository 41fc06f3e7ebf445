// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import type { SoftwareCard } from "../../../src/cards/software-card/index.ts";

export interface RigCardOptions {
  /** @default an ATR that offers T=1 alone, IFSC 254, LRC, factors 18 */
  readonly atr?: Uint8Array;
  /** The PIN that VERIFY compares, as its data field is to be. @default none: every PIN is right */
  readonly pin?: Uint8Array;
  /** What a PPS request gets; an empty answer is silence. @default the request itself */
  readonly pps?: (request: Uint8Array) => Uint8Array;
}

/** T=1, TA1 18, IFSC 254, LRC. */
const t1Atr = [0x3b, 0xd5, 0x18, 0xff, 0x81, 0x91, 0xfe, 0x1f, 0xc3, 0x80, 0x73, 0xc8, 0x21, 0x13, 0x09];

const SELECT = 0xa4;
const READ = 0xb0;
const UPDATE = 0xd6;
const VERIFY = 0x20;
const CHANGE = 0x24;
const ECHO = 0xec;
const wrongInstruction = [0x6d, 0x00];
const wrongLength = [0x67, 0x00];
const ok = [0x90, 0x00];

/** The byte that READ BINARY answers at an offset: so a lost or doubled part shows. */
export function contentByte(offset: number): number {
  return (offset * 7 + (offset >> 8)) & 0xff;
}

/**
 * A card for readers' models: READ BINARY answers as many bytes as Le asks for, short or extended; EC answers its data field;
 * VERIFY and CHANGE REFERENCE DATA remember the data field that came.
 */
export class RigCard implements SoftwareCard {
  readonly #options: RigCardOptions;
  /** The data field of the last VERIFY or CHANGE REFERENCE DATA. */
  lastPin: Uint8Array | undefined;
  commands = 0;
  resets = 0;

  constructor(options: RigCardOptions = {}) {
    this.#options = options;
  }

  reset(): Uint8Array {
    this.resets++;
    return Uint8Array.from(this.#options.atr ?? t1Atr);
  }

  powerOff(): void {}

  pps(request: Uint8Array): Uint8Array {
    return this.#options.pps?.(request) ?? request.slice();
  }

  process(command: Uint8Array): Uint8Array {
    this.commands++;
    if (command.length < 4) return Uint8Array.from(wrongLength);
    const { data, le } = parts(command);
    const [, instruction] = command;
    switch (instruction) {
      case SELECT:
      case UPDATE:
        return Uint8Array.from(ok);
      case READ: {
        if (le === undefined) return Uint8Array.from(wrongLength);
        const start = ((command[2] ?? 0) << 8) | (command[3] ?? 0);
        const answer = new Uint8Array(le + ok.length);
        for (let index = 0; index < le; index++) answer[index] = contentByte(start + index);
        answer.set(ok, le);
        return answer;
      }
      case ECHO:
        return concatBytes(data, Uint8Array.from(ok));
      case VERIFY:
      case CHANGE: {
        this.lastPin = data.slice();
        const { pin } = this.#options;
        const right = pin === undefined || (pin.length === data.length && pin.every((byte, at) => byte === data[at]));
        return right ? Uint8Array.from(ok) : Uint8Array.of(0x63, 0xc2);
      }
      default:
        return Uint8Array.from(wrongInstruction);
    }
  }
}

/** Data field and Le of a command, short or extended: ISO/IEC 7816-4, 5.1. */
function parts(command: Uint8Array): { readonly data: Uint8Array; readonly le: number | undefined } {
  const none = new Uint8Array(0);
  const byte = (at: number): number => command[at] ?? 0;
  if (command.length === 4) return { data: none, le: undefined };
  if (command.length === 5) return { data: none, le: byte(4) || 256 };
  const word = (at: number): number => (byte(at) << 8) | byte(at + 1);
  if (byte(4) === 0) {
    if (command.length === 7) return { data: none, le: word(5) || 65_536 };
    const end = 7 + word(5);
    const le = command.length === end + 2 ? word(end) || 65_536 : undefined;
    return { data: command.subarray(7, end), le };
  }
  const end = 5 + byte(4);
  return { data: command.subarray(5, end), le: command.length === end + 1 ? byte(end) || 256 : undefined };
}
