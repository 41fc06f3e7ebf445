// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { bigEndianBytes, encodeHex } from "../../src/base/binary/index.ts";
import { bytes, inside, PivSession, tlv } from "./piv-session.ts";

const get = (tag: number) => {
  const list = tlv(0x5c, Uint8Array.from(bigEndianBytes(tag, 1, 3, "a tag")));
  return { ins: 0xcb, p1: 0x3f, p2: 0xff, data: list };
};
const put = (tag: number, value: Uint8Array) => {
  const list = tlv(0x5c, Uint8Array.from(bigEndianBytes(tag, 1, 3, "a tag")));
  return { ins: 0xdb, p1: 0x3f, p2: 0xff, data: Uint8Array.from([...list, ...tlv(0x53, value)]) };
};

/** SP 800-73-4 part 1, table 3: all containers with a tag 5FC1xx. */
const standardTags = [...Array(0x23).keys()].map((index) => 0x5fc101 + index).filter((tag) => tag !== 0x5fc104);
const needPin = [0x5fc103, 0x5fc108, 0x5fc109, 0x5fc121, 0x5fc123];

describe("SELECT (SP 800-73-4 part 2, 3.1.1)", () => {
  it.each(["A000000308", "A00000030800001000", "A000000308000010000100"])(
    "finds the application as %s",
    async (aid) => {
      const card = await PivSession.open();
      const template = await card.data({ ins: 0xa4, p1: 4, data: aid });
      expect(encodeHex(template)).toBe("61114F0600001000010079074F05A000000308");
    },
  );

  it("does not take another one", async () => {
    const card = await PivSession.open();
    await card.verify("123456");
    expect(await card.status({ ins: 0xa4, p1: 4, data: "A000000308000010000200" })).toBe("6a82");
    expect(await card.tries(), "nothing has changed").toBe("9000");
  });
});

describe("GET DATA and PUT DATA (SP 800-73-4 part 2, 3.1.2 and 3.3.2)", () => {
  it("keeps each container, and takes the management key to write one", async () => {
    const card = await PivSession.open();
    const refused = await card.status(put(0x5fc105, bytes("700101")));
    expect(refused).toBe("6982");
    await card.authenticate();
    for (const tag of standardTags) {
      const value = Uint8Array.from({ length: tag & 0xff }, (_, index) => index);
      expect(await card.status(put(tag, value)), tag.toString(16)).toBe("9000");
    }
    card.card.reset();
    for (const tag of standardTags) {
      const isOpen = !needPin.includes(tag);
      expect(await card.status(get(tag)), tag.toString(16)).toBe(isOpen ? "9000" : "6982");
    }
    await card.verify("123456");
    for (const tag of standardTags) expect(inside(await card.data(get(tag)), 0x53).length).toBe(tag & 0xff);
  });

  it("does not tell without the PIN whether a protected object is there", async () => {
    const card = await PivSession.open();
    for (const tag of needPin) expect(await card.status(get(tag))).toBe("6982");
    await card.verify("123456");
    for (const tag of needPin) expect(await card.status(get(tag))).toBe("6a82");
  });

  it("deletes with an empty object", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    await card.data(put(0x5fc105, bytes("700101")));
    await card.data(put(0x5fc105, new Uint8Array(0)));
    expect(await card.status(get(0x5fc105))).toBe("6a82");
  });

  it("has a discovery object and takes a biometric group, without the tag 53", async () => {
    const card = await PivSession.open();
    expect(encodeHex(await card.data(get(0x7e)))).toBe("7E124F0BA0000003080000100001005F2F024000");
    expect(await card.status(get(0x7f61))).toBe("6a82");
    await card.authenticate();
    const group = "7F6103020100";
    await card.data({ ins: 0xdb, p1: 0x3f, p2: 0xff, data: group });
    expect(encodeHex(await card.data(get(0x7f61)))).toBe(group);
  });

  it("keeps objects of 12,710 bytes, and answers 6A84 where there is no room", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    const most = new Uint8Array(12_710).fill(0x5a);
    for (let index = 0; index < 20; index++) await card.data(put(0x5fc10d + index, most));
    expect(inside(await card.data(get(0x5fc10d)), 0x53)).toEqual(most);
    expect(await card.status(put(0x5fc105, most))).toBe("6a84");
    expect(await card.status(put(0x5fc10d, new Uint8Array(12_711)))).toBe("6a84");
    expect(await card.status(put(0x5fc10d, most)), "it takes the place of the old one").toBe("9000");
  });

  it("keeps what Yubico's tools write under tags of their own, and the standard alone does not", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    for (const tag of [0x5fff00, 0x5f0000, 0x5fffff]) {
      await card.data(put(tag, bytes("8000")));
      expect(encodeHex(await card.data(get(tag)))).toBe("53028000");
    }
    expect(await card.status(put(0x60ffff, bytes("00")))).toBe("6a82");
    const standard = await PivSession.open({ extensions: "none" });
    await standard.authenticate();
    expect(await standard.status(put(0x5fff00, bytes("8000")))).toBe("6a82");
    expect(await standard.status(get(0x5fff00))).toBe("6a82");
  });

  it.each([
    ["nothing", ""],
    ["no tag list", "53025FC1"],
    ["a list that ends too early", "5C035FC1"],
    ["a list without a tag", "5C00"],
    ["something behind it", "5C035FC10200"],
  ])("refuses %s", async (_, data) => {
    const card = await PivSession.open();
    await card.authenticate();
    expect(await card.status({ ins: 0xcb, p1: 0x3f, p2: 0xff, data })).toBe("6a80");
    expect(await card.status({ ins: 0xdb, p1: 0x3f, p2: 0xff, data })).toBe("6a80");
    expect(await card.status({ ins: 0xcb, p1: 0x3f, p2: 0x00, data: "5C035FC102" })).toBe("6a86");
  });
});

it("a card with identity has a CHUID and a capability container of its own; a token as it leaves the factory has none", async () => {
  const [card, other] = [await PivSession.open(), await PivSession.open()];
  const chuid = inside(await card.data(get(0x5fc102)), 0x53);
  expect(encodeHex(chuid)).toMatch(/^3019D4E739DA.{42}3410.{32}35083230.{12}3E00FE00$/);
  expect(await other.data(get(0x5fc102))).not.toEqual(await card.data(get(0x5fc102)));
  const token = await PivSession.open({ identified: false });
  expect(await token.status(get(0x5fc102))).toBe("6a82");
  expect(await token.status(get(0x5fc107))).toBe("6a82");
});
