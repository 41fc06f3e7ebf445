// SPDX-License-Identifier: MIT

import { constants, createECDH, createHash, createPublicKey, publicEncrypt, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { decodeBerTlv, findBerTlv } from "../../src/base/iso7816/index.ts";
import vectors from "../vectors/openpgp-card.json" with { type: "json" };
import { ascii, attributes, crypto, OpenPgpBench, tlv } from "./openpgp-bench.ts";

/** The template of each key's use, and the tag of its attributes. */
const uses = { signature: ["B6", "C1"], decryption: ["B8", "C2"], authentication: ["A4", "C3"] } as const;

async function unlocked(source = {}): Promise<OpenPgpBench> {
  const bench = new OpenPgpBench(source);
  for (const mode of ["81", "82"] as const) expect(await bench.verify(mode, "123456")).toBe("9000");
  expect(await bench.verify("83", "12345678")).toBe("9000");
  return bench;
}

/** A value in the public key that the card returned. */
function publicPart(template: string, tag: number): Uint8Array {
  const decoded = decodeBerTlv(hexBytes(template));
  const found = decoded.ok ? findBerTlv(decoded.value, 0x7f49, tag) : undefined;
  if (found === undefined) throw new Error(`no ${tag} in ${template}`);
  return found.value;
}

const cipherObject = (point: string): Uint8Array => tlv("A6", tlv("7F49", tlv("86", hexBytes(point))));

describe("known answers", () => {
  test.each(vectors.signatures)("$source", async ({ attributes: algorithm, secret, point, input, signature }) => {
    const bench = await unlocked();
    expect(await bench.put("C1", algorithm)).toBe("9000");
    expect(await bench.import("B6", { "92": secret })).toBe("9000");
    expect(encodeHex(publicPart(await bench.ok("00478100", "B600", 65_536), 0x86))).toBe(point);
    expect(await bench.ok("002A9E9A", input, 256)).toBe(signature);
    // The same key for authentication, after a restart.
    expect(await bench.put("C3", algorithm)).toBe("9000");
    expect(await bench.import("A4", { "92": secret })).toBe("9000");
    const next = bench.restarted();
    await next.verify("82", "123456");
    expect(await next.ok("00880000", input, 256)).toBe(signature);
  });

  test.each(vectors.agreements)("$source", async ({ attributes: algorithm, secret, point, other, shared }) => {
    const bench = await unlocked();
    expect(await bench.put("C2", algorithm)).toBe("9000");
    expect(await bench.import("B8", { "92": secret })).toBe("9000");
    expect(encodeHex(publicPart(await bench.ok("00478100", "B800", 65_536), 0x86))).toBe(point);
    const next = bench.restarted();
    await next.verify("82", "123456");
    expect(await next.ok("002A8086", cipherObject(other), 256)).toBe(shared);
  });

  test.each(vectors.ciphers)("$source", async ({ key, plain, enciphered }) => {
    const bench = await unlocked();
    expect(await bench.send("002A8680", plain, 256)).toBe("6A88");
    expect(await bench.put("D5", key)).toBe("9000");
    expect(await bench.ok("002A8680", plain, 256)).toBe(`02${enciphered}`);
    expect(await bench.ok("002A8086", `02${enciphered}`, 256)).toBe(plain);
    expect(await bench.send("002A8680", `${plain}00`, 256)).toBe("6A80");
  });

  test("X25519 with the 40 that RFC 4880bis puts in front of the point", async () => {
    const vector = vectors.agreements.find(({ attributes: algorithm }) => algorithm === attributes.x25519);
    if (vector === undefined) throw new Error("no vector for X25519");
    const bench = await unlocked();
    await bench.put("C2", attributes.x25519);
    await bench.import("B8", { "92": vector.secret });
    expect(await bench.ok("002A8086", cipherObject(`40${vector.other}`), 256)).toBe(vector.shared);
  });
});

describe("RSA", () => {
  const digestInfo = (message: string): string =>
    `3031300D060960864801650304020105000420${createHash("sha256").update(message).digest("hex")}`;

  const keyOf = (template: string) => {
    const part = (tag: number): string => Buffer.from(publicPart(template, tag)).toString("base64url");
    return createPublicKey({ format: "jwk", key: { kty: "RSA", n: part(0x81), e: part(0x82) } });
  };

  test("a key is made, signs, authenticates and deciphers", async () => {
    const bench = await unlocked();
    for (const use of ["B6", "B8", "A4"]) await bench.ok("00478000", `${use}00`, 65_536);
    expect(await bench.get("DE")).toBe("010102010301");
    const next = bench.restarted();
    for (const mode of ["81", "82"] as const) await next.verify(mode, "123456");
    const [sign, decipher, authenticate] = await Promise.all([
      next.ok("00478100", "B600", 65_536).then(keyOf),
      next.ok("00478100", "B800", 65_536).then(keyOf),
      next.ok("00478100", "A400", 65_536).then(keyOf),
    ]);
    const signature = hexBytes(await next.ok("002A9E9A", digestInfo("one"), 256));
    expect(verify("sha256", Buffer.from("one"), sign, signature)).toBe(true);
    const proof = hexBytes(await next.ok("00880000", digestInfo("two"), 256));
    expect(verify("sha256", Buffer.from("two"), authenticate, proof)).toBe(true);
    const padding = constants.RSA_PKCS1_PADDING;
    const cryptogram = publicEncrypt({ key: decipher, padding }, Buffer.from("three"));
    expect(await next.ok("002A8086", `00${cryptogram.toString("hex")}`, 256)).toBe(ascii("three"));
    expect(await next.send("002A8086", `00${"00".repeat(256)}`, 256)).toBe("6A80");
    expect(await next.send("002A8086", `00${"FF".repeat(256)}`, 256)).toBe("6A80");
    expect(await next.send("002A8086", cryptogram, 256)).toBe("6A80");
  });

  test("MANAGE SECURITY ENVIRONMENT exchanges the keys for decryption and authentication", async () => {
    const bench = await unlocked();
    await bench.ok("00478000", "A400", 65_536);
    const key = keyOf(await bench.ok("00478100", "A400", 65_536));
    const cryptogram = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.from("text"));
    const command = `00${cryptogram.toString("hex")}`;
    expect(await bench.send("002A8086", command, 256)).toBe("6A88");
    expect(await bench.send("002241B8", "830103")).toBe("9000");
    expect(await bench.ok("002A8086", command, 256)).toBe(ascii("text"));
    expect(await bench.send("002241A4", "830102")).toBe("9000");
    expect(await bench.send("00880000", digestInfo("text"), 256)).toBe("6A88");
    expect(await bench.send("002241B6", "830101")).toBe("6B00");
    expect(await bench.send("002241B8", "830101")).toBe("6A80");
    await bench.send("00A40400", "D27600012401");
    await bench.verify("82", "123456");
    expect(await bench.send("002A8086", command, 256)).toBe("6A88");
  });

  test("an import in each format; primes that give no such key are refused", async () => {
    const { e, n, p, q, dp, dq, qinv } = await crypto.generateRsa(2048);
    const parts = { "91": encodeHex(e), "92": encodeHex(p), "93": encodeHex(q) };
    const crt = { "94": encodeHex(qinv), "95": encodeHex(dp), "96": encodeHex(dq) };
    const bench = await unlocked();
    for (const more of [{}, crt, { ...crt, "97": encodeHex(n) }, { "91": `00${parts["91"]}` }]) {
      expect(await bench.import("B6", { ...parts, ...more })).toBe("9000");
      expect(encodeHex(publicPart(await bench.ok("00478100", "B600", 65_536), 0x81))).toBe(encodeHex(n));
    }
    expect(await bench.get("DE")).toBe("010202000300");
    const wrong = [
      { "93": parts["92"] },
      { "92": encodeHex(p).replace(/.$/, "0") },
      { "92": encodeHex(p.map((byte, at) => (at === 60 ? byte ^ 1 : byte))) },
      { "91": "00" },
      { "92": "03", "93": "05" },
      { "97": encodeHex(n.map((byte, at) => (at === 9 ? byte ^ 1 : byte))) },
      { "93": "" },
    ];
    for (const part of wrong) expect(await bench.import("B8", { ...parts, ...part })).toBe("6A80");
    expect(await bench.get("DE")).toBe("010202000300");
  });

  test("more than 40 % of the modulus is not signed", async () => {
    const bench = await unlocked({ severalSignatures: true });
    await bench.ok("00478000", "B600", 65_536);
    expect(await bench.send("002A9E9A", "11".repeat(102), 256)).toMatch(/9000$/);
    expect(await bench.send("002A9E9A", "11".repeat(103), 256)).toBe("6A80");
    expect(await bench.send("002A9E9A", "", 256)).toBe("6A80");
  });
});

describe("the signature key", () => {
  async function signing(source = {}): Promise<OpenPgpBench> {
    const bench = await unlocked(source);
    await bench.put("C1", attributes.ed25519);
    await bench.ok("00478000", "B600", 65_536);
    return bench;
  }

  test("VERIFY is good for one signature, or for several; the counter counts", async () => {
    const bench = await signing();
    await bench.ok("002A9E9A", "AA", 256);
    expect(await bench.send("002A9E9A", "AA", 256)).toBe("6982");
    expect(await bench.send("00200082")).toBe("9000");
    expect(await bench.put("C4", "01")).toBe("9000");
    await bench.verify("81", "123456");
    for (let count = 0; count < 3; count++) await bench.ok("002A9E9A", "AA", 256);
    const next = bench.restarted();
    expect(await next.get("7A")).toBe("9303000004");
    expect(await next.get("C4")).toBe("017F7F7F030003");
    await next.verify("83", "12345678");
    await next.ok("00478000", "B600", 65_536);
    expect(await next.get("93")).toBe("000000");
  });

  test("each key has its own password mode", async () => {
    const bench = await signing();
    await bench.send("0020FF81");
    expect(await bench.send("002A9E9A", "AA", 256)).toBe("6982");
    await bench.send("0020FF82");
    expect(await bench.send("00880000", "AA", 256)).toBe("6982");
    expect(await bench.send("002A8086", "00AA", 256)).toBe("6982");
    expect(await bench.send("002A8680", "00".repeat(16), 256)).toBe("6982");
    await bench.send("0020FF83");
    expect(await bench.send("00478000", "B600", 65_536)).toBe("6982");
    expect(await bench.import("B6", {})).toBe("6982");
  });

  test("without a key: 6A88", async () => {
    const bench = await unlocked();
    expect(await bench.send("002A9E9A", "AA", 256)).toBe("6A88");
    expect(await bench.send("002A8086", "00AA", 256)).toBe("6A88");
    expect(await bench.send("00880000", "AA", 256)).toBe("6A88");
    expect(await bench.send("00478100", "B600", 65_536)).toBe("6A88");
  });

  test("a touch that is refused: 6600, and nothing was signed", async () => {
    const asked: string[] = [];
    const touched = (use: string): boolean => asked.push(use) > 1;
    const bench = new OpenPgpBench({}, { touched });
    await bench.verify("83", "12345678");
    await bench.put("C1", attributes.ed25519);
    await bench.ok("00478000", "B600", 65_536);
    await bench.verify("81", "123456");
    await bench.put("D6", "0120");
    expect(await bench.send("002A9E9A", "AA", 256)).toBe("6600");
    expect(await bench.get("93")).toBe("000000");
    await bench.ok("002A9E9A", "AA", 256);
    expect(asked).toEqual(["signature", "signature"]);
  });
});

describe("GENERATE ASYMMETRIC KEY PAIR, 7.2.14", () => {
  test.each([
    ["B8", "C2", attributes.p256Ecdh, "prime256v1"],
    ["B8", "C2", "122B8104000A", "secp256k1"],
  ])("%s: ECDH with a key that the card made", async (template, tag, algorithm, curve) => {
    const bench = await unlocked();
    expect(await bench.put(tag, algorithm)).toBe("9000");
    const point = publicPart(await bench.ok("00478000", `${template}00`, 65_536), 0x86);
    const other = createECDH(curve);
    other.generateKeys();
    const shared = await bench.ok("002A8086", cipherObject(other.getPublicKey("hex")), 256);
    expect(shared).toBe(other.computeSecret(point).toString("hex").toUpperCase());
    const off = other.getPublicKey("hex").replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
    expect(await bench.send("002A8086", cipherObject(off), 256)).toBe("6A80");
    expect(await bench.send("002A8086", "A6037F4900", 256)).toBe("6A80");
  });

  test.each([
    ["P-256", attributes.p256],
    ["P-384", "132B81040022"],
    ["P-521", "132B81040023"],
    ["secp256k1", "132B8104000A"],
    ["brainpoolP256r1", "132B2403030208010107"],
    ["brainpoolP384r1", "132B240303020801010B"],
    ["brainpoolP512r1", "132B240303020801010D"],
  ])("%s: ECDSA with a key that the card made", async (_, algorithm) => {
    const bench = await unlocked();
    await bench.put("C3", algorithm);
    const point = publicPart(await bench.ok("00478000", "A400", 65_536), 0x86);
    const digest = createHash("sha256").update("message").digest("hex");
    const signature = hexBytes(await bench.ok("00880000", digest, 256));
    const oids = [tlv("06", hexBytes("2A8648CE3D0201")), tlv("06", hexBytes(algorithm.slice(2)))];
    const algorithmOf = tlv("30", Uint8Array.from(oids.flatMap((oid) => [...oid])));
    const der = tlv("30", Uint8Array.of(...algorithmOf, ...tlv("03", Uint8Array.of(0, ...point))));
    const key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
    expect(verify("sha256", Buffer.from("message"), { key, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
    expect(await bench.send("00880000", digest.slice(0, 38), 256)).toBe("6A80");
  });

  test.each([
    ["00478000", "B7 00", "6A80"],
    ["00478000", "", "6A80"],
    ["00478000", "B6 03 84 01 02", "6A80"],
    ["00478200", "B6 00", "6B00"],
    ["00478001", "B6 00", "6B00"],
  ])("%s %s: %s", async (header, data, expected) => {
    expect(await (await unlocked()).send(header, data.replaceAll(" ", ""), 256)).toBe(expected);
  });

  test("B6 03 84 01 01 is the signature key too", async () => {
    const bench = await unlocked();
    await bench.put("C1", attributes.ed25519);
    expect(await bench.ok("00478000", "B603840101", 65_536)).toBe(await bench.ok("00478100", "B600", 65_536));
  });

  test("a reset while a key is made: there is none", async () => {
    const bench = await unlocked();
    const answer = bench.send("00478000", "B600", 65_536);
    bench.card.reset();
    expect(await answer).toBe("6F00");
    expect(await bench.get("DE")).toBe("010002000300");
  });
});

describe("the import of a key, 4.4.3.12", () => {
  test("a template without a key removes the one that is there", async () => {
    const bench = await unlocked();
    await bench.put("C1", attributes.ed25519);
    expect(await bench.import("B6", { "92": "11".repeat(32) })).toBe("9000");
    expect(await bench.send("00DB3FFF", "4D02B600")).toBe("9000");
    expect(await bench.get("DE")).toBe("010002000300");
  });

  test.each([
    ["no list", "B600"],
    ["no key's template", "4D02B700"],
    ["another key's reference", "4D05B603840102"],
    ["lengths without a key", "4D09B6007F4802922000".replace("2000", "20")],
    ["a key that is too short", "4D0BB6007F480292205F4801AA"],
    ["too long a secret", `4D2EB6007F48029222${"5F4822"}${"11".repeat(34)}`],
    ["bytes after the list", "4D02B60000"],
    ["nothing", ""],
  ])("%s: 6A80", async (_, data) => {
    const bench = await unlocked();
    await bench.put("C1", attributes.ed25519);
    expect(await bench.send("00DB3FFF", data)).toBe("6A80");
  });

  test.each([
    ["zero", "00".repeat(32)],
    ["the order of the group", "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"],
    ["a number of 33 bytes", `01${"00".repeat(32)}`],
  ])("%s is no key of P-256", async (_, secret) => {
    const bench = await unlocked();
    await bench.put("C1", attributes.p256);
    expect(await bench.import("B6", { "92": secret })).toBe("6A80");
  });

  test("with the public key too, and in chained commands", async () => {
    const bench = await unlocked();
    await bench.put("C1", `${attributes.p256}FF`);
    const parts = { "92": "11".repeat(32), "99": `04${"22".repeat(64)}` };
    expect(await bench.import("B6", parts)).toBe("9000");
    expect(await bench.get("C1")).toBe(`${attributes.p256}FF`);
    expect(await bench.send("10DB3FFF", "4D02")).toBe("9000");
    expect(await bench.send("00DB3FFF", "B600")).toBe("9000");
    expect(await bench.get("DE")).toBe("010002000300");
  });
});

test("all of it is in the saved card, and only there", async () => {
  const bench = await unlocked();
  for (const [template, tag] of Object.values(uses)) {
    await bench.put(tag, template === "B8" ? attributes.x25519 : attributes.ed25519);
    await bench.ok("00478000", `${template}00`, 65_536);
  }
  const publicKeys = (one: OpenPgpBench) =>
    Promise.all(Object.values(uses).map(([template]) => one.ok("00478100", `${template}00`, 65_536)));
  expect(await publicKeys(bench.restarted())).toEqual(await publicKeys(bench));
});
