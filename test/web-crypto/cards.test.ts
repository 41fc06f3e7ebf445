// SPDX-License-Identifier: MIT

// Web Crypto with the keys of PIV, OpenPGP and GIDS cards, over each manager.

import { afterEach, describe, expect, test } from "vitest";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { softwareCard } from "../../src/entry/embedded.ts";
import { type OpenCard, openCard } from "../../src/entry/modules.ts";
import { testRig } from "../../src/entry/test-rig.ts";
import { attributes, OpenPgpBench } from "../cards/openpgp-bench.ts";
import { gidsCardWithKeys } from "../modules/gids-keys.ts";
import { generateOpenPgpKeys } from "../modules/openpgp-keys.ts";
import { onEachManager, type Stage } from "../modules/stage.ts";
import { allHashes, everyUse } from "./every-use.ts";
import { OpenSsl } from "./openssl.ts";
import { allSlots, generateIn } from "./piv-card.ts";

async function openPgp(...kinds: [string, string, string]): Promise<SoftwareCard> {
  const bench = new OpenPgpBench();
  await generateOpenPgpKeys(bench, ...kinds);
  return bench.card;
}

onEachManager((make) => {
  let stage: Stage | undefined;
  let card: OpenCard | undefined;
  afterEach(async () => {
    await card?.close();
    await stage?.close();
  });

  async function open(software: SoftwareCard): Promise<OpenCard> {
    stage = await make(software);
    card = await openCard({ manager: stage.manager, reader: stage.reader }, { pin: () => "123456" });
    return card;
  }

  test("a PIV card", async () => {
    using openssl = new OpenSsl();
    const opened = await open(await softwareCard("piv"));
    await generateIn(opened, allSlots);
    expect(await everyUse(opened, openssl, ["SHA-256"])).toEqual([
      "9A RSASSA-PKCS1-v1_5",
      "9A RSA-PSS",
      "9A RSA-OAEP",
      "9A RSAES-PKCS1-v1_5",
      "9C ECDSA",
      "9C ECDH",
      "9D ECDSA",
      "9D ECDH",
      "9E Ed25519",
      "82 X25519",
    ]);
  });

  test("a GIDS card", async () => {
    using openssl = new OpenSsl();
    const opened = await open((await gidsCardWithKeys()).card);
    expect(await everyUse(opened, openssl, ["SHA-256"])).toEqual([
      "81 RSASSA-PKCS1-v1_5",
      "81 RSA-PSS",
      "81 RSA-OAEP",
      "81 RSAES-PKCS1-v1_5",
      "82 ECDSA",
      "83 ECDSA",
      "84 ECDSA",
    ]);
  });

  test("an OpenPGP card with RSA keys, which pads itself", async () => {
    using openssl = new OpenSsl();
    const opened = await open(await openPgp(attributes.rsa2048, attributes.rsa2048, attributes.rsa2048));
    expect(await everyUse(opened, openssl, ["SHA-256"])).toEqual([
      "signature RSASSA-PKCS1-v1_5",
      "signature RSA-PSS: NotSupportedError",
      "decryption RSA-OAEP: NotSupportedError",
      "decryption RSAES-PKCS1-v1_5",
      "authentication RSASSA-PKCS1-v1_5",
      "authentication RSA-PSS: NotSupportedError",
    ]);
  });

  test("an OpenPGP card with elliptic keys", async () => {
    using openssl = new OpenSsl();
    const opened = await open(await openPgp(attributes.ed25519, attributes.x25519, attributes.p256));
    expect(await everyUse(opened, openssl, ["SHA-256"])).toEqual([
      "signature Ed25519",
      "decryption X25519",
      "authentication ECDSA",
    ]);
  });
});

describe("with all hash functions, on the embedded manager", () => {
  test("a PIV card and a GIDS card", async () => {
    using openssl = new OpenSsl();
    for (const software of [await softwareCard("piv"), (await gidsCardWithKeys()).card]) {
      await using rig = await testRig({ card: software });
      await using card = await openCard(await rig.connect(), { pin: () => "123456" });
      if (card.module === "piv") await generateIn(card, ["9A", "9C"]);
      const uses = await everyUse(card, openssl, allHashes);
      expect(uses.length).toBeGreaterThanOrEqual(6);
      expect(uses.filter((use) => use.includes(":"))).toEqual([]);
    }
  });

  test.each([
    [
      "P-256",
      "132A8648CE3D030107",
      "122A8648CE3D030107",
      ["signature ECDSA", "decryption ECDH", "authentication ECDSA"],
    ],
    ["P-384", "132B81040022", "122B81040022", ["signature ECDSA", "decryption ECDH", "authentication ECDSA"]],
    ["P-521", "132B81040023", "122B81040023", ["signature ECDSA", "decryption ECDH", "authentication ECDSA"]],
  ])("with keys on %s", async (_curve, ecdsa, ecdh, uses) => {
    using openssl = new OpenSsl();
    await using rig = await testRig({ card: await openPgp(ecdsa, ecdh, ecdsa) });
    await using card = await openCard(await rig.connect(), { pin: () => "123456" });
    expect(await everyUse(card, openssl, allHashes)).toEqual(uses);
  });

  test.each([
    ["brainpoolP256r1", "132B2403030208010107"],
    ["secp256k1", "132B8104000A"],
  ])("with keys on %s, which Web Crypto does not have", async (_curve, ecdsa) => {
    await using rig = await testRig({ card: await openPgp(ecdsa, attributes.x25519, ecdsa) });
    await using card = await openCard(await rig.connect(), { pin: () => "123456" });
    const pairs = await card.webcrypto.keyPairs();
    expect(pairs.map(({ privateKey }) => privateKey.container)).toEqual(["decryption"]);
    await expect(card.webcrypto.keyPair("signature")).rejects.toMatchObject({
      code: "unsupported-feature",
      message: expect.stringContaining("on a curve that Web Crypto does not have; use card.sign()"),
    });
  });
});
