// SPDX-License-Identifier: MIT

import { decodeCommand, decodeResponse, ExchangeError, runExchange } from "../../../src/base/iso7816/index.ts";
import { demoCard, FileSystemCard, parseCardImage, T0Adapter } from "../../../src/entry/cards.ts";
import { nodeBlockCipher } from "../../../src/platform/node/runtime/index.ts";
import { seededRandom } from "../../../src/testing/runtime/index.ts";
import type { Dice } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustBeAlike, mustEqual } from "../target.ts";
import { answerOf, makeProgramme } from "./hostile-card.ts";
import { richCard } from "./rich-card.ts";
import { commandOf } from "./stage.ts";

const t0: FuzzTarget = {
  name: "t0",
  about: "Commands of any bytes, and a card of any answers, over T=0: at most 256 bytes of data at once, and it ends",
  covers: [],
  measures: [
    "cards/software-card/t0-adapter",
    "base/iso7816/apdu",
    "base/iso7816/exchange",
    "base/iso7816/run-exchange",
  ],
  maxBytes: 1000,
  generate: makeProgramme,
  async run(input) {
    const tape = new Tape(input);
    let asked = 0;
    const adapter = new T0Adapter({
      reset: () => new Uint8Array(2),
      powerOff: () => {},
      process: () => {
        asked++;
        return tape.below(6) === 0 ? tape.bytes(tape.below(4)) : answerOf(tape);
      },
    });
    const send = async (command: Uint8Array): Promise<Uint8Array> => {
      asked = 0;
      const before = command.slice();
      const answer = await adapter.transmit(command);
      mustEqual(command, before, "a command that was sent");
      must(asked <= 2, `one command reached the card ${asked} times`);
      must(answer.length <= 258 || command.length < 5, `an answer over T=0 has ${answer.length} bytes`);
      return answer;
    };
    for (let count = 0; count < 30 && !tape.ended; count++) {
      const command = commandOf(tape);
      const decoded = decodeCommand(command);
      const follows = tape.below(2) === 0 && decoded.ok && !decoded.value.extended;
      if (!follows) {
        await send(command);
        continue;
      }
      await runExchange(send, decoded.value).catch((error: unknown) => {
        if (!(error instanceof ExchangeError)) throw error;
      });
    }
  },
};

/** Of ISO/IEC 7816-4 and -9, those that change a card: files, records, PINs, and what carries another command. */
const fileInstructions = [
  0x04, 0x0e, 0x20, 0x24, 0x26, 0x28, 0x2c, 0x44, 0x82, 0xa2, 0xc2, 0xd0, 0xd2, 0xe4, 0xe6, 0xe8, 0xfe,
];

/** The demo card, or one with everything. */
function makeCard(which: number): FileSystemCard {
  const image = parseCardImage(richCard);
  must(image.ok, "the description of the card is a good one");
  return which % 2 === 0
    ? demoCard(seededRandom(1))
    : new FileSystemCard(image.value, seededRandom(1), nodeBlockCipher);
}

/** Commands that the cards know, with parameters that are nearly right. */
function makeCommands(dice: Dice): Uint8Array {
  const bytes: number[] = [dice.below(2)];
  for (let count = 1 + dice.below(10); count > 0; count--) {
    const cla = dice.pick([0x00, 0x00, 0x00, 0x01, 0x10]);
    const command = dice.pick([
      [
        0x00,
        0xa4,
        dice.pick([0, 1, 2, 3, 4, 8, 9]),
        dice.pick([0, 4, 12]),
        2,
        dice.pick([0x3f, 0x7f, 0x2f, 0]),
        dice.below(17),
        0,
      ],
      [0x00, 0xa4, 0x04, 0x00, 11, 0xf0, 0x73, 0x63, 0x61, 0x72, 0x64, 0x2e, 0x64, 0x65, 0x6d, 0x6f],
      [0x00, 0x20, 0x00, dice.pick([0x01, 0x81, 0x02]), 4, 0x31, 0x32, 0x33, dice.pick([0x34, 0x35])],
      [
        0x00,
        dice.pick([0xb0, 0xb1]),
        dice.pick([0, 0x81, 0x83, 0x9e, dice.below(256)]),
        dice.below(64),
        dice.below(256),
      ],
      [0x00, 0xb2, dice.below(8), dice.pick([0x04, 0x05, 0x14, 0x24, dice.below(256)]), 0],
      [0x00, dice.pick([0xd6, 0xd7, 0xdc, 0xe2]), dice.below(5), dice.pick([0, 4, 0x14]), 3, 1, 2, 3],
      [0x00, 0xb1, 0x00, 0x00, 4, 0x54, 0x02, 0x00, dice.below(40), 0],
      [0x00, 0xa4, 0x04, dice.pick([0x00, 0x02]), 5, 0xf0, 0x72, 0x69, 0x63, 0x68],
      [0x00, 0xa4, 0x00, 0x04, 2, dice.pick([0x00, 0x7f, 0x2f]), dice.pick([0x00, 0x10, 1, 2, 3, 4, 5, 6])],
      [0x00, 0x84, 0x00, 0x00, dice.below(256)],
      [cla, dice.pick(fileInstructions), dice.below(4), dice.below(4), ...(dice.chance(50) ? [] : [dice.below(4)])],
      [cla, dice.pick(fileInstructions), dice.below(3), dice.pick([0x01, 0x02, 0x81]), 4, 0x31, 0x32, 0x33, 0x34],
      [
        0x00,
        0xe0,
        0x00,
        0x00,
        13,
        0x62,
        11,
        0x80,
        2,
        dice.pick([0, 0xff]),
        8,
        0x82,
        1,
        dice.pick([1, 0x38, 2]),
        0x83,
        2,
        0,
        dice.below(20),
      ],
      [0x00, 0xda, 0x5f, 0x2d, 2, dice.below(256), 1],
      [0x00, 0xca, dice.pick([0x5f, 0x00]), dice.pick([0x2d, 0x6e]), 0],
      [0x00, 0x88, 0x00, dice.below(4), 16, ...dice.bytes(16), 0],
      [0x00, 0x82, 0x00, dice.below(4), 16, ...dice.bytes(16)],
      [0x00, 0x70, dice.pick([0x00, 0x80]), dice.below(4), ...(dice.chance(50) ? [1] : [])],
      [...dice.bytes(dice.below(20))],
    ]);
    bytes.push(command.length, ...command);
  }
  return Uint8Array.from(bytes);
}

const softwareCard: FuzzTarget = {
  name: "software-card",
  about:
    "Commands of any bytes to cards with files, PINs and keys: each is answered, and what becomes of the card can be written down",
  covers: ["decodeManageChannel"],
  measures: ["cards/", "base/iso7816/"],
  maxBytes: 4096,
  generate: makeCommands,
  run(input) {
    const tape = new Tape(input);
    const card = makeCard(tape.byte());
    card.reset();
    while (!tape.ended) {
      const length = tape.byte();
      // FF is a reset: a command that long is of no interest.
      if (length === 0xff) {
        card.reset();
        continue;
      }
      const command = tape.bytes(length);
      const answer = card.process(command);
      const decoded = decodeResponse(answer);
      must(decoded.ok, `the card answered ${answer.length} bytes, which is no response`);
      must(
        decoded.value.sw >= 0x6000 && decoded.value.sw <= 0x9fff,
        `the status word ${decoded.value.sw.toString(16)}`,
      );
      must(decoded.value.sw === 0x9000 || decoded.value.sw1 >= 0x61, "a status word that the standard has");
    }
    // What it has become can be written down, and is the same card when it is read.
    const written = card.toImage();
    const image = parseCardImage(JSON.parse(JSON.stringify(written)));
    must(image.ok, `its description is refused: ${image.ok ? "" : JSON.stringify(image.error[0])}`);
    const again = new FileSystemCard(image.value, seededRandom(1), nodeBlockCipher);
    mustBeAlike(again.toImage(), written, "the description of a card that was made from one");
  },
};

export const softwareCardTargets: readonly FuzzTarget[] = [t0, softwareCard];
