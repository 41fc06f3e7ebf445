// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFeatureList, SmartCardError } from "../../port/index.ts";
import { commandWithLe, exchangeToTheEnd, getResponseCommand, parseFeatures } from "./smartcard-exchange.ts";

/** A card that gives these answers, one after the other, and what it was sent. */
function script(...answers: readonly (readonly number[])[]) {
  const sent: number[][] = [];
  const send = async (command: Uint8Array): Promise<Uint8Array> => {
    sent.push([...command]);
    return Uint8Array.from(answers[sent.length - 1] ?? answers.at(-1) ?? []);
  };
  return { send, sent };
}

const select = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x02, 0x3f, 0x00);
const read = Uint8Array.of(0x00, 0xb0, 0x00, 0x00, 0x20);

describe("an exchange that is followed up", () => {
  it("fetches what waits after 61xx, and joins it", async () => {
    const { send, sent } = script([0x61, 0x02], [0x01, 0x02, 0x61, 0x01], [0x03, 0x90, 0x00]);
    expect([...(await exchangeToTheEnd(send, select))]).toEqual([1, 2, 3, 0x90, 0x00]);
    expect(sent).toEqual([[...select], [0, 0xc0, 0, 0, 2], [0, 0xc0, 0, 0, 1]]);
  });

  it("sends the command again with the right Le after 6Cxx", async () => {
    const { send, sent } = script([0x6c, 0x03], [1, 2, 3, 0x90, 0x00]);
    expect([...(await exchangeToTheEnd(send, read))]).toEqual([1, 2, 3, 0x90, 0x00]);
    expect(sent).toEqual([[...read], [0x00, 0xb0, 0x00, 0x00, 0x03]]);
  });

  it("passes on malformed commands, and refuses malformed responses", async () => {
    const short = script([0x61, 0x02]);
    expect([...(await exchangeToTheEnd(short.send, Uint8Array.of(1, 2)))]).toEqual([0x61, 0x02]);
    expect(short.sent).toHaveLength(1);
    await expect(exchangeToTheEnd(script([0x90]).send, read)).rejects.toMatchObject({ code: "comm-error" });
  });

  it("gives up on a card that answers in circles", async () => {
    await expect(exchangeToTheEnd(script([0x61, 0x01]).send, read)).rejects.toThrow(SmartCardError);
  });
});

describe("commands as bytes", () => {
  it("asks for the rest", () => {
    expect([...getResponseCommand(0x1c)]).toEqual([0x00, 0xc0, 0x00, 0x00, 0x1c]);
  });

  it("puts Le behind a header, and in the place of the last byte elsewhere", () => {
    expect([...commandWithLe(Uint8Array.of(0, 0xb0, 0, 0), 7)]).toEqual([0, 0xb0, 0, 0, 7]);
    expect([...commandWithLe(read, 7)]).toEqual([0, 0xb0, 0, 0, 7]);
    expect(read[4]).toBe(0x20);
  });
});

describe("a list of features", () => {
  it("gives control codes by tag", () => {
    const list = encodeFeatureList([
      { tag: 0x06, controlCode: 0x42330006 },
      { tag: 0x12, controlCode: 0xffffffff },
    ]);
    expect([...parseFeatures(list)]).toEqual([
      [0x06, 0x42330006],
      [0x12, 0xffffffff],
    ]);
  });

  it("leaves out invalid control codes, and truncated ones", () => {
    expect([...parseFeatures(Uint8Array.of(0x0a, 0x01, 0xff, 0x06, 0x04, 0, 0, 0, 9, 0x12, 0x04, 0))]).toEqual([
      [6, 9],
    ]);
  });

  it("is read for any bytes", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => parseFeatures(bytes).size <= bytes.length));
  });
});
