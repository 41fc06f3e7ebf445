// SPDX-License-Identifier: MIT

import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  verify,
} from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { encodeDigestInfo, rsaKeyFromPrimes } from "../../src/cards/crypto/index.ts";
import shared from "../vectors/card-crypto.json" with { type: "json" };
import vectors from "../vectors/gids.json" with { type: "json" };
import { crypto, GidsBench, template, tlv } from "./gids-bench.ts";

/** Rules that OpenSC and Windows give a key: the user makes, imports and uses it, all read its public part. */
const USER_KEY = "8F10101000";
/** A key for signatures and decryption, of RSA with so many bits. */
const rsaTemplates = (id: string, reference: string): string =>
  [`B80${id}`, `B88${id}`, `B84${id}`, `B61${id}`, `B65${id}`]
    .map((one) => template(one.slice(0, 2), one.slice(2), reference))
    .join("");

const message = new TextEncoder().encode("what is signed");

/** DER. */
const integer = (bytes: Uint8Array): string => tlv("02", encodeHex(bytes).replace(/^(?=[89A-F])/, "00"));

/** An RSAPrivateKey of two primes. */
function rsaPrivateKey(prime1: string, prime2: string, exponent: string): string {
  const key = rsaKeyFromPrimes(hexBytes(prime1), hexBytes(prime2), hexBytes(exponent));
  if (key === undefined) throw new Error("no key");
  const { d, dp, dq, e, n, p, q, qinv } = key;
  return tlv("30", "020100", ...[n, e, d, p, q, dp, dq, qinv].map(integer));
}

/** What PUT KEY takes. */
function putKey(reference: string, type: string, value: string): string {
  return tlv("70", `8401${reference}`, tlv("A5", `8301${type}840100`, tlv("87", value)));
}

/** The public key in an answer to GENERATE and GET PUBLIC KEY. */
function publicKeyIn(answer: string): KeyObject {
  const [, modulus = "", exponent = ""] = /^7F49(?:8[12])?.+?81(?:81..|82....)(.+)8203(010001)$/.exec(answer) ?? [];
  const jwk = { kty: "RSA", n: base64url(modulus), e: base64url(exponent) };
  return createPublicKey({ key: jwk, format: "jwk" });
}

function base64url(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64url");
}

async function withRsa(id = "6", bits = 1024): Promise<{ readonly card: GidsBench; readonly publicKey: KeyObject }> {
  const card = await GidsBench.ready();
  await card.login();
  await card.keyFile("B081", USER_KEY, rsaTemplates(id, "81"));
  const answer = await card.ok("00470000", `AC0680010${id}830181`);
  const publicKey = publicKeyIn(answer);
  expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(bits);
  return { card, publicKey };
}

/** Chooses the key 81 for signatures or decryption. */
const choose = (tag: string, mechanism: string): string => `002241${tag}068001${mechanism}840181`;

describe("RSA", () => {
  let card: GidsBench;
  let publicKey: KeyObject;

  beforeAll(async () => {
    ({ card, publicKey } = await withRsa());
  });

  it("the public key is read again, by all", async () => {
    await card.logout();
    for (const request of ["70088401" + "81A5037F4980", "A3088401" + "81A5037F4900"]) {
      expect(publicKeyIn(await card.ok("00CB3FFF", request)).equals(publicKey)).toBe(true);
    }
    for (const request of ["70088401" + "81A5037F4881", "7003840181", "7100"]) {
      expect(await card.send("00CB3FFF", request)).toBe("6A80");
    }
    expect(await card.send("00CB3FFF", "7008840182A5037F4980")).toBe("6A88");
    await card.login();
  });

  it.each(["sha1", "sha256", "sha384", "sha512"] as const)("signs a DigestInfo of %s", async (hash) => {
    const digest = createHash(hash).update(message).digest();
    await card.done(choose("B6", "56"));
    const signature = hexBytes(await card.ok("002A9E9A", encodeDigestInfo(hash, new Uint8Array(digest))));
    expect(verify(hash, message, publicKey, signature)).toBe(true);
  });

  it("signs a block that was padded elsewhere", async () => {
    const digest = new Uint8Array(createHash("sha256").update(message).digest());
    const information = encodeHex(encodeDigestInfo("sha256", digest));
    const block = `0001${"FF".repeat(125 - information.length / 2)}00${information}`;
    await card.done(choose("B6", "16"));
    const signature = hexBytes(await card.ok("002A9E9A", block));
    expect(verify("sha256", message, publicKey, signature)).toBe(true);
    expect(await card.send("002A9E9A", block.slice(2))).toBe("6A80");
    expect(await card.send("002A9E9A", "FF".repeat(128))).toBe("6A80");
  });

  it("deciphers PKCS #1, OAEP and plain blocks, with a padding indicator and without", async () => {
    const plain = Buffer.from("what only the card reads");
    const padded = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, plain);
    await card.done(choose("B8", "46"));
    expect(await card.ok("002A8086", new Uint8Array(padded))).toBe(plain.toString("hex").toUpperCase());
    expect(await card.ok("002A8086", Uint8Array.of(0, ...padded))).toBe(plain.toString("hex").toUpperCase());
    const oaep = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" }, plain);
    expect(await card.send("002A8086", new Uint8Array(oaep))).toBe("6A80");
    await card.done(choose("B8", "86"));
    expect(await card.ok("002A8086", new Uint8Array(oaep))).toBe(plain.toString("hex").toUpperCase());
    expect(await card.send("002A8086", new Uint8Array(padded))).toBe("6A80");
    await card.done(choose("B8", "06"));
    expect(await card.ok("002A8086", new Uint8Array(padded))).toMatch(/^0002/);
    expect(await card.send("002A8086", "00")).toBe("6A80");
  });

  it("without the PIN, the key does nothing, also where it was chosen before", async () => {
    await card.done(choose("B6", "56"));
    await card.logout();
    expect(await card.send("002A9E9A", "3021")).toBe("6982");
    expect(await card.ask(choose("B6", "56"))).toBe("6982");
    expect(await card.send("00470000", "AC06800106830181")).toBe("6982");
    expect(await card.send("00DB3FFF", "7005840181A500")).toBe("6982");
    await card.login();
    await card.ok("002A9E9A", "3021");
    // Another selection forgets what was chosen.
    card.card.reset();
    await card.login();
    expect(await card.send("002A9E9A", "3021")).toBe("6985");
  });

  it.each([
    ["a mechanism that its templates have not", "002241B6068001178401" + "81", "6A80"],
    ["verification, which is not among its uses", "002281B6068001568401" + "81", "6A80"],
    ["another template", "002241B4068001568401" + "81", "6A86"],
    ["no SET", "0022F1B6068001568401" + "81", "6A86"],
    ["STORE", "0022F201", "6A86"],
    ["a key that there is not", "002241B6068001568401" + "85", "6A88"],
    ["no mechanism", "002241B603840181", "6A80"],
    ["no key", "002241B603800156", "6A80"],
  ])("refuses to choose it for %s", async (_, command, word) => {
    await card.login();
    expect(await card.ask(command)).toBe(word);
  });

  it("refuses other operations", async () => {
    await card.login();
    await card.done(choose("B6", "56"));
    expect(await card.send("002A9E9A")).toBe("6A80");
    expect(await card.send("002A9E9A", "31".repeat(118))).toBe("6A80");
    expect(await card.send("002A8680", "31")).toBe("6A86");
    expect(await card.send("002A9E9A", "30")).toMatch(/9000$/);
  });
});

it.each([
  ["7", 2048],
  ["8", 3072],
  ["9", 4096],
])("RSA, mechanism 0%s: %i bits sign and decipher", { timeout: 600_000 }, async (id, bits) => {
  const { card, publicKey } = await withRsa(id, bits);
  const digest = new Uint8Array(createHash("sha256").update(message).digest());
  await card.done(choose("B6", `5${id}`));
  const signature = hexBytes(await card.ok("002A9E9A", encodeDigestInfo("sha256", digest)));
  expect(verify("sha256", message, publicKey, signature)).toBe(true);
  await card.done(choose("B8", `4${id}`));
  const cipher = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.from("7"));
  expect(await card.ok("002A8086", new Uint8Array(cipher))).toBe("37");
  const again = card.restarted();
  expect(publicKeyIn(await again.ok("00CB3FFF", "7008840181A5037F4980")).equals(publicKey)).toBe(true);
});

describe("elliptic curves", () => {
  const curves = [
    { id: "C", name: "P-256", hash: "sha256", node: "prime256v1" },
    { id: "D", name: "P-384", hash: "sha384", node: "secp384r1" },
    { id: "E", name: "P-521", hash: "sha512", node: "secp521r1" },
  ] as const;
  const templates = (id: string): string => template("B6", `1${id}`, "82") + template("A4", `0${id}`, "82", "40");

  it.each(curves)("$name: generates, signs, authenticates itself", async ({ id, name, hash }) => {
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B082", USER_KEY, templates(id));
    const answer = await card.ok("00470000", `AC0680010${id}830182`);
    const curve = crypto.curve(name);
    const point = hexBytes(answer.slice(-2 * (2 * curve.bytes + 1)));
    expect(curve.isPoint(point)).toBe(true);
    const digest = new Uint8Array(createHash(hash).update(message).digest());
    await card.done(`002241B60680011${id}840182`);
    expect(curve.verify(point, digest, hexBytes(await card.ok("002A9E9A", digest)))).toBe(true);
    await card.done(`002241A40680010${id}840182`);
    const response = await card.ok("00880000", tlv("7C", tlv("81", encodeHex(digest))));
    const [, der = ""] = /^7C(?:81)?..82(?:81)?..(30.+)$/.exec(response) ?? [];
    const key = createPublicKey({
      key: { kty: "EC", crv: name, x: part(point, 0), y: part(point, 1) },
      format: "jwk",
    });
    expect(verify(hash, message, key, hexBytes(der))).toBe(true);
    for (const bad of ["7C00", "7C028100", tlv("7C", tlv("81", "11".repeat(65))), "7C03820111"])
      expect(await card.send("00880000", bad)).toBe("6A80");
    expect(card.restarted().saved()).toEqual(card.saved());
  });

  it("known answers: RFC 6979, with keys that are imported", async () => {
    let tried = 0;
    for (const { curve, hash, message: text, private: secret, r, s } of shared.rfc6979) {
      const known = curves.find(({ name, hash: usual }) => name === curve && usual === hash);
      if (known === undefined) continue;
      tried++;
      const card = await GidsBench.ready();
      await card.login();
      await card.keyFile("B082", USER_KEY, templates(known.id));
      const library = crypto.curve(known.name);
      const number = secret.padStart(2 * library.bytes, "0");
      const point = encodeHex(library.publicOf(hexBytes(number)));
      await card.ok("00DB3FFF", putKey("82", "03", tlv("30", "020101", tlv("04", number), tlv("04", point))));
      await card.done(`002241B60680011${known.id}840182`);
      const digest = createHash(known.hash).update(hexBytes(text)).digest();
      expect(await card.ok("002A9E9A", new Uint8Array(digest))).toBe(
        `${r.padStart(2 * library.bytes, "0")}${s.padStart(2 * library.bytes, "0")}`,
      );
    }
    expect(tried).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ["another version", (number: string, point: string) => tlv("30", "020100", tlv("04", number), tlv("04", point))],
    ["a point of another key", (number: string) => tlv("30", "020101", tlv("04", number), tlv("04", "04".repeat(65)))],
    ["zero", (_: string, point: string) => tlv("30", "020101", tlv("04", "00".repeat(32)), tlv("04", point))],
    ["no point", (number: string) => tlv("30", "020101", tlv("04", number))],
    [
      "a number that is too long",
      (number: string, point: string) => tlv("30", "020101", tlv("04", `01${number}`), tlv("04", point)),
    ],
  ])("an import with %s is refused, and the key before stays", async (_, make) => {
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B082", USER_KEY, templates("C"));
    const before = await card.ok("00470000", "AC0680010C830182");
    const secret = encodeHex(crypto.curve("P-256").generate());
    const point = encodeHex(crypto.curve("P-256").publicOf(hexBytes(secret)));
    expect(await card.send("00DB3FFF", putKey("82", "03", make(secret, point)))).toBe("6A80");
    expect(await card.ok("00CB3FFF", "7008840182A5037F4980")).toBe(before);
  });
});

describe("import of RSA keys", () => {
  const { answers, exponent, prime1, prime2 } = vectors.oaep;
  const open = async (): Promise<GidsBench> => {
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B081", USER_KEY, rsaTemplates("6", "81"));
    return card;
  };

  it("known answers: OAEP of RSA Laboratories", async () => {
    const card = await open();
    await card.ok("00DB3FFF", putKey("81", "02", rsaPrivateKey(prime1, prime2, exponent)));
    await card.done(choose("B8", "86"));
    for (const { encryption, message: text } of answers) expect(await card.ok("002A8086", encryption)).toBe(text);
  });

  it.each(shared.rsaDecrypt)("known answers: PKCS #1 of project Wycheproof, $source", async ({ e, n, p, q, tests }) => {
    const bits = n.replace(/^00/, "").length * 4;
    const id = { 2048: "7", 3072: "8", 4096: "9" }[bits] ?? "";
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B081", USER_KEY, rsaTemplates(id, "81"));
    await card.ok("00DB3FFF", putKey("81", "02", rsaPrivateKey(p, q, e)));
    await card.done(choose("B8", `4${id}`));
    for (const { ciphertext, message: text, test } of tests) {
      const answer = await card.send("002A8086", ciphertext);
      expect(answer, String(test)).toBe(text === null ? "6A80" : `${text}9000`);
    }
    expect(tests.length).toBeGreaterThan(3);
  });

  it("a key of OpenSSL's, in a chain of commands", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B081", USER_KEY, rsaTemplates("7", "81"));
    const data = putKey("81", "02", privateKey.export({ type: "pkcs1", format: "der" }).toString("hex").toUpperCase());
    const parts = data.match(/.{1,400}/g) ?? [];
    for (const [at, part] of parts.entries()) {
      const cla = at < parts.length - 1 ? "10" : "00";
      await card.done(`${cla}DB3FFF${encodeHex(Uint8Array.of(part.length / 2))}${part}`);
    }
    expect(publicKeyIn(await card.ok("00CB3FFF", "7008840181A5037F4980")).equals(publicKey)).toBe(true);
    // An empty template removes it.
    await card.ok("00DB3FFF", "7005840181A500");
    expect(await card.send("00CB3FFF", "7008840181A5037F4980")).toBe("6A88");
    await card.done(choose("B6", "57"));
    expect(await card.send("002A9E9A", "30")).toBe("6A88");
  });

  it.each<[string, (good: string) => string, string]>([
    ["another type", (good) => putKey("81", "01", good), "6A80"],
    ["a transport key", (good) => tlv("70", "840181", tlv("A5", "830102840183", tlv("87", good))), "6A81"],
    ["a key that there is not", (good) => putKey("84", "02", good), "6A88"],
    ["no value", () => tlv("70", "840181", tlv("A5", "830102")), "6A80"],
    ["no reference", (good) => tlv("70", tlv("A5", "830102", tlv("87", good))), "6A80"],
    ["another modulus", (good) => putKey("81", "02", good.replace(/(028181008?.{10})../, "$1AA")), "6A80"],
    ["a part too few", () => putKey("81", "02", tlv("30", "020100", "020103")), "6A80"],
    ["other primes", () => putKey("81", "02", rsaPrivateKey(prime1, `${prime2.slice(0, -2)}79`, exponent)), "6A80"],
  ])("%s is refused", async (_, make, word) => {
    const card = await open();
    expect(await card.send("00DB3FFF", make(rsaPrivateKey(prime1, prime2, exponent)))).toBe(word);
    expect(await card.send("00CB3FFF", "7008840181A5037F4980")).toBe("6A88");
  });
});

describe("GENERATE ASYMMETRIC KEY PAIR", () => {
  it.each([
    ["another template", "AB06800106830181", "6A80"],
    ["no key", "AC03800106", "6A80"],
    ["a cipher", "AC06800102830181", "6A81"],
    ["a curve that is not there", "AC0680010A830181", "6A81"],
    ["padding", "AC06800156830181", "6A81"],
    ["a key that there is not", "AC06800106830185", "6A88"],
    ["another mechanism than that of its file", "AC06800107830181", "6A86"],
    ["the administrator's key", "AC06800106830180", "6982"],
  ])("refuses %s", async (_, data, word) => {
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B081", USER_KEY, rsaTemplates("6", "81"));
    expect(await card.send("00470000", data)).toBe(word);
  });

  it("that was abandoned has changed nothing", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B081", USER_KEY, rsaTemplates("6", "81"));
    const answer = card.send("00470000", "AC06800106830181");
    card.card.reset();
    expect(await answer).toBe("6F00");
    expect(await card.send("00CB3FFF", "7008840181A5037F4980")).toBe("6A88");
  });
});

describe("access rules of keys", () => {
  const put = (reference: string): string => `7024840${"1"}${reference}A51F8718${"A1".repeat(24)}8803B073DC`;
  /** Who may import a key under a condition: the user, the administrator. */
  it.each([
    ["00", "9000", "9000", "9000"],
    ["10", "6982", "9000", "6982"],
    ["20", "6982", "6982", "9000"],
    ["30", "6982", "9000", "9000"],
    ["90", "6982", "9000", "6982"],
    ["A0", "6982", "6982", "9000"],
    ["B0", "6982", "6982", "6982"],
    ["FF", "6982", "6982", "6982"],
    ["91", "6982", "9000", "6982"],
    ["92", "6982", "6982", "6982"],
    ["01", "9000", "9000", "9000"],
    ["02", "6982", "6982", "6982"],
  ])("condition %s through the contacts", async (condition, none, user, administrator) => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.administrator()).toBe("9000");
    await card.keyFile("B086", `8700${condition}FF`, template("A4", "02", "86", "80"));
    await card.logout();
    expect(await card.send("00DB3FFF", put("86"))).toBe(none);
    await card.login();
    expect(await card.send("00DB3FFF", put("86"))).toBe(user);
    await card.logout();
    expect(await card.administrator()).toBe("9000");
    expect(await card.send("00DB3FFF", put("86"))).toBe(administrator);
    await card.login();
    const both = condition === "B0" ? "9000" : condition === "FF" || condition.endsWith("2") ? "6982" : "9000";
    expect(await card.send("00DB3FFF", put("86"))).toBe(both);
  });

  it("a rule for the air holds there", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.administrator()).toBe("9000");
    await card.keyFile("B086", "870092FF", template("A4", "02", "86", "80"));
    const air = new GidsBench(card.saved(), "contactless");
    expect(await air.send("00DB3FFF", put("86"))).toBe("6982");
    await air.login();
    expect(await air.send("00DB3FFF", put("86"))).toBe("9000");
  });

  it("a key that was deleted does nothing any more", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.keyFile("B082", USER_KEY, template("B6", "1C", "82"));
    await card.ok("00470000", "AC0680010C830182");
    await card.done("002241B60680011C840182");
    await card.ok("002A9E9A", "11".repeat(32));
    await card.done("00A4000C02B082", "00E40000");
    expect(await card.send("002A9E9A", "11".repeat(32))).toBe("6985");
    expect(await card.send("00CB3FFF", "7008840182A5037F4980")).toBe("6A88");
  });

  it("a key usage counter wants the PIN again", async () => {
    const card = await GidsBench.ready();
    await card.login();
    const counted = tlv("B6", "80015C".replace("5C", "1C"), "830182950140", "A30490020002");
    await card.keyFile("B082", USER_KEY, counted);
    await card.ok("00470000", "AC0680010C830182");
    await card.done("002241B606800" + "11C840182");
    await card.ok("002A9E9A", "11".repeat(32));
    await card.ok("002A9E9A", "11".repeat(32));
    expect(await card.send("002A9E9A", "11".repeat(32))).toBe("6982");
    await card.login();
    await card.ok("002A9E9A", "11".repeat(32));
  });

  it("a file that is not activated takes its key, and is used for nothing", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.ok("00E00000", tlv("62", "8201188302B082", tlv("8C", USER_KEY), tlv("A5", template("B6", "1C", "82"))));
    await card.logout();
    await card.ok("00470000", "AC0680010C830182");
    expect(await card.ask("002241B606800" + "11C840182")).toBe("6985");
  });
});

function part(point: Uint8Array, at: 0 | 1): string {
  const half = (point.length - 1) / 2;
  return Buffer.from(point.subarray(1 + at * half, 1 + (at + 1) * half)).toString("base64url");
}
