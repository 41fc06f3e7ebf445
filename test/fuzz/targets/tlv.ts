// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/binary/index.ts";
import {
  type BerTlv,
  decodeBerTlv,
  decodeCompactTlv,
  decodeSimpleTlv,
  encodeBerTlv,
  encodeCompactTlv,
  encodeSimpleTlv,
  findBerTlv,
} from "../../../src/iso7816/index.ts";
import type { Dice } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike, mustEqual, weightOf } from "../target.ts";

/** Data objects in data objects, whose lengths are right. */
function makeBer(dice: Dice, depth: number): Uint8Array {
  const objects = Array.from({ length: dice.below(4) }, () => {
    const constructed = depth > 0 && dice.chance(60);
    const tags = constructed
      ? [[0x6f], [0x61], [0x7f, 0x66], [0x30]]
      : [[0x84], [0x50], [0x9f, 0x26], [0x5f, 0x81, 0x01]];
    const value = constructed ? makeBer(dice, depth - 1) : dice.bytes(dice.pick([0, 1, 8, 127, 128, 255, 256]));
    const { length } = value;
    const forms = [
      [0x81, length],
      [0x82, length >> 8, length & 0xff],
      [0x83, 0, length >> 8, length & 0xff],
    ];
    const short = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : (forms[1] ?? []);
    const form = dice.chance(80) || length > 0xff ? short : dice.pick(forms);
    return concatBytes(Uint8Array.from([...dice.pick(tags), ...form]), value);
  });
  return concatBytes(...objects);
}

/** How many constructed objects are around each other. */
function depthOf(objects: readonly BerTlv[]): number {
  return objects.reduce((most, { children }) => Math.max(most, children === undefined ? 0 : 1 + depthOf(children)), 0);
}

function countOf(objects: readonly BerTlv[]): number {
  return objects.reduce((sum, { children = [] }) => sum + 1 + countOf(children), 0);
}

const berTlv: FuzzTarget = {
  name: "ber-tlv",
  about: "BER-TLV of a card: as deep and as many as the limits allow, and once written it is read and written the same",
  covers: ["decodeBerTlv"],
  measures: ["iso7816/ber-tlv", "binary/cursor"],
  maxBytes: 8192,
  dictionary: [
    Uint8Array.of(0x6f, 0x80),
    Uint8Array.of(0x7f, 0x21, 0x82),
    Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x30, 0x02, 0x30, 0x00),
  ],
  generate: (dice) => makeBer(dice, 1 + dice.below(6)),
  run(input) {
    const tight = decodeBerTlv(input, { depth: 2, objects: 3 });
    const decoded = decodeBerTlv(input);
    if (!decoded.ok) {
      must(!tight.ok, "tight limits accept what wide ones refuse");
      return;
    }
    const { value } = decoded;
    const [depth, count] = [depthOf(value), countOf(value)];
    must(depth <= 16 && count <= 4096, `${count} objects, nested ${depth} deep`);
    must(tight.ok === (depth <= 2 && count <= 3), "the limits given are those that hold");
    must(
      weightOf(value) <= 17 * (input.length + 1) + 8 * count + 8,
      "what was decoded is larger than the input allows",
    );
    const written = encodeBerTlv(value);
    must(written.length <= input.length, "the shortest form is longer than another");
    const again = decodeBerTlv(written);
    must(again.ok, "what was written cannot be read");
    mustEqual(encodeBerTlv(again.value), written, "BER-TLV that was written and read");
    mustBeAlike(tagsOf(again.value), tagsOf(value), "the tags of BER-TLV that was written and read");
    const [first] = value;
    if (first !== undefined) must(findBerTlv(value, first.tag) === first, "the first object is found by its tag");
  },
};

function tagsOf(objects: readonly BerTlv[]): unknown {
  return objects.map(({ children, tag }) => (children === undefined ? tag : [tag, tagsOf(children)]));
}

const compactTlv: FuzzTarget = {
  name: "compact-tlv",
  about: "COMPACT-TLV of a card: what is accepted is written back byte for byte",
  covers: ["decodeCompactTlv"],
  measures: ["iso7816/compact-tlv", "binary/cursor"],
  maxBytes: 4096,
  generate: (dice) =>
    concatBytes(
      ...Array.from({ length: dice.below(6) }, () => {
        const value = dice.bytes(dice.below(16));
        return concatBytes(Uint8Array.of((dice.below(16) << 4) | value.length), value);
      }),
    ),
  run(input) {
    const decoded = decodeCompactTlv(input);
    if (decoded.ok) mustEqual(encodeCompactTlv(decoded.value), input, "COMPACT-TLV that was accepted");
  },
};

const simpleTlv: FuzzTarget = {
  name: "simple-tlv",
  about: "SIMPLE-TLV of a card: once written it is read the same",
  covers: ["decodeSimpleTlv"],
  measures: ["iso7816/simple-tlv", "binary/cursor"],
  maxBytes: 8192,
  dictionary: [Uint8Array.of(0x01, 0xff, 0x01, 0x00), Uint8Array.of(0xff)],
  generate: (dice) =>
    encodeSimpleTlv(
      Array.from({ length: dice.below(5) }, () => ({
        tag: 1 + dice.below(254),
        value: dice.bytes(dice.pick([0, 1, 254, 255, dice.below(600)])),
      })),
    ),
  run(input) {
    const decoded = decodeSimpleTlv(input);
    if (!decoded.ok) return;
    const written = encodeSimpleTlv(decoded.value);
    must(written.length <= input.length, "the shortest form is longer than another");
    const again = decodeSimpleTlv(written);
    must(again.ok, "what was written cannot be read");
    mustBeAlike(again.value, decoded.value, "SIMPLE-TLV that was written and read");
  },
};

export const tlvTargets: readonly FuzzTarget[] = [berTlv, compactTlv, simpleTlv];
