// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex, hexBytes } from "../../../src/base/binary/index.ts";
import { decodeCommand } from "../../../src/base/iso7816/index.ts";
import {
  ApplicationCard,
  type ApplicationCommand,
  applicationCardLimits,
  type CardApplication,
  type SelectRequest,
} from "../../../src/cards/applications/index.ts";
import type { Answer } from "../../../src/cards/software-card/index.ts";
import type { Dice } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustEqual } from "../target.ts";

/** Identifiers of which one begins with another. */
const aids = ["A000000001", "A00000000102", "A00000000103", "F000000001"].map(hexBytes);
const atr = hexBytes("3B00");
const MAX_ANSWER_BYTES = 65_538;
/** Instructions by which an application of this test answers in a way of its own. */
const own = { long: 0x10, echo: 0x12, fault: 0x14, late: 0x16, noStatus: 0x18 } as const;

/** What the card has told an application: it must be consistent. */
class Observed implements CardApplication {
  readonly aid: Uint8Array;
  readonly multiSelectable: boolean;
  readonly channels = new Set<number>();
  /** What was told that is not so: what an application throws the card answers with 6F00. */
  readonly problems: string[] = [];
  #running = false;

  constructor(aid: Uint8Array, multiSelectable: boolean) {
    this.aid = aid;
    this.multiSelectable = multiSelectable;
  }

  #check(condition: boolean, what: string): void {
    if (!condition) this.problems.push(what);
  }

  select({ again, aid, channel, p2 }: SelectRequest): Answer {
    this.#check(
      aid.length <= 16 && aid.every((byte, at) => byte === this.aid[at]),
      "a name that is not the beginning of its own",
    );
    this.#check(again === this.channels.has(channel), "again says whether it is the current one already");
    this.#check(again || this.multiSelectable || this.channels.size === 0, "one channel at a time");
    // Some SELECTs are refused: everything stays as it was.
    if ((p2 & 0x0c) === 0x08) return { status: 0x6985 };
    this.channels.add(channel);
    return { status: 0x9000, data: Uint8Array.from([0x6f, 0x00]) };
  }

  deselect(channel: number): void {
    this.#check(this.channels.delete(channel), "only a current application is deselected");
  }

  reset(): void {
    this.channels.clear();
    this.#running = false;
  }

  process(command: ApplicationCommand): Answer | Promise<Answer> {
    this.#check(this.channels.has(command.channel), "only the current application of a channel gets its commands");
    this.#check(!this.#running, "one command at a time");
    this.#check(command.data.length <= applicationCardLimits.chainedBytes, "a chain has a bound");
    const { data, ins, p1, p2 } = command;
    switch (ins) {
      case own.long:
        return { status: 0x9000, data: new Uint8Array(p1 * 256 + p2).fill(0x5a) };
      case own.echo:
        return { status: 0x9000, data };
      case own.fault:
        throw new Error("an application that fails");
      case own.noStatus:
        return { status: p1 };
      case own.late:
        this.#running = true;
        return Promise.resolve().then(() => {
          this.#running = false;
          return { status: 0x9000, data };
        });
      default:
        return { status: 0x6d00 };
    }
  }
}

/** Commands for the card and for what is on it. */
function makeCommands(dice: Dice): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let count = 1 + dice.below(14); count > 0; count--) {
    const channel = dice.chance(70) ? 0 : dice.below(4);
    const cla = channel | dice.pick([0, 0, 0, 0x10, 0x80, 0x40, 0x04, dice.below(256)]);
    const aid = dice.pick(aids);
    const data = dice.bytes(dice.below(20));
    const command = dice.pick<readonly number[]>([
      [cla, 0xa4, 0x04, dice.pick([0, 1, 2, 3, 8, 0x0c]), aid.length, ...aid],
      [cla, 0xa4, 0x04, dice.pick([0, 2]), 5, ...aid.subarray(0, 5), 0],
      [cla, 0x70, 0x00, 0x00, 1],
      [cla, 0x70, dice.pick([0x00, 0x80]), dice.below(6)],
      [cla, 0xc0, 0, 0, dice.below(256)],
      [cla, dice.pick(Object.values(own)), dice.below(3), dice.below(256), data.length, ...data, dice.below(256)],
      [cla, own.long, dice.below(256), dice.below(256), 0, dice.below(256), dice.below(256)],
      [cla, own.echo, 0, 0, 0, 0, data.length, ...data],
      [...data],
    ]);
    parts.push(Uint8Array.of(dice.below(12), command.length), Uint8Array.from(command));
  }
  return concatBytes(...parts);
}

const applicationCard: FuzzTarget = {
  name: "application-card",
  about:
    "Commands of any bytes, resets in between, for a card with several applications: each has a status word, each application is told the truth",
  covers: [],
  measures: ["cards/applications/", "cards/software-card/command-chain", "cards/software-card/logical-channels"],
  maxBytes: 1500,
  dictionary: [...aids, hexBytes("00A40400"), hexBytes("0070000001"), hexBytes("00C0000000")],
  generate: makeCommands,
  async run(input) {
    const tape = new Tape(input);
    const applications = aids.map((aid, at) => new Observed(aid, at === 1));
    const card = new ApplicationCard({ applications, atr, defaultApplication: applications[3] });
    card.reset("cold");
    for (let count = 0; count < 60 && !tape.ended; count++) {
      const kind = tape.below(12);
      if (kind === 0) mustEqual(card.reset(tape.pick("cold", "warm")), atr, "the ATR");
      if (kind === 1) {
        card.powerOff();
        card.reset("cold");
      }
      const command = tape.bytes(tape.byte());
      const decoded = decodeCommand(command);
      const given = command.slice();
      const running = card.process(command);
      // A reset may come while a command is being carried out: its answer is dropped.
      if (kind === 2) card.reset("warm");
      const answer = await running;
      mustEqual(command, given, "the command");
      must(
        applications.every(({ problems }) => problems.length === 0),
        applications.flatMap((one) => one.problems).join(),
      );
      must(answer.length >= 2 && answer.length <= MAX_ANSWER_BYTES, `an answer of ${answer.length} bytes`);
      must(/^[69]/.test(encodeHex(answer.subarray(-2))), "each answer ends with a status word");
      if (!decoded.ok) mustEqual(answer, hexBytes("6700"), "the answer to a command that is malformed");
      const { le } = decoded.ok ? decoded.value : { le: undefined };
      must(le === undefined || answer.length <= le + 2, "no more than the client takes");
    }
    const open = applications.flatMap(({ channels }) => [...channels]);
    must(new Set(open).size === open.length, "one current application a channel");
    must(
      open.every((channel) => channel < 20),
      "a card has 20 channels",
    );
  },
};

export const applicationCardTargets: readonly FuzzTarget[] = [applicationCard];
