// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex, hexBytes } from "../../../src/base/binary/index.ts";
import {
  type Container,
  decodeContainerMap,
  decodeFileList,
  encodeContainerMap,
  encodeFileList,
  firstFiles,
  type ListedFile,
} from "../../../src/base/card-applications/index.ts";
import { parseShape } from "../../../src/base/json/index.ts";
import { ApplicationCard } from "../../../src/cards/applications/index.ts";
import type { CardCrypto } from "../../../src/cards/crypto/index.ts";
import { GidsApplication, type GidsImage, gidsShape, savedGids, setUpGids } from "../../../src/cards/gids/index.ts";
import { makeCardCrypto } from "../../../src/platform/node/crypto/index.ts";
import { seededRandom } from "../../../src/testing/runtime/index.ts";
import type { Dice } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustBeAlike } from "../target.ts";

const container: Container = { name: "key", isValid: true, isDefault: true, signatureBits: 0, exchangeBits: 2048 };

const pin = [0x31, 0x32, 0x33, 0x34, 0x35, 0x36];
/** The file of a key for signatures and authentication, of P-256. */
const KEY_FILE = "62288201188302B0818C058F10101000A518B60980011C830181950140A40980010C8301819501C0";

/** A data object, mostly with its own length. */
function tlv(dice: Dice, tag: readonly number[], ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concatBytes(...parts);
  const length = dice.chance(95) ? value.length : dice.below(256);
  const header = length < 0x80 ? [length] : [0x81, length & 0xff];
  return concatBytes(Uint8Array.from([...tag, ...header]), value);
}

/** File control parameters that are nearly right. */
function parameters(dice: Dice): Uint8Array {
  const id = Uint8Array.of(dice.pick([0xa0, 0xb0, 0x3f]), dice.pick([0x10, 0x20, 0x80, 0x81, 0x82]));
  const isKey = dice.chance(50);
  const reference = dice.pick([0x1c, 0x0c, 0x02, 0x57, 0x47, dice.below(256)]);
  const template = tlv(
    dice,
    [dice.pick([0xa4, 0xb6, 0xb8])],
    tlv(dice, [0x80], Uint8Array.of(reference)),
    tlv(dice, [0x83], Uint8Array.of(0x81)),
    tlv(dice, [0x95], Uint8Array.of(dice.pick([0x40, 0x80, 0xc0]))),
  );
  return tlv(
    dice,
    [0x62],
    tlv(dice, [0x82], Uint8Array.of(isKey ? 0x18 : 0x39)),
    tlv(dice, [0x83], id),
    tlv(dice, [0x8c], dice.pick([Uint8Array.of(3, 0x30, 0), Uint8Array.of(0x8f, 0x10, 0x10, 0x10, 0), dice.bytes(4)])),
    ...(isKey ? [tlv(dice, [0xa5], template)] : []),
  );
}

/** Commands that the card knows, with data that is nearly right. */
function makeCommands(dice: Dice): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let count = 1 + dice.below(8); count > 0; count--) {
    const fid = dice.pick([
      [0xa0, 0x00],
      [0xa0, 0x10],
      [0xa0, 0x12],
      [0xb0, 0x81],
      [0x3f, 0xff],
      [0x00, 0x00],
    ]);
    const tag = dice.pick([[0xdf, 0x1f], [0xdf, 0x20], [0xdf, 0x24], [0x7f, 0x71], [0x5c], []]);
    const [header, data] = dice.pick<readonly [readonly number[], Uint8Array]>([
      [
        [0, 0x20, 0, dice.pick([0x80, 0x00, 0x81, 0x82])],
        Uint8Array.from(dice.chance(70) ? pin : dice.bytes(dice.below(9))),
      ],
      [[0, 0x24, dice.below(2), 0x80], Uint8Array.from([...pin, ...pin])],
      [[0, 0x2c, dice.pick([0, 2]), 0x80], Uint8Array.from(pin)],
      [[0, 0xa4, 0, dice.pick([0, 2, 4, 8, 12])], Uint8Array.from(dice.chance(80) ? fid : [])],
      [[0, 0xe0, 0, 0], dice.chance(30) ? hexBytes(KEY_FILE) : parameters(dice)],
      [[0, 0x44, 0, 0], new Uint8Array(0)],
      [[0, 0xe4, 0, 0], new Uint8Array(0)],
      [[0, 0xcb, ...fid], tlv(dice, [0x5c], Uint8Array.from(tag))],
      [[0, 0xcb, 0x3f, 0xff], hexBytes("7008840181A5037F4980")],
      [
        [dice.pick([0, 0x10]), 0xdb, ...fid],
        tlv(dice, tag.length === 0 ? [0xdf, 0x30] : tag, dice.bytes(dice.below(20))),
      ],
      [
        [0, 0xdb, 0x3f, 0xff],
        tlv(dice, [0x70], tlv(dice, [0x84], Uint8Array.of(0x81)), tlv(dice, [0xa5], dice.bytes(8))),
      ],
      [[0, 0x47, 0, 0], hexBytes("AC0680010C830181")],
      [
        [0, 0x22, dice.pick([0x41, 0x81, 0xc1]), dice.pick([0xa4, 0xb6])],
        hexBytes(dice.pick(["830180", "80011C840181", "80010C840181"])),
      ],
      [[0, 0x87, 0, 0], tlv(dice, [0x7c], tlv(dice, [dice.pick([0x81, 0x82])], dice.bytes(dice.pick([0, 8, 16, 40]))))],
      [[0, 0x88, 0, 0], tlv(dice, [0x7c], tlv(dice, [0x81], dice.bytes(32)))],
      [[0, 0x2a, dice.pick([0x9e, 0x80]), dice.pick([0x9a, 0x86])], dice.bytes(32)],
      [[...dice.bytes(4)], dice.bytes(dice.below(10))],
    ]);
    const command = Uint8Array.from([...header, ...(data.length > 0 ? [data.length, ...data] : [])]);
    parts.push(Uint8Array.of(command.length & 0xff), command.subarray(0, 255));
  }
  return concatBytes(...parts);
}

const machine = makeCardCrypto(seededRandom(2));
/** The same numbers each time, and no search for primes. */
function library(): CardCrypto {
  const random = seededRandom(1);
  return {
    ...machine,
    randomBytes: (length) => random.bytes(length),
    generateRsa: () => Promise.reject(new Error("no primes here")),
  };
}

const gidsCard: FuzzTarget = {
  name: "gids-card",
  about:
    "Commands of any bytes for a GIDS card: each has a status word, and what the card keeps is read again as it was written",
  covers: [],
  measures: ["cards/gids/", "cards/software-card/data-objects"],
  maxBytes: 1200,
  dictionary: ["A010", "B081", "DF1F", "5C02", "7008840181A5037F4980", "8C03033000", KEY_FILE].map(hexBytes),
  generate: makeCommands,
  async run(input) {
    const tape = new Tape(input);
    const crypto = library();
    const image: GidsImage = { lifeCycle: "initialization", pin: undefined, puk: undefined, files: new Map() };
    setUpGids(crypto, image);
    let changes = 0;
    const changed = (): void => {
      changes++;
    };
    const application = new GidsApplication({ image, crypto, changed });
    const atr = hexBytes("3B00");
    const card = new ApplicationCard({ applications: [application], defaultApplication: application, atr });
    card.reset();
    for (let count = 0; count < 40 && !tape.ended; count++) {
      const command = tape.bytes(tape.byte());
      const [before, counted] = [JSON.stringify(savedGids(image)), changes];
      const answer = await card.process(command);
      must(/^[69]/.test(encodeHex(answer.subarray(-2))), "each answer ends with a status word");
      const after = JSON.stringify(savedGids(image));
      must(before === after || changes > counted, "what has changed is reported");
    }
    const saved = savedGids(image);
    const read = parseShape(gidsShape, JSON.parse(JSON.stringify(saved)));
    must(read.ok, "what a card keeps is read again");
    mustBeAlike(savedGids(read.value), saved, "a card that was read again");
  },
};

const minidriverFiles: FuzzTarget = {
  name: "gids-minidriver-files",
  about:
    "The files of Windows' minidriver on a card: lists and maps of any bytes are read, and are read again as they were written",
  covers: ["decodeFileList", "decodeContainerMap"],
  measures: ["base/card-applications/gids-minidriver-files"],
  maxBytes: 400,
  dictionary: [encodeFileList(firstFiles), encodeContainerMap([container])],
  generate: (dice) => {
    const records = Array.from({ length: dice.below(4) }, () => ({ ...container, exchangeBits: dice.below(0x10000) }));
    return dice.chance(50) ? encodeContainerMap(records) : encodeFileList(firstFiles.slice(0, dice.below(6)));
  },
  run(input) {
    const containers = decodeContainerMap(input);
    must(containers.length === Math.floor(input.length / 86), "each whole record is a container");
    mustBeAlike(decodeContainerMap(encodeContainerMap(containers)), containers, "containers that were read again");
    const files = decodeFileList(input);
    must((files === undefined) === (input[0] !== 1), "a list has version 1");
    const isWritten = ({ directory, name }: ListedFile): boolean =>
      /^[\0-\x7f]{0,9}$/.test(directory) && /^[\0-\x7f]*$/.test(name);
    if (files === undefined || !files.every(isWritten)) return;
    mustBeAlike(decodeFileList(encodeFileList(files)), files, "a list that was read again");
  },
};

export const gidsTargets: readonly FuzzTarget[] = [gidsCard, minidriverFiles];
