// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import type { CardCrypto } from "../../src/cards/crypto/index.ts";
import vectors from "../vectors/gids.json" with { type: "json" };
import { ADMINISTRATOR_KEY, crypto, deciphered, enciphered, GidsBench, template, tlv } from "./gids-bench.ts";

const R1 = "101112131415161718191A1B1C1D1E1F";

/** A mutual authentication; the answer to the last step. */
async function mutual(card: GidsBench, key = ADMINISTRATOR_KEY, change = (plain: string) => plain): Promise<string> {
  await card.done("0022C1A403830180");
  const own = (await card.done(`00870000147C128110${R1}00`)).slice(8);
  return card.ask(`008700002C7C2A8228${enciphered(key, change(`${own}${R1}0102030405060780`))}`);
}

describe("the administrator's key", () => {
  it("external authentication opens what is the administrator's", async () => {
    const card = await GidsBench.ready();
    expect(await card.administrator("00".repeat(24))).toBe("6982");
    expect(await card.ask("00DBA01204DF200111")).toBe("6982");
    expect(await card.administrator()).toBe("9000");
    await card.done("00DBA01204DF200111");
    // A wrong one afterwards ends it.
    expect(await card.administrator("00".repeat(24))).toBe("6982");
    expect(await card.ask("00DBA01204DF200111")).toBe("6982");
  });

  it("mutual authentication: the card shows that it has the key too", async () => {
    const card = await GidsBench.ready();
    const answer = await mutual(card);
    expect(answer).toMatch(/^7C2A8228.{80}9000$/);
    const plain = deciphered(ADMINISTRATOR_KEY, answer.slice(8, -4));
    expect(plain.slice(0, 32)).toBe(R1);
    expect(plain.slice(-2)).toBe("80");
    await card.done("00DBA01204DF200111");
  });

  it.each<[string, string, (plain: string) => string]>([
    ["another key", "00".repeat(24), (plain) => plain],
    [
      "the challenges the other way round",
      ADMINISTRATOR_KEY,
      (plain) => plain.slice(32, 64) + plain.slice(0, 32) + plain.slice(64),
    ],
    ["other padding", ADMINISTRATOR_KEY, (plain) => plain.replace(/80$/, "00")],
    [
      "another challenge of its own",
      ADMINISTRATOR_KEY,
      (plain) => plain.slice(0, 32) + "00".repeat(16) + plain.slice(64),
    ],
    ["another challenge", ADMINISTRATOR_KEY, (plain) => "00".repeat(16) + plain.slice(32)],
  ])("a mutual authentication with %s opens nothing", async (_, key, change) => {
    const card = await GidsBench.ready();
    expect(await mutual(card, key, change)).toBe("6982");
    expect(await card.ask("00DBA01204DF200111")).toBe("6982");
  });

  it("a challenge counts once, and no command may come between", async () => {
    const card = await GidsBench.ready();
    await card.done("002281A403830180");
    const challenge = (await card.done("00870000047C02810000")).slice(8);
    const response = `008700000C7C0A8208${enciphered(ADMINISTRATOR_KEY, challenge)}`;
    expect(await card.ask("00200080")).toBe("63C3");
    expect(await card.ask(response)).toBe("6985");
    expect(await card.administrator()).toBe("9000");
    expect(await card.ask(response)).toBe("6985");
    const [one, other] = [await card.done("00870000047C02810000"), await card.done("00870000047C02810000")];
    expect(one).not.toBe(other);
  });

  it.each([
    ["no template", "00870000", "6A80"],
    ["another template", "00870000027D00", "6A80"],
    ["an empty template", "00870000027C00", "6A80"],
    ["an unknown tag", "00870000047C028300", "6A80"],
    ["an empty response", "00870000047C028200", "6A80"],
    ["a challenge of 8 bytes", "008700000C7C0A81080102030405060708", "6A80"],
    ["P1", "00870100047C028100", "6A86"],
  ])("%s is refused", async (_, command, word) => {
    const card = await GidsBench.ready();
    await card.done("002281A403830180");
    expect(await card.ask(command)).toBe(word);
  });

  it("without a key that was chosen, nothing is authenticated", async () => {
    const card = await GidsBench.ready();
    expect(await card.ask("00870000047C02810000")).toBe("6985");
    expect(await card.ask("002281A403830190")).toBe("6A88");
    expect(await card.ask("002281A4068001" + "07830180")).toBe("6A80");
    expect(await card.ask("002281B803830180")).toBe("6A80");
    expect(await card.ask("00A281A403830180")).toBe("6D00");
    expect(await new GidsBench().ask("002281A403830180")).toBe("6A88");
  });

  it("is replaced by the administrator alone, and is never read", async () => {
    const card = await GidsBench.ready();
    const other = "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8";
    const put = `00DB3FFF267024840180A51F8718${other}8803B073DC`;
    await card.login();
    expect(await card.ask(put)).toBe("6982");
    expect(await card.administrator()).toBe("9000");
    await card.done(put);
    await card.logout();
    expect(await card.administrator()).toBe("6982");
    expect(await card.restarted().administrator(other)).toBe("9000");
    expect(await card.ask("00CB3FFF0A7008840180A5037F498000")).toBe("6982");
  });

  it("enciphers nothing for a client, who could answer its challenges with that", async () => {
    const card = await GidsBench.ready();
    await card.done("0022C1A403830180");
    const challenge = (await card.done("00870000047C02810000")).slice(8);
    expect(await card.ask(`008800000C7C0A8108${challenge}00`)).toBe("6985");
    expect(await card.ask(`002A808608${challenge}00`)).toBe("6985");
  });
});

describe("other administrators' keys", () => {
  it.each([
    ["two-key triple DES", "01", "0102030405060708090A0B0C0D0E0F10", 40],
    ["AES 128", "03", "000102030405060708090A0B0C0D0E0F", 48],
    ["AES 256", "05", `${"00".repeat(31)}01`, 64],
  ])("%s", async (_, mechanism, key, bytes) => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.administrator()).toBe("9000");
    await card.keyFile("B085", "87000000", template("A4", mechanism, "85", "C0"));
    await card.ok("00DB3FFF", tlv("70", `840185${tlv("A5", tlv("87", key))}`));
    await card.logout();
    const cipher = crypto.blockCipher(mechanism < "03" ? "3des" : "aes", hexBytes(key));
    const cbc = (data: string): string => {
      let before = new Uint8Array(cipher.blockBytes);
      const blocks = data.match(new RegExp(`.{${2 * cipher.blockBytes}}`, "g")) ?? [];
      return blocks
        .map((block) => {
          before = new Uint8Array(cipher.encrypt(hexBytes(block).map((byte, at) => byte ^ (before[at] ?? 0))));
          return encodeHex(before);
        })
        .join("");
    };
    const padded = (data: string): string =>
      `${data}80`.padEnd(2 * cipher.blockBytes * Math.ceil((data.length + 2) / 2 / cipher.blockBytes), "0");
    await card.done("002281A403830185");
    const own = (await card.done(`00870000147C128110${R1}00`)).slice(8);
    const half = { "01": 5, "03": 8, "05": 16 }[mechanism] ?? 0;
    const response = cbc(padded(`${own}${R1}${"5A".repeat(half)}`));
    expect(response.length / 2).toBe(bytes);
    expect(await card.ok("00870000", tlv("7C", tlv("82", response)))).toHaveLength(2 * bytes + 8);
    await card.done("00DBA01204DF200111");
    await card.logout();
    await card.done("002281A403830185");
    const challenge = (await card.done("00870000047C02810000")).slice(8);
    const external = cipher.blockBytes === 8 ? cbc(challenge) : cbc(padded(challenge));
    expect(await card.ok("00870000", tlv("7C", tlv("82", external)))).toBe("");
    await card.done("00DBA01204DF200122");
  });
});

it("an external authentication with numbers that OpenSSL has worked out", async () => {
  const { challenge, key, response } = vectors.administrator;
  const scripted: CardCrypto = { ...crypto, randomBytes: () => hexBytes(challenge) };
  const card = new GidsBench((await GidsBench.ready()).saved(), "contact", scripted);
  expect(key).toBe(ADMINISTRATOR_KEY);
  await card.done("002281A403830180", "00870000047C02810000", `008700000C7C0A8208${response}`);
  await card.done("00DBA01204DF200111");
});
