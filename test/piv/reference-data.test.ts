// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/base/binary/index.ts";
import { PivSession, pin } from "./piv-session.ts";

const change = (p2: number, from: string, to: string) => ({ ins: 0x24, p2, data: concatBytes(pin(from), pin(to)) });
const unblock = (puk: string, to: string) => ({ ins: 0x2c, p2: 0x80, data: concatBytes(pin(puk), pin(to)) });

describe("VERIFY (SP 800-73-4 part 2, 3.2.1)", () => {
  it("counts tries, blocks, and lets the PUK unblock", async () => {
    const card = await PivSession.open();
    expect(await card.tries()).toBe("63c3");
    expect(await card.verify("000000")).toBe("63c2");
    expect(await card.verify("123456")).toBe("9000");
    expect(await card.tries()).toBe("9000");
    expect(await card.verify("000000")).toBe("63c2");
    expect(await card.tries(), "a wrong PIN takes the verification back").toBe("63c2");
    expect(await card.verify("0")).toBe("63c1");
    expect(await card.verify("000000"), "so does a token with the last try").toBe("6983");
    expect(await card.tries()).toBe("6983");
    expect(await card.verify("123456"), "the right PIN is not looked at any more").toBe("6983");
    expect(await card.status(unblock("00000000", "654321"))).toBe("63c2");
    expect(await card.status(unblock("12345678", "654321"))).toBe("9000");
    expect(await card.tries()).toBe("63c3");
    expect(await card.verify("654321")).toBe("9000");
  });

  it("answers the last try with 63C0 where the card is no token", async () => {
    const card = await PivSession.open({ extensions: "none" });
    for (const left of ["63c2", "63c1", "63c0", "6983"]) expect(await card.verify("000000")).toBe(left);
    for (const left of ["63c2", "63c1", "63c0", "6983"]) {
      expect(await card.status(unblock("00000000", "654321"))).toBe(left);
    }
  });

  it("blocks the PUK, and then nothing unblocks the PIN", async () => {
    const card = await PivSession.open();
    for (const left of ["63c2", "63c1", "6983", "6983"]) {
      expect(await card.status(unblock("00000000", "654321"))).toBe(left);
    }
    expect(await card.status(unblock("12345678", "654321"))).toBe("6983");
    expect(await card.status(change(0x81, "12345678", "87654321"))).toBe("6983");
  });

  it("takes a verification back on request", async () => {
    const card = await PivSession.open();
    await card.verify("123456");
    expect(await card.status({ ins: 0x20, p1: 0xff, p2: 0x80 })).toBe("9000");
    expect(await card.tries()).toBe("63c3");
    expect(await card.status({ ins: 0x20, p1: 0xff, p2: 0x80, data: "00" })).toBe("6a80");
  });

  it("refuses references without a PIN and other lengths, and counts nothing", async () => {
    const card = await PivSession.open();
    expect(await card.status({ ins: 0x20, p2: 0x80, data: "313233343536" })).toBe("6a80");
    expect(await card.status({ ins: 0x20, p1: 1, p2: 0x80 })).toBe("6a86");
    for (const p2 of [0x00, 0x01, 0x81, 0x96, 0x97, 0x98]) {
      expect(await card.status({ ins: 0x20, p2, data: pin("123456") })).toBe("6a88");
    }
    expect(await card.tries()).toBe("63c3");
  });

  it("forgets it with a reset, with a SELECT of another application, and as Yubico's tokens do with its own", async () => {
    const card = await PivSession.open();
    await card.verify("123456");
    card.card.reset();
    expect(await card.tries()).toBe("63c3");
    await card.verify("123456");
    await card.select();
    expect(await card.tries()).toBe("63c3");
    const standard = await PivSession.open({ extensions: "none" });
    await standard.verify("123456");
    await standard.select();
    // SP 800-73-4 part 2, 3.1.1: the security status is unchanged.
    expect(await standard.tries()).toBe("9000");
  });

  it("verifies a global PIN where the card has one", async () => {
    const card = await PivSession.open();
    const image = { ...card.image, globalPin: { value: pin("777777"), tries: 5, triesLeft: 5 } };
    const session = new PivSession(image);
    expect(await session.tries(0x00)).toBe("63c5");
    expect(await session.verify("123456", 0x00)).toBe("63c4");
    expect(await session.verify("777777", 0x00)).toBe("9000");
    expect(await session.tries(), "the other PIN is another one").toBe("63c3");
    // It opens what the PIN opens: the printed information is missing, but no longer forbidden.
    expect(await session.status({ ins: 0xcb, p1: 0x3f, p2: 0xff, data: "5C035FC109" })).toBe("6a82");
  });
});

describe("CHANGE REFERENCE DATA (SP 800-73-4 part 2, 3.2.2)", () => {
  it("changes PIN and PUK", async () => {
    const card = await PivSession.open();
    expect(await card.status(change(0x80, "000000", "654321"))).toBe("63c2");
    expect(await card.status(change(0x80, "123456", "654321"))).toBe("9000");
    expect(await card.verify("123456")).toBe("63c2");
    expect(await card.verify("654321")).toBe("9000");
    expect(await card.status(change(0x81, "12345678", "87654321"))).toBe("9000");
    expect(await card.status(unblock("12345678", "654321"))).toBe("63c2");
  });

  it.each(["", "1", "12345"])("refuses %j as the new PIN, and keeps the old one", async (short) => {
    const card = await PivSession.open();
    expect(await card.status(change(0x80, "123456", short))).toBe("6a80");
    expect(await card.status(unblock("12345678", short))).toBe("6a80");
    expect(await card.verify("123456")).toBe("9000");
  });

  it("refuses padding with something behind it, and letters where only the standard counts", async () => {
    const card = await PivSession.open();
    const odd = concatBytes(pin("123456"), Uint8Array.of(0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0xff, 0x37));
    expect(await card.status({ ins: 0x24, p2: 0x80, data: odd })).toBe("6a80");
    expect(await card.status(change(0x80, "123456", "secret"))).toBe("9000");
    const standard = await PivSession.open({ extensions: "none" });
    expect(await standard.status(change(0x80, "123456", "secret"))).toBe("6a80");
    expect(await standard.status(change(0x80, "123456", "222222"))).toBe("9000");
  });

  it("refuses other references and lengths", async () => {
    const card = await PivSession.open();
    expect(await card.status(change(0x82, "123456", "654321"))).toBe("6a88");
    expect(await card.status({ ins: 0x24, p2: 0x80, data: pin("123456") })).toBe("6a80");
    expect(await card.status({ ins: 0x24, p1: 1, p2: 0x80, data: pin("123456") })).toBe("6a86");
    expect(await card.status({ ...unblock("12345678", "654321"), p2: 0x81 })).toBe("6a88");
    expect(await card.tries()).toBe("63c3");
  });
});

it("a try is saved before its answer is known", async () => {
  const card = await PivSession.open();
  const before = card.changes;
  await card.verify("000000");
  expect(card.changes).toBe(before + 1);
});

describe("through the air (SP 800-73-4 part 1, 3.5 and table 4b)", () => {
  it("takes no PIN where only the standard counts, and takes it as Yubico's tokens do", async () => {
    const standard = await PivSession.open({ extensions: "none" }, "contactless");
    expect(await standard.verify("123456")).toBe("6a81");
    expect(await standard.status(change(0x80, "123456", "654321"))).toBe("6a81");
    expect(await standard.status(unblock("12345678", "654321"))).toBe("6a81");
    expect(standard.image.pin.triesLeft).toBe(3);
    const token = await PivSession.open({}, "contactless");
    expect(await token.verify("123456")).toBe("9000");
  });

  it("gives away what the standard lets it", async () => {
    const standard = await PivSession.open({ extensions: "none" }, "contactless");
    const get = (tag: string) => ({ ins: 0xcb, p1: 0x3f, p2: 0xff, data: `5C03${tag}` });
    expect(await standard.status(get("5FC102"))).toBe("9000");
    expect(await standard.status(get("5FC107"))).toBe("6982");
    expect(await standard.status(get("5FC101"))).toBe("6a82");
  });
});
