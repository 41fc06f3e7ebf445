// SPDX-License-Identifier: MIT

import {
  constants,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  verify,
  X509Certificate,
} from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { type OpenCard, openCard } from "../../src/entry/modules.ts";
import { ascii, attributes, OpenPgpBench } from "../cards/openpgp-bench.ts";
import { generateOpenPgpKeys } from "./openpgp-keys.ts";
import { certify } from "./piv-keys.ts";
import { onEachManager, type Stage } from "./stage.ts";

const text = new TextEncoder().encode("what is signed");
const keyOf = (spki: Uint8Array | undefined): KeyObject =>
  createPublicKey({ key: Buffer.from(spki ?? []), format: "der", type: "spki" });

onEachManager((make) => {
  describe("an OpenPGP card with RSA keys", () => {
    let stage: Stage;
    let card: OpenCard;
    const bench = new OpenPgpBench();
    beforeAll(async () => {
      await generateOpenPgpKeys(bench, attributes.rsa2048, attributes.rsa2048, attributes.rsa2048);
      stage = await make(bench.card);
      card = await openCard(await stage.connect(), { pin: () => "123456" });
    });
    afterAll(async () => {
      await card?.close();
      await stage?.close();
    });

    test("signs with both keys, PKCS #1 v1.5 alone", async () => {
      const containers = await card.containers();
      expect(containers.map(({ name, uses, pinPolicy }) => [name, uses, pinPolicy])).toEqual([
        ["signature", ["sign"], "always"],
        ["decryption", ["decrypt"], "once"],
        ["authentication", ["sign"], "once"],
      ]);
      for (const { name, publicKey, uses } of containers) {
        if (uses[0] !== "sign") continue;
        for (const hash of ["sha256", "sha512"] as const)
          expect(verify(hash, text, keyOf(publicKey), await card.sign(name, text, { hash }))).toBe(true);
        await expect(card.sign(name, text, { scheme: "pss" })).rejects.toMatchObject({
          code: "unsupported-feature",
          message: expect.stringContaining("PKCS #1 v1.5"),
        });
      }
    });

    test("decrypts", async () => {
      const [, container] = await card.containers();
      const key = keyOf(container?.publicKey);
      const data = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text);
      expect(await card.decrypt("decryption", data)).toEqual(text);
      const refused = card.decrypt("decryption", data, { scheme: "oaep" });
      await expect(refused).rejects.toMatchObject({ code: "unsupported-feature" });
      await expect(card.sign("decryption", text)).rejects.toMatchObject({
        code: "unsupported-feature",
        message: expect.stringContaining("it can decrypt"),
      });
    });

    test("a certificate of each key", async () => {
      const containers = await card.containers();
      await card.transaction(async () => {
        await card.verifyPin("12345678", { role: "admin" });
        for (const [at, { publicKey }] of containers.entries()) {
          const data = hexBytes("60045C027F21");
          expect((await card.send({ cla: 0, ins: 0xa5, p1: 2 - at, p2: 4, data })).sw).toBe(0x9000);
          const certificate = certify(publicKey ?? text, `key ${at}`);
          expect((await card.send({ cla: 0, ins: 0xda, p1: 0x7f, p2: 0x21, data: certificate })).sw).toBe(0x9000);
        }
      });
      const read = await card.certificates();
      expect(read.map(({ certificate }) => new X509Certificate(certificate).subject)).toEqual([
        "CN=key 0",
        "CN=key 1",
        "CN=key 2",
      ]);
      for (const { certificate, container } of read)
        expect(new X509Certificate(certificate).publicKey.equals(keyOf(container.publicKey))).toBe(true);
    });

    test("PINs: changed, blocked, unblocked with the resetting code and with the admin PIN", async () => {
      expect((await card.pins()).map(({ role, triesLeft }) => [role, triesLeft])).toEqual([
        ["user", 3],
        ["unblock", 0],
        ["admin", 3],
      ]);
      await card.changePin({ oldPin: "123456", newPin: "abcdef1" });
      await expect(card.verifyPin("123456")).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
      await card.verifyPin("abcdef1");
      await card.changePin({ role: "admin", oldPin: "12345678", newPin: "87654321" });
      await card.unblock({ by: "admin", secret: "87654321", newPin: "123456" });
      await card.verifyPin("123456");
      await card.transaction(async () => {
        await card.verifyPin("87654321", { role: "admin" });
        const data = hexBytes(ascii("resetcode"));
        expect((await card.send({ cla: 0, ins: 0xda, p1: 0, p2: 0xd3, data })).sw).toBe(0x9000);
      });
      await card.unblock({ secret: "resetcode", newPin: "999999" });
      await card.verifyPin("999999");
      await card.changePin({ oldPin: "999999", newPin: "123456" });
    });
  });

  describe("an OpenPGP card with elliptic keys", () => {
    let stage: Stage;
    let card: OpenCard;
    const bench = new OpenPgpBench();
    beforeAll(async () => {
      await generateOpenPgpKeys(bench, attributes.ed25519, attributes.x25519, attributes.p256);
      stage = await make(bench.card);
      card = await openCard(await stage.connect(), { pin: () => "123456" });
    });
    afterAll(async () => {
      await card?.close();
      await stage?.close();
    });

    test("signs with Ed25519 and ECDSA, derives with X25519", async () => {
      const [signature, decryption, authentication] = await card.containers();
      expect(verify(null, text, keyOf(signature?.publicKey), await card.sign("signature", text))).toBe(true);
      expect(verify("sha256", text, keyOf(authentication?.publicKey), await card.sign("authentication", text))).toBe(
        true,
      );
      const { privateKey, publicKey } = generateKeyPairSync("x25519");
      const expected = diffieHellman({ privateKey, publicKey: keyOf(decryption?.publicKey) });
      const derived = await card.deriveKey("decryption", publicKey.export({ type: "spki", format: "der" }));
      expect(Buffer.from(derived)).toEqual(expected);
    });
  });
});

describe("an OpenPGP card", () => {
  test.each([
    ["P-384", "132B81040022", "122B81040022", "secp384r1"],
    ["P-521", "132B81040023", "122B81040023", "secp521r1"],
    ["brainpoolP256r1", "132B2403030208010107", "122B2403030208010107", "brainpoolP256r1"],
    ["brainpoolP512r1", "132B240303020801010D", "122B240303020801010D", "brainpoolP512r1"],
    ["secp256k1", "132B8104000A", "122B8104000A", "secp256k1"],
  ])("with keys on %s", async (curve, ecdsa, ecdh, namedCurve) => {
    const bench = new OpenPgpBench();
    await generateOpenPgpKeys(bench, ecdsa, ecdh, ecdsa);
    const { testRig } = await import("../../src/entry/test-rig.ts");
    const rig = await testRig({ card: bench.card });
    const card = await openCard(await rig.connect(), { pin: () => "123456" });
    const [signature, decryption] = await card.containers();
    expect(signature?.key).toEqual({ kind: "ec", curve });
    const bytes = await card.sign("signature", text, { hash: "sha256" });
    expect(verify("sha256", text, keyOf(signature?.publicKey), bytes)).toBe(true);
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
    const spki = publicKey.export({ type: "spki", format: "der" });
    const expected = diffieHellman({ privateKey, publicKey: keyOf(decryption?.publicKey) });
    expect(Buffer.from(await card.deriveKey("decryption", spki))).toEqual(expected);
    await card.close();
    await rig.close();
  });
});
