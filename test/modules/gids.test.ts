// SPDX-License-Identifier: MIT

import { constants, createPublicKey, type KeyObject, publicEncrypt, verify, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { type OpenCard, openCard } from "../../src/entry/modules.ts";
import { GidsBench } from "../gids/gids-bench.ts";
import { gidsCardWithKeys } from "./gids-keys.ts";
import { onEachManager, type Stage } from "./stage.ts";

const text = new TextEncoder().encode("what is signed");
const administratorKey = hexBytes("010203040506070801020304050607080102030405060708");
const keyOf = (spki: Uint8Array | undefined): KeyObject =>
  createPublicKey({ key: Buffer.from(spki ?? []), format: "der", type: "spki" });

onEachManager((make) => {
  describe("a GIDS card", () => {
    let stage: Stage;
    let card: OpenCard;
    beforeAll(async () => {
      stage = await make((await gidsCardWithKeys()).card);
      card = await openCard(await stage.connect(), { pin: () => "123456" });
    });
    afterAll(async () => {
      await card?.close();
      await stage?.close();
    });

    test("its containers and the certificate", async () => {
      expect(card.module).toBe("gids");
      const containers = await card.containers();
      expect(containers.map(({ key, name, uses }) => ({ name, key, uses }))).toEqual([
        { name: "81", key: { kind: "rsa", bits: 2048 }, uses: ["sign", "decrypt"] },
        { name: "82", key: { kind: "ec", curve: "P-256" }, uses: ["sign"] },
        { name: "83", key: { kind: "ec", curve: "P-384" }, uses: ["sign"] },
        { name: "84", key: { kind: "ec", curve: "P-521" }, uses: ["sign"] },
      ]);
      expect(containers.map(({ label }) => label)).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), "a", "b", "c"]);
      const [found, ...others] = await card.certificates();
      expect(others).toEqual([]);
      const certificate = new X509Certificate(found?.certificate ?? text);
      expect(certificate.subject).toBe("CN=Holder");
      expect(certificate.publicKey.equals(keyOf(containers[0]?.publicKey))).toBe(true);
      expect(await card.freeSpace()).toEqual({ bytes: undefined, containers: 26, mostContainers: 30 });
    });

    test("signs: PKCS #1, PSS, ECDSA", async () => {
      for (const { key, name, publicKey } of await card.containers()) {
        for (const hash of ["sha256", "sha512"] as const)
          expect(verify(hash, text, keyOf(publicKey), await card.sign(name, text, { hash }))).toBe(true);
        if (key.kind !== "rsa") continue;
        const options = { key: keyOf(publicKey), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
        expect(verify("sha256", text, options, await card.sign(name, text, { scheme: "pss" }))).toBe(true);
      }
    });

    test("decrypts: PKCS #1 and OAEP with any hash", async () => {
      const [container] = await card.containers();
      const key = keyOf(container?.publicKey);
      const pkcs1 = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text);
      expect(await card.decrypt("81", pkcs1)).toEqual(text);
      for (const hash of ["sha1", "sha256"] as const) {
        const oaep = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, text);
        expect(await card.decrypt("81", oaep, { scheme: "oaep", hash })).toEqual(text);
      }
    });

    test("its PIN: changed, wrong, blocked, unblocked by the administrator", async () => {
      await card.changePin({ oldPin: "123456", newPin: "abcd" });
      await expect(card.verifyPin("123456")).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
      await expect(card.verifyPin("123456")).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 1 } });
      await expect(card.verifyPin("abcd")).rejects.toMatchObject({ code: "security-violation" });
      await expect(card.verifyPin("123456", { lastTry: true })).rejects.toMatchObject({ code: "chv-blocked" });
      const wrong = administratorKey.map((byte) => byte ^ 2);
      await expect(card.unblock({ secret: wrong, newPin: "123456" })).rejects.toMatchObject({
        code: "security-violation",
        message: expect.stringContaining("take the administrator's key"),
      });
      await card.unblock({ secret: administratorKey, newPin: "123456" });
      await card.verifyPin("123456");
      expect((await card.pins()).map(({ role, triesLeft }) => [role, triesLeft])).toEqual([
        ["user", 3],
        ["admin", undefined],
      ]);
    });
  });
});

test("a card with a PUK is unblocked with it", async () => {
  const { testRig } = await import("../../src/entry/test-rig.ts");
  const bench = new GidsBench();
  await bench.done(
    "00A4040C0BA000000397425446590201",
    "00240180083132333435363738",
    "0024018108383736353433323100".slice(0, 26),
  );
  await bench.done("00A4000C023FFF", "00440000");
  await using rig = await testRig({ card: bench.card });
  await using card = await openCard(await rig.connect());
  expect((await card.pins()).map(({ role }) => role)).toEqual(["user", "unblock", "admin"]);
  await card.unblock({ secret: "87654321", newPin: "4711" });
  await card.verifyPin("4711");
  await expect(card.unblock({ by: "admin", secret: administratorKey, newPin: "1234" })).rejects.toMatchObject({
    code: "unsupported-feature",
  });
});
