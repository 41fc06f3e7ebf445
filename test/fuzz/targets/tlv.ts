// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import {
  type BerTlv,
  decodeBerTlv,
  decodeCompactTlv,
  decodeDataObjects,
  decodeFileControl,
  decodeFileDescriptor,
  decodeFileIds,
  decodeHeaderList,
  decodeLeadingDataObjects,
  decodeLifeCycle,
  decodeSimpleTlv,
  encodeBerTlv,
  encodeCompactTlv,
  encodeDataObject,
  encodeFileControl,
  encodeFileIds,
  encodeSimpleTlv,
  fileControlTags,
  findBerTlv,
} from "../../../src/base/iso7816/index.ts";
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
  measures: ["base/iso7816/ber-tlv", "base/binary/cursor"],
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

const dataObjects: FuzzTarget = {
  name: "data-objects",
  about:
    "data objects side by side: once written they are read the same, and what stands before malformed bytes is read",
  covers: ["decodeDataObjects", "decodeLeadingDataObjects", "decodeHeaderList"],
  measures: ["base/iso7816/data-objects", "base/iso7816/tlv-fields"],
  maxBytes: 4096,
  generate: (dice) => makeBer(dice, 0),
  run(input) {
    const decoded = decodeDataObjects(input);
    const leading = decodeLeadingDataObjects(input);
    must(leading.length <= 64, `${leading.length} objects`);
    const written = concatBytes(...leading.map(({ tag, value }) => encodeDataObject(tag, value)));
    must(written.length <= input.length, "the shortest form is longer than another");
    const again = decodeDataObjects(written);
    must(again.ok, "what was written cannot be read");
    mustBeAlike(again.value, leading, "data objects that were written and read");
    if (decoded.ok) mustBeAlike(decoded.value, leading, "data objects that were read in two ways");
    const headers = decodeHeaderList(input);
    if (headers.ok) must(2 * headers.value.length <= input.length, "a header has two bytes at least");
  },
};

const compactTlv: FuzzTarget = {
  name: "compact-tlv",
  about: "COMPACT-TLV of a card: what is accepted is written back byte for byte",
  covers: ["decodeCompactTlv"],
  measures: ["base/iso7816/compact-tlv", "base/binary/cursor"],
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
  measures: ["base/iso7816/simple-tlv", "base/binary/cursor"],
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

/** A template with the objects of a file, each of its right length or of another. */
function makeFileControl(dice: Dice): Uint8Array {
  const objects = Array.from({ length: dice.below(8) }, () => {
    const value = dice.bytes(dice.pick([0, 1, 1, 2, 2, 4, 5, 6, 7, 16, 17]));
    return concatBytes(
      Uint8Array.of(dice.pick([0x80, 0x81, 0x82, 0x83, 0x84, 0x88, 0x8a, 0x8b, 0x8c]), value.length),
      value,
    );
  });
  const content = concatBytes(...objects);
  return concatBytes(Uint8Array.of(dice.pick([0x62, 0x64, 0x6f]), 0x81, content.length), content);
}

const fileControl: FuzzTarget = {
  name: "file-control",
  about: "file control information of a card: what is read can be written, and is read the same again",
  covers: ["decodeFileControl", "decodeFileDescriptor", "decodeFileIds", "decodeLifeCycle"],
  measures: [
    "base/iso7816/file-control",
    "base/iso7816/file-descriptor",
    "base/iso7816/file-path",
    "base/iso7816/life-cycle",
  ],
  maxBytes: 4096,
  dictionary: [Uint8Array.of(0x62, 0x04, 0x83, 0x02, 0x3f, 0x00), Uint8Array.of(0x8a, 0x01, 0x05)],
  generate: makeFileControl,
  run(input) {
    const { dataBytes, dfName, fileId, lifeCycle, objects, problems, shortId, totalBytes } = decodeFileControl(input);
    must(objects.length <= input.length, "more objects than bytes");
    const tags = new Set(objects.map(({ tag }) => tag));
    must(
      problems.every((tag) => tags.has(tag)),
      "a problem with an object that is not there",
    );
    const known = { dataBytes, dfName, fileId, lifeCycle, shortId, totalBytes };
    const again = decodeFileControl(encodeFileControl("fci", known));
    mustBeAlike(again.problems, [], "problems with what was written");
    for (const name of Object.keys(known) as (keyof typeof known)[])
      mustBeAlike(again[name], known[name], `${name} that was written and read`);
    for (const { tag, value } of objects) if (tag === fileControlTags.descriptor) decodeFileDescriptor(value);
    for (const byte of input.subarray(0, 8)) decodeLifeCycle(byte);
    const ids = decodeFileIds(input);
    mustEqual(encodeFileIds(ids), input.subarray(0, ids.length * 2), "file identifiers that were written");
    must(ids.length === input.length >> 1, "a file identifier is missing");
  },
};

export const tlvTargets: readonly FuzzTarget[] = [berTlv, compactTlv, dataObjects, simpleTlv, fileControl];
