// SPDX-License-Identifier: MIT

import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex } from "../../src/base/binary/index.ts";
import { cmac, decryptCbc, encryptCbc } from "../../src/cards/software-card/cipher-modes.ts";
import {
  type CardImageSource,
  FileSystemCard,
  type KeySource,
  parseCardImage,
  T0Adapter,
} from "../../src/entry/cards.ts";
import { nodeBlockCipher } from "../../src/platform/node/runtime/index.ts";
import vectors from "../vectors/block-ciphers.json" with { type: "json" };
import { apdu, bytes, Session, scripted } from "./session.ts";

const hex = encodeHex;

describe("what is made of block ciphers", () => {
  test("CBC: NIST SP 800-38A, F.2.1", () => {
    const { key, initializationVector, plain, enciphered } = vectors.cbc;
    const first = bytes(plain).map((byte, index) => byte ^ (bytes(initializationVector)[index] ?? 0));
    const cipher = nodeBlockCipher("aes", bytes(key));
    expect(hex(encryptCbc(cipher, first))).toBe(enciphered);
    expect(decryptCbc(cipher, bytes(enciphered))).toEqual(first);
  });

  test.each(vectors.cmac)("CMAC: $source", ({ algorithm, key, message, mac }) => {
    const cipher = nodeBlockCipher(algorithm === "aes" ? "aes" : "3des", bytes(key));
    expect(hex(cmac(cipher, bytes(message)))).toBe(mac);
  });
});

const keys: readonly KeySource[] = [
  { reference: 1, algorithm: "aes", use: "internal", value: "000102030405060708090A0B0C0D0E0F" },
  { reference: 2, algorithm: "aes", use: "external", value: `00${"11".repeat(23)}`, tries: 2 },
  { reference: 3, algorithm: "3des", use: "external", value: "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123" },
  {
    reference: 4,
    algorithm: "3des",
    use: "mutual",
    value: vectors.mutual.encipheringKey,
    mac: vectors.mutual.macKey,
    tries: 2,
  },
  { reference: 5, algorithm: "aes", use: "mutual", value: "55".repeat(32), mac: "66".repeat(32) },
  { reference: 6, algorithm: "aes", use: "internal", value: "00".repeat(16), access: { use: { pin: 1 } } },
];

const source: CardImageSource = {
  name: "keys",
  pins: [{ reference: 1, value: { text: "1234" } }],
  keys,
  files: [
    { type: "transparent", id: "0001", sfi: 1, content: "AA", access: { read: { key: 2 } } },
    { type: "transparent", id: "0002", sfi: 2, content: "BB", access: { read: { key: 4 } } },
    { type: "transparent", id: "0003", sfi: 3, content: "CC", access: { read: { key: 3 } } },
    { type: "transparent", id: "0004", sfi: 4, content: "DD", access: { read: { key: 5 } } },
  ],
};

/** One block, enciphered by an independent implementation. */
function encipher(name: string, key: string, block: string): string {
  const cipher = createCipheriv(name, bytes(key), null).setAutoPadding(false);
  return hex(cipher.update(bytes(block)));
}

describe("INTERNAL AUTHENTICATE, ISO/IEC 7816-4:2005, 7.5.2", () => {
  const challenge = "00112233445566778899AABBCCDDEEFF";

  test.each(["00", "08"])("the challenge enciphered, algorithm %s: FIPS 197, C.1", (p1) => {
    const answer = new Session(source).ask(apdu(`0088${p1}01`, challenge, "00"));
    expect(answer).toBe("69C4E0D86A7B0430D8CDB78070B4C55A9000");
  });

  test.each([
    ["a challenge of another length", apdu("00880001", "0011", "00"), "6700"],
    ["no challenge", "0088000100", "6700"],
    ["no Le", apdu("00880001", challenge), "6700"],
    ["too small an Le", apdu("00880001", challenge, "0F"), "6700"],
    ["another algorithm", apdu("00880C01", challenge, "00"), "6A86"],
    ["a key that is not there", apdu("00880009", challenge, "00"), "6A88"],
    ["a key for something else: it would answer the card's own challenge", apdu("00880002", challenge, "00"), "6A88"],
    ["a key that a PIN guards", apdu("00880006", challenge, "00"), "6982"],
  ])("refuses %s", (_name, command, answer) => {
    expect(new Session(source).ask(command)).toBe(answer);
  });

  test("after the PIN, such a key can be used", () => {
    const session = new Session(source);
    session.done("002000010431323334", apdu("00880006", challenge, "00"));
  });
});

describe("EXTERNAL AUTHENTICATE, ISO/IEC 7816-4:2005, 7.5.4", () => {
  const challenge = "01".repeat(16);
  const key = `00${"11".repeat(23)}`;
  const answer = (): string => apdu("00820002", encipher("aes-192-ecb", key, challenge));
  const begin = (...challenges: string[]): Session => new Session(source, scripted(...challenges));

  test("the right answer opens what the key guards, until a reset", () => {
    const session = begin(challenge);
    session.done("0084000010");
    expect(session.ask("00B0810001")).toBe("6982");
    session.done(answer(), "00B0810001", "00820002");
    session.card.reset();
    expect(session.ask("00B0810001")).toBe("6982");
    expect(session.ask("00820002")).toBe("63C2");
  });

  test("triple DES, algorithm 03", () => {
    const session = begin("5468652071756663");
    session.done("0084000008", apdu("00820303", "A826FD8CE53B855F"), "00B0830001");
  });

  test("a challenge serves once, right or wrong", () => {
    const session = begin(challenge, challenge);
    session.done("0084000010", answer());
    expect(session.ask(answer())).toBe("6985");
    session.done("0084000010");
    expect(session.ask(apdu("00820002", "00".repeat(16)))).toBe("63C1");
    expect(session.ask(answer())).toBe("6985");
  });

  test("wrong answers block the key, and take back what was proved; a right one gives the tries back", () => {
    const session = begin(...Array(5).fill(challenge));
    const wrong = apdu("00820002", "00".repeat(16));
    session.done("0084000010", answer());
    expect(session.asks("0084000010", wrong)).toBe("63C1");
    expect(session.ask("00B0810001")).toBe("6982");
    session.done("0084000010", answer());
    expect(session.asks("0084000010", wrong)).toBe("63C1");
    expect(session.asks("0084000010", wrong)).toBe("63C0");
    expect(session.ask("00820002")).toBe("6983");
    session.card.reset();
    expect(session.ask("00820002")).toBe("6983");
  });

  test.each([
    ["no challenge before", [answer()], "6985"],
    ["a challenge of another length", ["0084000008", answer()], "6985"],
    ["one that is longer than any block", ["0084000011", answer()], "6985"],
    ["a challenge before the reset", ["0084000010", "reset", answer()], "6985"],
    ["a challenge on another channel", ["0084000010", "0070000100", `01${answer().slice(2)}`], "6985"],
    ["data of another length", ["0084000010", apdu("00820002", "00")], "6700"],
    ["a key for something else", [apdu("00820001", "00".repeat(16))], "6A88"],
    ["another algorithm", [apdu("00820802", "00".repeat(16))], "6A86"],
  ])("refuses %s, without counting a try", (_name, commands, expected) => {
    const session = new Session(source);
    let last = "";
    for (const command of commands) {
      if (command === "reset") session.card.reset();
      else last = session.ask(command);
    }
    expect(last).toBe(expected);
    expect(session.ask("00820002")).toBe("63C2");
  });
});

describe("MUTUAL AUTHENTICATE, ISO/IEC 7816-4:2005, 7.5.4", () => {
  const { cardChallenge, cardKeying, terminalToken, cardToken } = vectors.mutual;

  test("the worked example of ICAO Doc 9303 part 11, D.3", () => {
    const session = new Session(source, scripted(cardChallenge, cardKeying));
    expect(session.ask("0084000008")).toBe(`${cardChallenge}9000`);
    expect(session.ask(apdu("00820004", terminalToken, "28"))).toBe(`${cardToken}9000`);
    session.done("00B0820001");
  });

  test("the same over T=0, where nothing tells it from EXTERNAL AUTHENTICATE but the key", async () => {
    const { card } = new Session(source, scripted(cardChallenge, cardKeying, "5468652071756663"));
    const reader = new T0Adapter(card);
    const ask = async (command: string): Promise<string> => hex(await reader.transmit(bytes(command)));
    expect(await ask("0084000008")).toBe(`${cardChallenge}9000`);
    expect(await ask(apdu("00820004", terminalToken))).toBe("6128");
    expect(await ask("00C0000028")).toBe(`${cardToken}9000`);
    expect(await ask("0084000008")).toBe("54686520717566639000");
    expect(await ask(apdu("00820003", "A826FD8CE53B855F"))).toBe("9000");
  });

  test("a token for another challenge is refused; when no tries are left, the key is blocked", () => {
    const other = "0000000000000000";
    const session = new Session(source, scripted(other, cardKeying, other, cardKeying));
    expect(session.asks("0084000008", apdu("00820004", terminalToken, "28"))).toBe("63C1");
    expect(session.asks("0084000008", apdu("00820004", terminalToken, "28"))).toBe("63C0");
    expect(session.ask("00820004")).toBe("6983");
    expect(session.ask("00B0820001")).toBe("6982");
  });

  test.each([
    ["the terminal's challenge", 0],
    ["the card's challenge", 8],
    ["the keying material, which the card makes no use of", 31],
    ["the MAC", 39],
  ])("a token with a byte changed in %s is refused", (_name, at) => {
    const session = new Session(source, scripted(cardChallenge, cardKeying));
    const forged = bytes(terminalToken);
    forged[at] = (forged[at] ?? 0) ^ 0x01;
    session.done("0084000008");
    expect(session.ask(apdu("00820004", hex(forged), "28"))).toBe("63C1");
    expect(session.ask("00B0820001")).toBe("6982");
  });

  test.each([
    ["without Le", apdu("00820004", terminalToken)],
    ["with an Le that is too small", apdu("00820004", terminalToken, "27")],
    ["with a token of another length", apdu("00820004", `${terminalToken}00`, "28")],
  ])("%s: 6700, and the challenge is still good", (_name, command) => {
    const session = new Session(source, scripted(cardChallenge, cardKeying));
    session.done("0084000008");
    expect(session.ask(command)).toBe("6700");
    session.done(apdu("00820004", terminalToken, "28"));
  });

  test("with AES: both sides prove that they have the key", () => {
    const [cipher, mac] = ["55", "66"].map((byte) => nodeBlockCipher("aes", bytes(byte.repeat(32))));
    if (cipher === undefined || mac === undefined) throw new Error("there are two");
    const challenge = "C1".repeat(16);
    const mine = bytes("A1".repeat(16));
    const session = new Session(source, scripted(challenge, "D1".repeat(32)));
    session.done("0084000010");
    const token = encryptCbc(cipher, concatBytes(mine, bytes(challenge), new Uint8Array(32)));
    const answer = bytes(session.ask(apdu("00820C05", hex(token) + hex(cmac(mac, token).slice(0, 8)), "48")));
    expect(answer).toHaveLength(74);
    const theirs = answer.slice(0, 64);
    expect(answer.slice(64, 72)).toEqual(cmac(mac, theirs).slice(0, 8));
    expect(hex(decryptCbc(cipher, theirs))).toBe(challenge + hex(mine) + "D1".repeat(32));
    session.done("00B0840001");
  });
});

test("a card with keys asks for something that makes ciphers, when it is made", () => {
  const image = parseCardImage(source);
  if (!image.ok) throw new Error("the source is a good one");
  const make = (): FileSystemCard => new FileSystemCard(image.value, scripted());
  expect(make).toThrow(expect.objectContaining({ code: "unsupported-feature" }));
});
