// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bigEndianNumber, concatBytes, encodeHex } from "../../src/base/binary/index.ts";
import { ApplicationCard } from "../../src/cards/applications/index.ts";
import { attestationRoot } from "../../src/cards/crypto/index.ts";
import { newPivImage, PivApplication } from "../../src/cards/piv/index.ts";
import { yubiKeyApplications, yubiKeyAtr } from "../../src/cards/yubikey/index.ts";
import own from "../vectors/piv.json" with { type: "json" };
import { bytes, crypto, inside, PivSession, pin, tlv } from "./piv-session.ts";

const digest = new Uint8Array(32).fill(3);
const scalar = tlv(0x06, new Uint8Array(32).fill(1));
const metadata = async (card: PivSession, p2: number) => encodeHex((await card.ask({ ins: 0xf7, p2 })).data);

/** Blocks PIN and PUK. */
async function block(card: PivSession): Promise<void> {
  for (let index = 0; index < 3; index++) {
    await card.verify("0");
    await card.status({ ins: 0x2c, p2: 0x80, data: concatBytes(pin("0"), pin("0")) });
  }
}

describe("what a token says of itself", () => {
  it("has a version and a serial number", async () => {
    const card = await PivSession.open({ firmware: [5, 4, 3], serialNumber: 0x01020304 });
    expect(encodeHex(await card.data({ ins: 0xfd }))).toBe("050403");
    expect(encodeHex(await card.data({ ins: 0xf8 }))).toBe("01020304");
    expect(await card.status({ ins: 0xfd, p1: 1 })).toBe("6a86");
  });

  it("a card without Yubico's commands refuses them", async () => {
    const card = await PivSession.open({ extensions: "none" });
    await card.authenticate();
    for (let ins = 0xf0; ins <= 0xff; ins++) expect(await card.status({ ins }), ins.toString(16)).toBe("6d00");
  });

  it("older firmware has fewer commands and algorithms", async () => {
    const card = await PivSession.open({ firmware: [4, 3, 5] });
    for (const ins of [0xf6, 0xf7, 0xf8]) expect(await card.status({ ins })).toBe("6d00");
    await card.authenticate(undefined, 0x03);
    for (const [algorithm, expected] of [
      [0x05, "6a80"],
      [0x16, "6a80"],
      [0xe0, "6a80"],
      [0xe1, "6a80"],
      [0x11, "9000"],
    ] as const) {
      const data = tlv(0xac, tlv(0x80, Uint8Array.of(algorithm)));
      expect(await card.status({ ins: 0x47, p2: 0x9a, data })).toBe(expected);
    }
    const aes = concatBytes(bytes("0A9B18"), new Uint8Array(24).fill(5));
    expect(await card.status({ ins: 0xff, p1: 0xff, p2: 0xff, data: aes })).toBe("6a80");
  });
});

describe("GET METADATA", () => {
  it("tells what the PIN, the PUK and the management key are", async () => {
    const card = await PivSession.open();
    expect(await metadata(card, 0x80)).toBe("0101FF05010106020303");
    expect(await metadata(card, 0x81)).toBe("0101FF05010106020303");
    expect(await metadata(card, 0x9b)).toBe("01010A02020001050101");
    await card.verify("000000");
    expect(await metadata(card, 0x80)).toBe("0101FF05010106020302");
    await card.status({ ins: 0x24, p2: 0x80, data: concatBytes(pin("123456"), pin("654321")) });
    expect(await metadata(card, 0x80)).toBe("0101FF05010006020303");
    await card.authenticate();
    const key = concatBytes(bytes("089B10"), new Uint8Array(16).fill(9));
    await card.data({ ins: 0xff, p1: 0xff, p2: 0xfe, data: key });
    expect(await metadata(card, 0x9b)).toBe("01010802020002050100");
  });

  it("tells what a key is", async () => {
    const card = await PivSession.open();
    for (const slot of [0x9a, 0x82, 0x96, 0x00]) {
      expect(await card.status({ ins: 0xf7, p2: slot })).toBe("6a88");
    }
    const answer = await card.generate(0x9c, 0x11);
    expect(await metadata(card, 0x9c)).toBe(`01011102020301030101${encodeHex(tlv(0x04, answer))}`);
    await card.data({ ins: 0xfe, p1: 0x11, p2: 0x9e, data: concatBytes(scalar, bytes("AA0102AB0103")) });
    expect(await metadata(card, 0x9e)).toMatch(/^0101110202020303010204438641/);
    expect(await metadata(card, 0xf9)).toMatch(/^010111.*030102/);
  });
});

describe("IMPORT ASYMMETRIC KEY", () => {
  it("takes the management key, and a whole key", async () => {
    const card = await PivSession.open();
    expect(await card.status({ ins: 0xfe, p1: 0x11, p2: 0x9a, data: scalar })).toBe("6982");
    await card.authenticate();
    const tries: readonly (readonly [string, number, Uint8Array])[] = [
      ["nothing", 0x11, new Uint8Array(0)],
      ["zero", 0x11, tlv(0x06, new Uint8Array(32))],
      ["more than the order", 0x11, tlv(0x06, new Uint8Array(32).fill(0xff))],
      ["too short", 0x11, tlv(0x06, new Uint8Array(31).fill(1))],
      ["another curve's", 0x14, scalar],
      ["another tag", 0xe0, scalar],
      ["an odd policy", 0x11, concatBytes(scalar, bytes("AA0104"))],
      ["an odd touch policy", 0x11, concatBytes(scalar, bytes("AB0104"))],
      ["a policy of two bytes", 0x11, concatBytes(scalar, bytes("AA020101"))],
      ["RSA with one prime", 0x06, tlv(0x01, new Uint8Array(64).fill(0xff))],
    ];
    for (const [what, algorithm, data] of tries) {
      expect(await card.status({ ins: 0xfe, p1: algorithm, p2: 0x9a, data }), what).toBe("6a80");
    }
    expect(await card.status({ ins: 0xfe, p1: 0x99, p2: 0x9a, data: scalar })).toBe("6a86");
    expect(await card.status({ ins: 0xfe, p1: 0x11, p2: 0x9b, data: scalar })).toBe("6a86");
    expect(card.image.keys.has(0x9a)).toBe(false);
  });

  it("notices an RSA key whose parts do not fit", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    const [key] = own.rsa;
    if (key === undefined) throw new Error("no key");
    const parts = [key.p, key.q, key.dp, key.dq, key.qinv].map(bytes);
    const data = (all: readonly Uint8Array[]) => concatBytes(...all.map((part, index) => tlv(1 + index, part)));
    for (let index = 0; index < parts.length; index++) {
      const wrong = parts.map((part, at) => (at === index ? part.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) : part));
      expect(await card.status({ ins: 0xfe, p1: 0x05, p2: 0x9a, data: data(wrong) })).toBe("6a80");
    }
    expect(await card.status({ ins: 0xfe, p1: 0x07, p2: 0x9a, data: data(parts) }), "another size").toBe("6a80");
    expect(await card.status({ ins: 0xfe, p1: 0x05, p2: 0x9a, data: data(parts) })).toBe("9000");
  });
});

describe("MOVE KEY", () => {
  it("moves, and deletes", async () => {
    const card = await PivSession.open();
    await card.generate(0x9a, 0x11, bytes("AA0101"));
    const before = await metadata(card, 0x9a);
    card.card.reset();
    expect(await card.status({ ins: 0xf6, p1: 0x82, p2: 0x9a })).toBe("6982");
    await card.authenticate();
    await card.data({ ins: 0xf6, p1: 0x82, p2: 0x9a });
    expect(await metadata(card, 0x82)).toBe(before);
    expect(await card.status({ ins: 0xf7, p2: 0x9a })).toBe("6a88");
    expect((await card.use(0x82, 0x11, digest)).status).toBe(0x9000);
    await card.data({ ins: 0xf6, p1: 0xff, p2: 0x82 });
    expect(await card.status({ ins: 0xf7, p2: 0x82 })).toBe("6a88");
    expect(await card.status({ ins: 0xf6, p1: 0xff, p2: 0x82 })).toBe("6a88");
    expect(await card.status({ ins: 0xf6, p1: 0x9a, p2: 0xf9 }), "the attestation key stays there").toBe("6a86");
    expect(await card.status({ ins: 0xf6, p1: 0x9b, p2: 0x9a })).toBe("6a86");
    await card.data({ ins: 0xf6, p1: 0xff, p2: 0xf9 });
  });

  it("puts no key in the place of another", async () => {
    const card = await PivSession.open();
    await card.generate(0x9a, 0x11);
    await card.generate(0x9e, 0x11);
    expect(await card.status({ ins: 0xf6, p1: 0x9e, p2: 0x9a })).toBe("6985");
  });
});

describe("ATTEST", () => {
  it.each([
    ["RSA 2048", 0x07],
    ["P-256", 0x11],
    ["P-384", 0x14],
    ["Ed25519", 0xe0],
    ["X25519", 0xe1],
  ])("%s: the certificate leads to the root, and says what the key is", async (_, algorithm) => {
    const card = await PivSession.open({ serialNumber: 12_345_678, firmware: [5, 7, 2] });
    await card.generate(0x9c, algorithm, bytes("AA0101AB0103"));
    const encoded = await card.data({ ins: 0xf9, p1: 0x9c });
    const leaf = new X509Certificate(encoded);
    const object = await card.data({ ins: 0xcb, p1: 0x3f, p2: 0xff, data: "5C035FFF01" });
    const middle = new X509Certificate(inside(object, 0x53, 0x70));
    const root = new X509Certificate(await attestationRoot(crypto));
    expect(leaf.subject).toBe("CN=YubiKey PIV Attestation 9c");
    expect([leaf.verify(middle.publicKey), middle.verify(root.publicKey), root.verify(root.publicKey)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([leaf.checkIssued(middle), middle.checkIssued(root), middle.ca, root.ca]).toEqual([true, true, true, true]);
    const hex = encodeHex(encoded);
    // Yubico's extensions: firmware, serial number, policies, form factor.
    expect(hex).toContain("060A2B0601040182C40A03030403050702");
    expect(hex).toContain("060A2B0601040182C40A03070406020400BC614E");
    expect(hex).toContain("060A2B0601040182C40A030804020103");
    expect(hex).toContain("060A2B0601040182C40A0309040101");
    const answer = inside(await card.data({ ins: 0xf7, p2: 0x9c }).then((all) => all.subarray(10)), 0x04);
    const point = answer[0] === 0x81 ? inside(answer, 0x81) : inside(answer, 0x86);
    expect(encodeHex(new Uint8Array(leaf.publicKey.export({ format: "der", type: "spki" })))).toContain(
      encodeHex(point),
    );
  });

  it("the root is the one of the documentation", async () => {
    const pem = readFileSync("docs/interop/piv-attestation-root.pem", "utf8");
    expect(new X509Certificate(await attestationRoot(crypto)).toString()).toBe(pem);
  });

  it("attests neither an imported key nor an empty slot, nor itself", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    await card.data({ ins: 0xfe, p1: 0x11, p2: 0x9a, data: scalar });
    expect(await card.status({ ins: 0xf9, p1: 0x9a })).toBe("6a80");
    expect(await card.status({ ins: 0xf9, p1: 0x9c })).toBe("6a80");
    expect(await card.status({ ins: 0xf9, p1: 0xf9 })).toBe("6a86");
    expect(await card.status({ ins: 0xf9, p1: 0x9a, p2: 1 })).toBe("6a86");
  });

  it("works with an attestation key of one's own, and not without its certificate", async () => {
    const card = await PivSession.open();
    await card.generate(0x9a, 0x11);
    const [key] = own.rsa;
    if (key === undefined) throw new Error("no key");
    const parts = [key.p, key.q, key.dp, key.dq, key.qinv].map((part, index) => tlv(1 + index, bytes(part)));
    await card.data({ ins: 0xfe, p1: 0x05, p2: 0xf9, data: concatBytes(...parts) });
    expect(encodeHex(await card.data({ ins: 0xf9, p1: 0x9a }))).toContain("2A864886F70D01010B");
    await card.data({ ins: 0xdb, p1: 0x3f, p2: 0xff, data: "5C035FFF015300" });
    expect(await card.status({ ins: 0xf9, p1: 0x9a })).toBe("6985");
  });
});

describe("SET PIN RETRIES and RESET", () => {
  it("sets the tries where both the management key and the PIN were shown", async () => {
    const card = await PivSession.open();
    const set = { ins: 0xfa, p1: 9, p2: 200 };
    expect(await card.status(set)).toBe("6982");
    await card.verify("123456");
    expect(await card.status(set)).toBe("6982");
    await card.select();
    await card.authenticate();
    expect(await card.status(set)).toBe("6982");
    await card.status({ ins: 0x24, p2: 0x80, data: concatBytes(pin("123456"), pin("654321")) });
    await card.verify("654321");
    expect(await card.status({ ...set, p2: 0 })).toBe("6a86");
    expect(await card.status(set)).toBe("9000");
    expect(await metadata(card, 0x80), "the PIN is the factory's again").toBe("0101FF05010106020909");
    expect(await metadata(card, 0x81)).toBe("0101FF0501010602C8C8");
    expect(await card.tries()).toBe("63c9");
    const wrongPuk = { ins: 0x24, p2: 0x81, data: concatBytes(pin("1"), pin("12345678")) };
    expect(await card.status(wrongPuk), "63Cx counts to 15").toBe("63cf");
  });

  it("is reset only where PIN and PUK are blocked, and keeps what attests", async () => {
    const card = await PivSession.open();
    await card.generate(0x9a, 0x11);
    await card.data({ ins: 0xdb, p1: 0x3f, p2: 0xff, data: "5C035FC10553027000" });
    await card.data({ ins: 0xff, p1: 0xff, p2: 0xff, data: concatBytes(bytes("089B10"), new Uint8Array(16).fill(9)) });
    expect(await card.status({ ins: 0xfb })).toBe("6985");
    await block(card);
    expect(await card.status({ ins: 0xfb, p1: 1 })).toBe("6a86");
    expect(await card.status({ ins: 0xfb })).toBe("9000");
    expect(await card.status({ ins: 0xf7, p2: 0x9a })).toBe("6a88");
    expect(await card.status({ ins: 0xcb, p1: 0x3f, p2: 0xff, data: "5C035FC105" })).toBe("6a82");
    expect(await card.verify("123456")).toBe("9000");
    expect(await card.authenticate()).toBe("9000");
    await card.generate(0x9a, 0x11);
    expect(await card.status({ ins: 0xf9, p1: 0x9a })).toBe("9000");
  });
});

describe("GENERATE ASYMMETRIC KEY PAIR (SP 800-73-4 part 2, 3.3.1)", () => {
  it("takes the management key, a slot and an algorithm that there are", async () => {
    const card = await PivSession.open();
    const generate = { ins: 0x47, p2: 0x9a, data: "AC03800111" };
    expect(await card.status(generate)).toBe("6982");
    await card.authenticate();
    for (const data of ["", "AC00", "AC03800199", "AC0480020011", "AC0380011100", "AC06800111AA0109"]) {
      expect(await card.status({ ...generate, data }), data).toBe("6a80");
    }
    for (const p2 of [0x00, 0x80, 0x9b, 0x96, 0x99]) expect(await card.status({ ...generate, p2 })).toBe("6a86");
    expect(await card.status({ ...generate, p1: 1 })).toBe("6a86");
    expect(await card.status(generate)).toBe("9000");
  });

  it("drops the key where the card was reset before it was ready", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    const answer = card.status({ ins: 0x47, p2: 0x9a, data: "AC03800107" });
    card.card.reset();
    expect(await answer).toBe("6f00");
    expect(card.image.keys.has(0x9a)).toBe(false);
  });
});

describe("the other applications of a token", () => {
  it("tell its version and serial number", async () => {
    const image = await newPivImage(crypto, { serialNumber: 0x01020304 });
    const piv = new PivApplication({ image, crypto });
    const { firmware, serialNumber } = image;
    const others = yubiKeyApplications({ firmware, serialNumber, capabilities: ["piv", "openpgp", "otp"] });
    const card = new ApplicationCard({ applications: [piv, ...others], atr: yubiKeyAtr(), defaultApplication: piv });
    card.reset();
    const ask = async (command: string) => encodeHex(await card.process(bytes(command)));
    const text = await ask("00A4040008A000000527471117");
    expect(Buffer.from(text, "hex").toString("latin1")).toContain("FW version 5.7.2");
    expect(await ask("001D000000")).toBe(
      "2B010200190204010203040302001904010105030507020602000007010F0801000D0200190E0200190A01009000",
    );
    expect(await ask("001D010000")).toBe("6A86");
    expect(await ask("001C000000")).toBe("6D00");
    expect(await ask("00A4040007A0000005272001")).toBe("0507020000009000");
    expect(await ask("0001100000")).toBe("010203049000");
    expect(await ask("0003000000")).toBe("0507020000009000");
    expect(await ask("0001300000")).toBe("6A86");
    expect(bigEndianNumber(yubiKeyAtr("contactless").subarray(0, 2))).toBe(0x3b8d);
  });
});
