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
import { softwareCard } from "../../src/entry/embedded.ts";
import { type OpenCard, openCard } from "../../src/entry/modules.ts";
import { algorithms, certify, generate, putCertificate } from "./piv-keys.ts";
import { onEachManager, type Stage } from "./stage.ts";

const text = new TextEncoder().encode("what is signed");
const keyOf = (spki: Uint8Array | undefined): KeyObject =>
  createPublicKey({ key: Buffer.from(spki ?? []), format: "der", type: "spki" });

onEachManager((make) => {
  describe("a PIV card", () => {
    let stage: Stage;
    let card: OpenCard;
    const keys: Record<string, KeyObject> = {};

    beforeAll(async () => {
      stage = await make(await softwareCard("piv"));
      card = await openCard({ manager: stage.manager, reader: stage.reader }, { pin: () => "123456" });
      await generate(card, "9A", algorithms.rsa2048);
      await generate(card, "9C", algorithms.p256);
      await generate(card, "9D", algorithms.p384);
      await generate(card, "9E", algorithms.ed25519);
      await generate(card, "82", algorithms.x25519);
    });
    afterAll(async () => {
      await card?.close();
      await stage?.close();
    });

    test("its containers", async () => {
      const containers = await card.containers();
      expect(containers.map(({ name, key, uses, pinPolicy }) => ({ name, key, uses, pinPolicy }))).toEqual([
        { name: "9A", key: { kind: "rsa", bits: 2048 }, uses: ["sign", "decrypt"], pinPolicy: "once" },
        { name: "9C", key: { kind: "ec", curve: "P-256" }, uses: ["sign", "derive"], pinPolicy: "always" },
        { name: "9D", key: { kind: "ec", curve: "P-384" }, uses: ["sign", "derive"], pinPolicy: "once" },
        { name: "9E", key: { kind: "ed25519" }, uses: ["sign"], pinPolicy: "never" },
        { name: "82", key: { kind: "x25519" }, uses: ["derive"], pinPolicy: "once" },
      ]);
      for (const { name, publicKey } of containers) keys[name] = keyOf(publicKey);
    });

    test("its certificates", async () => {
      await expect(card.certificate("9A")).rejects.toMatchObject({ code: "no-such-certificate" });
      const [container] = await card.containers();
      await putCertificate(card, "9A", certify(container?.publicKey ?? text, "Holder"));
      const certificates = await card.certificates();
      expect(certificates.map(({ container: { name } }) => name)).toEqual(["9A"]);
      const read = new X509Certificate(await card.certificate("9A"));
      expect(read.subject).toBe("CN=Holder");
      expect(read.publicKey.equals(keys["9A"] as KeyObject)).toBe(true);
    });

    test("RSA signatures, PKCS #1 and PSS", async () => {
      const key = keys["9A"] as KeyObject;
      for (const hash of ["sha1", "sha256", "sha384", "sha512"] as const) {
        expect(verify(hash, text, key, await card.sign("9A", text, { hash }))).toBe(true);
        const padding = constants.RSA_PKCS1_PSS_PADDING;
        const signature = await card.sign("9A", text, { scheme: "pss", hash });
        expect(verify(hash, text, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature)).toBe(
          true,
        );
      }
    });

    test("ECDSA in both forms, with any hash", async () => {
      for (const name of ["9C", "9D"]) {
        const key = keys[name] as KeyObject;
        for (const hash of ["sha1", "sha256", "sha384", "sha512"] as const) {
          expect(verify(hash, text, key, await card.sign(name, text, { hash }))).toBe(true);
          const raw = await card.sign(name, text, { hash, format: "raw" });
          expect(verify(hash, text, { key, dsaEncoding: "ieee-p1363" }, raw)).toBe(true);
        }
      }
      expect(verify("sha384", text, keys["9D"] as KeyObject, await card.sign("9D", text))).toBe(true);
    });

    test("Ed25519", async () => {
      expect(verify(null, text, keys["9E"] as KeyObject, await card.sign("9E", text))).toBe(true);
      const long = new Uint8Array(1500).fill(7);
      expect(verify(null, long, keys["9E"] as KeyObject, await card.sign("9E", long))).toBe(true);
    });

    test("decrypts what was encrypted for it, PKCS #1 and OAEP", async () => {
      const key = keys["9A"] as KeyObject;
      const pkcs1 = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text);
      expect(await card.decrypt("9A", pkcs1)).toEqual(text);
      for (const hash of ["sha1", "sha256"] as const) {
        const oaep = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, text);
        expect(await card.decrypt("9A", oaep, { scheme: "oaep", hash })).toEqual(text);
        await expect(card.decrypt("9A", oaep, { scheme: "pkcs1" })).rejects.toMatchObject({ code: "invalid-value" });
      }
    });

    test("derives the secret that the other side derives", async () => {
      for (const [name, made] of [
        ["9C", generateKeyPairSync("ec", { namedCurve: "prime256v1" })],
        ["9D", generateKeyPairSync("ec", { namedCurve: "secp384r1" })],
        ["82", generateKeyPairSync("x25519")],
      ] as const) {
        const spki = made.publicKey.export({ type: "spki", format: "der" });
        const expected = diffieHellman({ privateKey: made.privateKey, publicKey: keys[name] as KeyObject });
        expect(Buffer.from(await card.deriveKey(name, spki))).toEqual(expected);
      }
    });
  });
});
