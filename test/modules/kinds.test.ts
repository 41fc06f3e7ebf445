// SPDX-License-Identifier: MIT

// Cards that are not the usual ones: without Yubico's commands, with packed certificates, with a KDF, with PKCS #15.

import { createHash, createPublicKey, generateKeyPairSync, verify, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { type BerTlvInit, encodeBerTlv } from "../../src/base/iso7816/index.ts";
import { ApplicationCard, type CardApplication, type SoftwareCard } from "../../src/entry/cards.ts";
import { softwareCard } from "../../src/entry/embedded.ts";
import {
  type CardModule,
  type OpenCard,
  type OpenCardOptions,
  openCard,
  type PinDescription,
} from "../../src/entry/modules.ts";
import { openDescribedCard } from "../../src/entry/software.ts";
import { testRig } from "../../src/entry/test-rig.ts";
import { openDatabase } from "../../src/platform/node/sqlite/index.ts";
import { ascii, attributes, OpenPgpBench } from "../cards/openpgp-bench.ts";
import { PivSession } from "../piv/piv-session.ts";
import { algorithms, certify, generate, putCertificate } from "./piv-keys.ts";

const text = new TextEncoder().encode("what is signed");
const pin = { pin: () => "123456" };

async function opened(card: SoftwareCard | string, options: OpenCardOptions = pin): Promise<OpenCard> {
  const rig = await testRig({ card });
  const result = await openCard(await rig.connect(), options);
  onTestFinished(async () => {
    await result.close();
    await rig.close();
  });
  return result;
}

async function signs(card: OpenCard, name: string): Promise<boolean> {
  const container = (await card.containers()).find((one) => one.name === name);
  const key = { key: Buffer.from(container?.publicKey ?? []), format: "der", type: "spki" } as const;
  return verify("sha256", text, createPublicKey(key), await card.sign(name, text, { hash: "sha256" }));
}

test("a PIV card of the standard alone: its keys are seen by their certificates, retired ones by the key history", async () => {
  const session = await PivSession.open({ extensions: "none" });
  const card = await opened(session.card);
  expect((await card.properties()).label).toBe("PIV card");
  expect(await card.containers()).toEqual([]);
  // What GENERATE answers is put into a certificate by the issuer.
  const made: Record<string, Uint8Array> = {};
  for (const [slot, algorithm] of [
    ["9A", algorithms.p256],
    ["9C", algorithms.p384],
    ["82", algorithms.rsa2048],
  ] as const) {
    const own = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey;
    made[slot] = new Uint8Array(own.export({ type: "spki", format: "der" }));
    await session.generate(Number.parseInt(slot, 16), algorithm);
  }
  expect(session.image.keys.size).toBe(3);
  const keys = { "9A": "P-256", "9C": "P-256" };
  for (const slot of Object.keys(keys)) await putCertificate(card, slot, certify(made[slot] ?? text, slot));
  expect((await card.containers()).map(({ name, pinPolicy }) => [name, pinPolicy])).toEqual([
    ["9A", "once"],
    ["9C", "always"],
  ]);
  await putCertificate(card, "82", certify(made["82"] ?? text, "retired"));
  await card.transaction(async () => {
    await card.authenticate(hexBytes("010203040506070801020304050607080102030405060708"));
    const history = hexBytes("5C035FC10C5308C10101C20100FE00");
    expect((await card.send({ cla: 0, ins: 0xdb, p1: 0x3f, p2: 0xff, data: history })).sw).toBe(0x9000);
  });
  expect((await card.containers()).map(({ name }) => name)).toEqual(["9A", "9C", "82"]);
});

test("a PIV card that prefers the global PIN", async () => {
  const globalPin = { value: new TextEncoder().encode("87654321"), tries: 5, triesLeft: 5 };
  const session = new PivSession({ ...(await PivSession.open({ extensions: "none" })).image, globalPin });
  session.image.objects.set(0x7e, hexBytes("4F0BA0000003080000100001005F2F026020"));
  const card = await opened(session.card);
  expect((await card.pins()).map(({ role, triesLeft }) => [role, triesLeft])).toEqual([
    ["user", 5],
    ["unblock", undefined],
    ["admin", undefined],
  ]);
  await card.verifyPin("87654321");
  await card.changePin({ oldPin: "87654321", newPin: "111111" });
  await expect(card.verifyPin("123456")).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 4 } });
  await card.verifyPin("111111");
  await expect(card.unblock({ secret: "12345678", newPin: "222222" })).rejects.toMatchObject({
    code: "unsupported-feature",
    message: expect.stringContaining("unblocked by no role"),
  });
});

test("a PIV certificate that is packed with gzip", async () => {
  const card = await opened("piv");
  await generate(card, "9A", algorithms.p256);
  const [container] = await card.containers();
  const certificate = certify(container?.publicKey ?? text, "Packed");
  await putCertificate(card, "9A", new Uint8Array(gzipSync(certificate)), true);
  expect(await card.certificate("9a")).toEqual(certificate);
  await putCertificate(card, "9A", new Uint8Array(gzipSync(certificate)).subarray(0, 40), true);
  await expect(card.certificate("9A")).rejects.toMatchObject({ code: "no-such-certificate" });
});

test("a YubiKey has two modules: the one that is asked for", async () => {
  const card = await softwareCard("yubikey");
  const rig = await testRig({ card });
  await using piv = await openCard(await rig.connect());
  await using openpgp = await openCard(await rig.connect(), { module: "OpenPGP" });
  expect([piv.module, openpgp.module]).toEqual(["piv", "openpgp"]);
  // They select their application again, each time.
  expect((await openpgp.pins()).map(({ role }) => role)).toEqual(["user", "unblock", "admin"]);
  expect((await piv.pins()).map(({ role }) => role)).toEqual(["user", "unblock", "admin"]);
  expect((await openpgp.properties()).label).toBe("OpenPGP card 3.4");
  expect((await piv.properties()).label).toMatch(/^YubiKey 5\./);
  await rig.close();
});

test("the wrong management key, and what ends with the transaction", async () => {
  const card = await opened("piv");
  await expect(card.authenticate(new Uint8Array(24).fill(9))).rejects.toMatchObject({
    code: "security-violation",
    details: { statusWord: 0x6982 },
  });
  const answered: string[] = [];
  await card
    .transaction(() =>
      card.authenticate(({ challenge, cipher }) => {
        answered.push(`${cipher} ${challenge.length}`);
        return challenge;
      }),
    )
    .catch(({ code }) => answered.push(code));
  expect(answered).toEqual(["aes 16", "security-violation"]);
  await card.authenticate(hexBytes("010203040506070801020304050607080102030405060708"));
  const put = { cla: 0, ins: 0xdb, p1: 0x3f, p2: 0xff, data: hexBytes("5C035FC1095300") };
  expect((await card.send(put)).sw).toBe(0x6982);
});

test("an OpenPGP card with a KDF: passwords go as hashes", async () => {
  const bench = new OpenPgpBench();
  expect(await bench.verify("83", "12345678")).toBe("9000");
  expect(await bench.put("C1", attributes.p256)).toBe("9000");
  await bench.ok("00478000", "B600", 65_536);
  // Iterated and salted, SHA-256, 1000 bytes; then the first passwords, hashed. RFC 4880, 3.7.1.3.
  const hashed = (salt: string, password: string): string => {
    const once = Buffer.concat([hexBytes(salt.repeat(8)), Buffer.from(password)]);
    return encodeHex(createHash("sha256").update(Buffer.alloc(1000, once)).digest());
  };
  const salts = `8408${"AA".repeat(8)}8508${"BB".repeat(8)}8608${"CC".repeat(8)}`;
  const kdf = `8101038201088304000003E8${salts}8720${hashed("AA", "123456")}8820${hashed("CC", "12345678")}`;
  expect(await bench.put("F9", kdf)).toBe("9000");
  const card = await opened(bench.card);
  expect(await signs(card, "signature")).toBe(true);
  await card.changePin({ oldPin: "123456", newPin: "654321" });
  await card.verifyPin("654321");
  await card.verifyPin("12345678", { role: "admin" });
  await card.unblock({ by: "admin", secret: "12345678", newPin: "111111" });
  await card.verifyPin("111111");
  await expect(card.verifyPin("654321")).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
});

test("an OpenPGP card whose signature PIN is good for several", async () => {
  const bench = new OpenPgpBench();
  expect(await bench.verify("83", "12345678")).toBe("9000");
  expect(await bench.put("C1", attributes.ed25519)).toBe("9000");
  expect(await bench.put("C4", "01")).toBe("9000");
  expect(await bench.put("5B", ascii("Holder<<Card"))).toBe("9000");
  await bench.ok("00478000", "B600", 65_536);
  const card = await opened(bench.card);
  expect((await card.containers()).map(({ pinPolicy }) => pinPolicy)).toEqual(["once"]);
  expect((await card.properties()).facts).toEqual({ holder: "Holder<<Card" });
  expect(await card.freeSpace()).toEqual({ bytes: undefined, containers: 2, mostContainers: 3 });
});

/** A card with the files of ISO/IEC 7816-15: a key and its certificate, in a directory that EF.DIR names or not. */
async function pkcs15Card(certificate: Uint8Array, how: "by name" | "by path"): Promise<SoftwareCard> {
  const sequence = (...children: readonly BerTlvInit[]): BerTlvInit => ({ tag: 0x30, children });
  const octets = (hex: string): BerTlvInit => ({ tag: 0x04, value: hexBytes(hex) });
  const label = (value: string): BerTlvInit => ({ tag: 0x0c, value: new TextEncoder().encode(value) });
  const path = (hex: string): BerTlvInit => sequence(octets(hex));
  const typed = (...children: readonly BerTlvInit[]): BerTlvInit => ({ tag: 0xa1, children: [sequence(...children)] });
  const objects = [
    { tag: 0xa0, children: [path("3F0050154401")] },
    { tag: 0xa4, children: [path("4402")] },
  ];
  const key = sequence(sequence(label("Signature key")), sequence(octets("45")), typed(path("3F0050154B01")));
  const certificates = sequence(sequence(label("Certificate")), sequence(octets("45")), typed(path("4403")));
  const info = sequence({ tag: 0x02, value: Uint8Array.of(0) }, octets("0102AB"), {
    tag: 0x80,
    value: new TextEncoder().encode("My eID"),
  });
  const file = (id: string, content: Uint8Array): object => ({
    type: "transparent",
    id,
    content: encodeHex(content),
    size: content.length + 20,
  });
  const aid = "A000000063504B43532D3135";
  const entry = encodeBerTlv([
    {
      tag: 0x61,
      children: [
        { tag: 0x4f, value: hexBytes(aid) },
        { tag: 0x51, value: hexBytes("3F005015") },
      ],
    },
  ]);
  const { card } = await openDescribedCard({
    name: "eID",
    files: [
      ...(how === "by path" ? [file("2F00", entry)] : []),
      {
        type: "df",
        id: "5015",
        ...(how === "by name" && { name: aid }),
        files: [
          file("5031", encodeBerTlv(objects)),
          file("5032", encodeBerTlv([info])),
          file("4401", encodeBerTlv([key])),
          file("4402", encodeBerTlv([certificates])),
          file("4403", concatBytes(certificate)),
        ],
      },
    ],
  });
  return card;
}

test.each(["by name", "by path"] as const)("PKCS #15, found %s: its certificates, and nothing else", async (how) => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const certificate = certify(new Uint8Array(publicKey.export({ type: "spki", format: "der" })), "Citizen");
  const card = await opened(await pkcs15Card(certificate, how));
  expect(await card.properties()).toMatchObject({ module: "pkcs15", label: "My eID", serialNumber: "0102AB" });
  const [found, ...others] = await card.certificates();
  expect(others).toEqual([]);
  expect(found?.container).toMatchObject({ name: "45", label: "Signature key", key: { kind: "rsa", bits: 2048 } });
  expect(new X509Certificate(found?.certificate ?? text).publicKey.equals(publicKey)).toBe(true);
  await expect(card.sign("45", text)).rejects.toMatchObject({ code: "unsupported-feature" });
  await expect(card.verifyPin("1234")).rejects.toMatchObject({ code: "unsupported-feature" });
});

test("the database of this user names the module of the card's ATR", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-modules-"));
  vi.stubEnv("SCARD_DATABASE", join(folder, "cards.sqlite"));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const card = await softwareCard("yubikey");
  const rig = await testRig({ card });
  const connection = await rig.connect();
  const { atr } = await connection.status();
  await using before = await openCard(connection);
  expect(before.module).toBe("piv");
  const database = await openDatabase();
  database.cardTypes.introduce({ name: "Mine", atrs: [{ atr }], providers: { "card-module": "OPENPGP" } });
  database.close();
  await using after = await openCard(connection);
  expect(after.module).toBe("openpgp");
  await rig.close();
});

test("a card that tells Windows' Plug and Play its identifier gets the module that has it", async () => {
  const plugAndPlay: CardApplication = {
    aid: hexBytes("A0000003974349445F0100"),
    select: () => ({ status: 0x9000 }),
    deselect: () => undefined,
    reset: () => undefined,
    process: ({ ins, p1, p2 }) => {
      if (ins !== 0xca || p1 !== 0x7f || p2 !== 0x68) return { status: 0x6d00 };
      const guid = hexBytes("F0E1D2C3B4A5968778695A4B3C2D1E0F");
      const guids = { tag: 0x30, children: [{ tag: 0x04, value: guid }] };
      const vendor = { tag: 0x16, value: new TextEncoder().encode("MSFT") };
      return { status: 0x9000, data: encodeBerTlv([{ tag: 0x30, children: [vendor, guids] }]) };
    },
  };
  const card = new ApplicationCard({ applications: [plugAndPlay], atr: hexBytes("3B8180018080") });
  const rig = await testRig({ card });
  onTestFinished(() => rig.close());
  const pins: readonly PinDescription[] = [];
  const identified: CardModule = {
    name: "identified",
    identifiers: ["{f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f}"],
    open: async () => ({
      ...{ identity: "one", label: "Identified", serialNumber: undefined, pins },
      select: async () => undefined,
      containers: async () => [],
      certificate: async () => undefined,
    }),
  };
  const other: CardModule = { ...identified, name: "other", identifiers: ["00".repeat(16)] };
  await using opened = await openCard(await rig.connect(), { modules: [other, identified] });
  expect(opened.module).toBe("identified");
  await expect(openCard(await rig.connect(), { modules: [other] })).rejects.toMatchObject({
    code: "card-unsupported",
    message: expect.stringContaining("which tells the identifier F0E1D2C3B4A5968778695A4B3C2D1E0F"),
  });
});
