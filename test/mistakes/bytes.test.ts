// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import * as binary from "../../src/base/binary/index.ts";
import * as iso7816 from "../../src/base/iso7816/index.ts";
import { parseSmartCardList } from "../../src/database/index.ts";
import { FileSystemCard, parseCardImage, Type2Tag } from "../../src/entry/cards.ts";

const good = new Uint8Array(5);
const header = { cla: 0, ins: 0xa4, p1: 4, p2: 0 };

/** The functions that take bytes, called with other values. */
const calls: Readonly<Record<string, (value: never) => unknown>> = {
  encodeHex: (value) => binary.encodeHex(value),
  concatBytes: (value) => binary.concatBytes(good, value),
  copyBytes: (value) => binary.copyBytes(value),
  equalBytes: (value) => binary.equalBytes(good, value),
  "equalBytes, first": (value) => binary.equalBytes(value, good),
  zeroBytes: (value) => binary.zeroBytes(value),
  ByteCursor: (value) => new binary.ByteCursor(value),
  decodeAtr: (value) => iso7816.decodeAtr(value),
  decodeCommand: (value) => iso7816.decodeCommand(value),
  decodeResponse: (value) => iso7816.decodeResponse(value),
  encodeCommand: (value) => iso7816.encodeCommand({ ...header, data: value }),
  encodeResponse: (value) => iso7816.encodeResponse(value, 0x9000),
  buildAtr: (value) => iso7816.buildAtr({ historicalBytes: value }),
  decodeBerTlv: (value) => iso7816.decodeBerTlv(value),
  decodeDataObjects: (value) => iso7816.decodeDataObjects(value),
  decodeHeaderList: (value) => iso7816.decodeHeaderList(value),
  decodeLeadingDataObjects: (value) => iso7816.decodeLeadingDataObjects(value),
  encodeDataObject: (value) => iso7816.encodeDataObject(0x80, good, value),
  decodeSimpleTlv: (value) => iso7816.decodeSimpleTlv(value),
  decodePps: (value) => iso7816.decodePps(value),
  describeCommandBytes: (value) => iso7816.describeCommandBytes(value),
  describeResponseBytes: (value) => iso7816.describeResponseBytes(good, value),
  parseSmartCardList: (value) => parseSmartCardList(value),
  "a tag's process": (value) => new Type2Tag().process(value),
  "a card's process": (value) => card().process(value),
};

function card(): FileSystemCard {
  const image = parseCardImage({ name: "Test", files: [] });
  if (!image.ok) throw new Error(JSON.stringify(image.error));
  return new FileSystemCard(image.value, { bytes: (length) => new Uint8Array(length) }, () => {
    throw new Error("there are no keys");
  });
}

describe.each(Object.entries(calls))("%s", (_, call) => {
  test.each([
    ["a string", "31323334"],
    ["an array", [0x31, 0x32]],
    ["a DataView", new DataView(new ArrayBuffer(4))],
    ["a Uint16Array", Uint16Array.of(0x3132)],
    ["an object", { length: 5 }],
    ["null", null],
  ])("refuses %s", (kind, value) => {
    const refused = {
      name: "TypeError",
      message: expect.stringMatching(new RegExp(`${kind}; pass a Uint8Array .*decodeHex`)),
    };
    expect(() => call(value as never)).toThrow(expect.objectContaining(refused));
  });
});

test("decodeHex takes text", () => {
  for (const value of [good, 5, null, undefined]) {
    expect(() => binary.decodeHex(value as never)).toThrow(/^decodeHex: text is .*; pass a string$/);
  }
});
