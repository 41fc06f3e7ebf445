// SPDX-License-Identifier: MIT

// The OpenPGP application as one of Yubico's keys: what a YubiKey 5.4.3 and 5.7 answers where the specification leaves a
// choice, or has nothing.

import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { decodeBerTlv } from "../../src/base/iso7816/index.ts";
import { attestationRoot } from "../../src/cards/crypto/index.ts";
import { attestationFrom } from "../../src/cards/openpgp/index.ts";
import { ascii, attributes, crypto, OpenPgpBench, tlv } from "./openpgp-bench.ts";

const FINGERPRINT = "AB".repeat(20);
const secret = "11".repeat(32);

async function admin(firmware: string): Promise<OpenPgpBench> {
  const bench = new OpenPgpBench({ firmware });
  expect(await bench.verify("83", "12345678")).toBe("9000");
  return bench;
}

/** B6 03 84 01 81: the template of the attestation key. */
async function importAttestationKey(bench: OpenPgpBench): Promise<string> {
  const inside = hexBytes(`B6038401817F4802${"9220"}5F4820${secret}`);
  return bench.send("00DB3FFF", tlv("4D", inside));
}

/** The attributes that FA lists, by the tag of the key. */
async function listed(bench: OpenPgpBench): Promise<Readonly<Record<string, readonly string[]>>> {
  const decoded = decodeBerTlv(hexBytes(await bench.get("FA")));
  if (!decoded.ok) throw new Error(decoded.error.message);
  const list: Record<string, string[]> = {};
  for (const { tag, value } of decoded.value[0]?.children ?? []) {
    const name = tag.toString(16).toUpperCase();
    list[name] = [...(list[name] ?? []), encodeHex(value)];
  }
  return list;
}

test("SELECT says nothing", async () => {
  const select = ["00A40400", "D2760001240100"] as const;
  expect(await new OpenPgpBench({ firmware: "5.7.2" }).send(...select, 256)).toBe("6A82");
  expect(await new OpenPgpBench({ firmware: "5.7.2" }).send("00A40400", "D27600012401", 256)).toBe("9000");
});

test("a VERIFY of PW1 is good for several signatures, unless PUT DATA C4 says otherwise", async () => {
  const bench = await admin("5.7.2");
  expect(await bench.get("C4")).toBe("017F7F7F030003");
  await bench.put("C1", attributes.p256);
  await bench.ok("00478000", "B600");
  await bench.verify("81", "123456");
  for (let count = 0; count < 2; count++) await bench.ok("002A9E9A", secret, 256);
  await bench.put("C4", "00");
  await bench.ok("002A9E9A", secret, 256);
  expect(await bench.send("002A9E9A", secret, 256)).toBe("6982");
  expect(await bench.restarted().get("C4")).toBe("007F7F7F030003");
  expect(await new OpenPgpBench().get("C4")).toBe("007F7F7F030003");
});

test("GET NEXT DATA ends with 6A80", async () => {
  const bench = new OpenPgpBench({ firmware: "5.7.2" });
  await bench.get("7F21");
  for (const expected of ["9000", "9000", "6A80"]) expect(await bench.send("00CC7F21", "", 256)).toBe(expected);
});

test("a factory reset leaves verified what was, and the reset of any other card does not", async () => {
  const bench = await admin("5.7.2");
  await bench.put("5B", ascii("Doe"));
  expect(await bench.send("00E60000")).toBe("9000");
  expect(await bench.send("00440000")).toBe("9000");
  expect(await bench.get("5B")).toBe("");
  expect(await bench.get("C4")).toBe("017F7F7F030003");
  expect(await bench.put("5B", ascii("Roe"))).toBe("9000");
  const other = new OpenPgpBench();
  await other.verify("83", "12345678");
  await other.send("00E60000");
  await other.send("00440000");
  expect(await other.put("5B", ascii("Roe"))).toBe("6982");
});

describe("algorithms", () => {
  const curves = ["2A8648CE3D030107", "2B81040022", "2B81040023", "2B8104000A", "2B2403030208010107"];
  const rsa = ["010800001100", "010C00001100", "011000001100"];

  test("RSA keys have the exponent 65537", async () => {
    const bench = await admin("5.7.2");
    expect(await bench.get("C1")).toBe(`C106${rsa[0]}`.slice(4));
    const list = await listed(bench);
    expect(Object.keys(list)).toEqual(["C1", "C2", "C3", "DA"]);
    expect(list.C1?.slice(0, 8)).toEqual([...rsa, ...curves.map((oid) => `13${oid}`)]);
    expect(list.C1?.at(-1)).toBe(attributes.ed25519);
    expect(list.C2?.at(-1)).toBe(attributes.x25519);
    expect(list.DA).not.toContain(attributes.ed25519);
    for (const one of list.C1 ?? []) expect(await bench.put("C1", one)).toBe("9000");
    expect(await bench.put("DA", attributes.ed25519)).toBe("6A80");
  });

  test("firmware before 5.6.1 lists Curve25519 as programs know it", async () => {
    for (const tag of ["C1", "C2", "C3", "DA"]) {
      const list = (await listed(new OpenPgpBench({ firmware: "5.6.0" })))[tag] ?? [];
      expect(list.slice(-2)).toEqual([attributes.ed25519, `16${attributes.x25519.slice(2)}`]);
      expect(list).toHaveLength(12);
    }
    expect((await listed(new OpenPgpBench({ firmware: "5.6.1" }))).C2?.at(-1)).toBe(attributes.x25519);
  });
});

describe("the attestation key", () => {
  test("has objects of its own, and its place in the lists", async () => {
    const bench = await admin("5.7.2");
    expect(await bench.get("DE")).toBe("0100020003008100");
    expect(await bench.put("DA", attributes.p256)).toBe("9000");
    expect(await importAttestationKey(bench)).toBe("9000");
    for (const [tag, data] of [
      ["DB", FINGERPRINT],
      ["DC", FINGERPRINT],
      ["DD", "60000000"],
      ["FC", "3003020105"],
      ["D9", "0120"],
    ] as const)
      expect(await bench.put(tag, data)).toBe("9000");
    const after = bench.restarted();
    expect(await after.get("DE")).toBe("0100020003008102");
    expect((await after.get("C5")).slice(-40)).toBe(FINGERPRINT);
    expect((await after.get("CD")).slice(-8)).toBe("60000000");
    expect(await after.get("FC")).toBe("3003020105");
    expect(await after.get("D9")).toBe("0120");
    expect(await after.ok("00478100", "B603840181", 256)).toMatch(/^7F4943864104/);
    expect(await after.send("00478100", "B600", 256)).toBe("6A88");
  });

  test("stays with a factory reset, with its certificate", async () => {
    const bench = await admin("5.7.2");
    await bench.put("DA", attributes.p256);
    await importAttestationKey(bench);
    await bench.put("DB", FINGERPRINT);
    await bench.put("FC", "3003020105");
    await bench.put("D9", "0120");
    const key = await bench.ok("00478100", "B603840181", 256);
    await bench.send("00E60000");
    await bench.send("00440000");
    expect(await bench.ok("00478100", "B603840181", 256)).toBe(key);
    expect(await bench.get("FC")).toBe("3003020105");
    expect(await bench.get("D9")).toBe("0020");
    expect((await bench.get("C5")).slice(-40)).toBe(FINGERPRINT);
  });

  test("GET ATTESTATION puts a certificate in the place of the key's own, after VERIFY of PW1", async () => {
    const bench = new OpenPgpBench({ firmware: "5.7.2", ...(await attestationFrom(crypto, [5, 7, 2])) });
    await bench.verify("83", "12345678");
    const attest = "80FB0300";
    expect(await bench.send(attest)).toBe("6982");
    await bench.verify("81", "123456");
    expect(await bench.send(attest), "there is no key").toBe("6A88");
    await bench.put("C3", attributes.ed25519);
    await bench.put("5B", ascii("Doe<<Jane"));
    await bench.ok("00478000", "A400", 65_536);
    await bench.put("C9", FINGERPRINT);
    expect(await bench.send(attest)).toBe("9000");
    const certificate = new X509Certificate(hexBytes(await bench.restarted().get("7F21")));
    const issuer = new X509Certificate(hexBytes(await bench.get("FC")));
    expect([certificate.subject, certificate.issuer]).toEqual([
      "CN=YubiKey OPGP Attestation AUT",
      "CN=scard OpenPGP Attestation",
    ]);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(issuer.verify(new X509Certificate(await attestationRoot(crypto)).publicKey)).toBe(true);
    // Cardholder, source, version, fingerprint, serial number: Yubico's extensions.
    const raw = encodeHex(new Uint8Array(certificate.raw));
    for (const part of [`0C09${ascii("Doe<<Jane")}`, "0403020101", "0403050702", `0414${FINGERPRINT}`])
      expect(raw).toContain(part);
    for (const wrong of ["80FB0000", "80FB8100", "80FB0301", "80FB0400"]) expect(await bench.send(wrong)).toBe("6B00");
    expect(await bench.send("00FB0300")).toBe("6D00");
    await bench.import("A4", { "92": secret });
    expect(await bench.send(attest), "an imported key").toBe("6985");
    expect(await new OpenPgpBench().send(attest)).toBe("6E00");
  });

  test("other cards have none", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    expect(await importAttestationKey(bench)).toBe("6A80");
    expect(await bench.send("00478100", "B603840181", 256)).toBe("6A80");
    for (const tag of ["D9", "DA", "DB", "DD", "FC"]) {
      expect(await bench.put(tag, "0120"), tag).toBe("6A88");
      expect(await bench.send(`00CA00${tag}`, "", 256), tag).toBe("6A88");
    }
  });
});
