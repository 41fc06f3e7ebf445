// SPDX-License-Identifier: MIT

import { concatBytes, hexBytes } from "../../../src/base/binary/index.ts";
import { type SoftwareCard, VirtualReader } from "../../../src/entry/cards.ts";
import type { Clock } from "../../../src/port/index.ts";
import type { Dice } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must } from "../target.ts";
import { addReader, Stage } from "./stage.ts";

/** ATRs that are usable, and some that are not: T=0; T=1; both; T=0 in specific mode; cut off; no protocol that we speak. */
const atrs = ["3B00", "3B800181", "3B8180018080", "3B901000", "3B", "3BFF11", "3B800E8E", "3F0F8059"].map(hexBytes) as [
  Uint8Array,
  ...Uint8Array[],
];

/** A card whose every answer is drawn from a tape. */
class HostileCard implements SoftwareCard {
  readonly #tape: Tape;
  readonly #clock: Clock;

  constructor(tape: Tape, clock: Clock) {
    this.#tape = tape;
    this.#clock = clock;
  }

  reset(): Uint8Array {
    const tape = this.#tape;
    switch (tape.below(8)) {
      case 0:
        return tape.bytes(tape.below(40));
      case 1:
        throw new Error("a card that throws at its reset");
      case 2:
        return nonsense(tape) as Uint8Array;
      default:
        return tape.pick(...atrs);
    }
  }

  powerOff(): void {
    if (this.#tape.below(8) === 7) throw new Error("a card that throws when its power goes");
  }

  process(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const tape = this.#tape;
    switch (tape.below(12)) {
      case 0:
        throw new Error("a card that throws");
      case 1:
        return Promise.reject(tape.pick<unknown>(new Error("a card that rejects"), undefined, "text", 7));
      case 2:
        return new Promise(() => {});
      case 3:
        return this.#late(answerOf(tape));
      case 4:
        return tape.bytes(tape.below(5));
      case 5:
        return new Uint8Array(tape.pick(65_536, 65_538, 65_539, 70_000)).fill(0x90);
      case 6:
        return nonsense(tape) as Uint8Array;
      case 7:
        // It keeps what it was given and goes on with it: its answer is the command itself, and changes later.
        this.#clock.schedule(tape.below(2000), "card", () => command.fill(0xee));
        return command;
      default:
        return answerOf(tape);
    }
  }

  pps(request: Uint8Array): Uint8Array {
    switch (this.#tape.below(6)) {
      case 0:
        return new Uint8Array(0);
      case 1:
        return this.#tape.bytes(4);
      case 2:
        throw new Error("a card that throws at a PPS");
      case 3:
        return nonsense(this.#tape) as Uint8Array;
      default:
        return request;
    }
  }

  #late(answer: Uint8Array): Promise<Uint8Array> {
    const delayMs = this.#tape.pick(0, 10, 1000, 4000, 10_000);
    return new Promise((resolve) => {
      this.#clock.schedule(delayMs, "card", () => resolve(answer));
    });
  }
}

/** What no card may answer: those that are written in JavaScript can. */
export function nonsense(tape: Tape): unknown {
  return tape.pick<unknown>(
    undefined,
    null,
    7,
    "9000",
    {},
    [0x90, 0x00],
    new ArrayBuffer(2),
    { length: 4 },
    Number.NaN,
  );
}

/** A response with a status word of any kind. */
export function answerOf(tape: Tape): Uint8Array {
  const length = tape.pick(0, 0, 1, 2, 16, 255, 256, 300);
  const sw1 = tape.pick(0x90, 0x61, 0x6c, 0x62, 0x63, 0x67, 0x6a, tape.byte());
  return concatBytes(new Uint8Array(length), Uint8Array.of(sw1, tape.byte()));
}

export const hostileCard: FuzzTarget = {
  name: "hostile-card",
  about: "A card that answers anything, late or never, beside two programs that use it: the manager bears it",
  covers: [],
  measures: [
    "managers/embedded/",
    "readers/virtual/virtual-reader",
    "cards/software-card/t0-adapter",
    "readers/virtual/card-operation",
    "readers/virtual/pps-negotiation",
  ],
  maxBytes: 600,
  generate: makeProgramme,
  async run(input) {
    const tape = new Tape(input);
    const stage = new Stage(tape);
    const { clock } = stage.runtime;
    const reader = new VirtualReader({ clock, protocols: tape.pick(["t0", "t1"], ["t0"], ["t1"]) });
    const name = await addReader(stage, reader);
    must(name !== undefined, "a virtual reader can be put into service");
    reader.insert(new HostileCard(tape, clock));
    await stage.play(name, () => {
      if (tape.below(3) === 0) reader.remove();
      else reader.insert(new HostileCard(tape, clock));
    });
    await stage.end();
    stage.checkTimers();
  },
};

/** Bytes whose every other byte is small, so that drawn calls are of all kinds. */
export function makeProgramme(dice: Dice): Uint8Array {
  const bytes = dice.bytes(20 + dice.below(300));
  for (let at = 0; at < bytes.length; at++) if (dice.chance(50)) bytes[at] = dice.below(16);
  return bytes;
}
