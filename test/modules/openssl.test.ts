// SPDX-License-Identifier: MIT

// What cards sign, the program openssl verifies; what it encrypts, they decrypt; what both derive is the same: over each manager.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { type KeyContainer, type OpenCard, openCard } from "../../src/entry/modules.ts";
import { attributes } from "../cards/openpgp-bench.ts";
import { gidsCard, openPgpCard, pivCard } from "./cards.ts";
import { Openssl } from "./openssl.ts";
import { algorithms } from "./piv-keys.ts";
import { onEachManager, type Stage } from "./stage.ts";

const text = new TextEncoder().encode("what is signed");
const other = new TextEncoder().encode("something else");

interface Kind {
  readonly make: () => Promise<SoftwareCard>;
  /** Its keys: what they are, and what is done with them. */
  readonly keys: readonly string[];
  /** Whether it makes PSS signatures and undoes OAEP. */
  readonly isBare: boolean;
}

const pivKeys = {
  "9A": algorithms.rsa2048,
  "9C": algorithms.p256,
  "9D": algorithms.p384,
  "9E": algorithms.ed25519,
  "82": algorithms.x25519,
};
const { ed25519, p256, rsa2048, x25519 } = attributes;
const kinds: Readonly<Record<string, Kind>> = {
  PIV: {
    make: () => pivCard(pivKeys),
    keys: [
      "9A RSA sign,decrypt",
      "9C P-256 sign,derive",
      "9D P-384 sign,derive",
      "9E ed25519 sign",
      "82 x25519 derive",
    ],
    isBare: true,
  },
  "OpenPGP with RSA": {
    make: () => openPgpCard(rsa2048, rsa2048, rsa2048),
    keys: ["signature RSA sign", "decryption RSA decrypt", "authentication RSA sign"],
    isBare: false,
  },
  "OpenPGP on curves": {
    make: () => openPgpCard(ed25519, x25519, p256),
    keys: ["signature ed25519 sign", "decryption x25519 derive", "authentication P-256 sign"],
    isBare: false,
  },
  GIDS: {
    make: gidsCard,
    keys: ["81 RSA sign,decrypt", "82 P-256 sign", "83 P-384 sign", "84 P-521 sign"],
    isBare: true,
  },
};

function keyText({ key, name, uses }: KeyContainer): string {
  const kind = key.kind === "rsa" ? "RSA" : key.kind === "ec" ? key.curve : key.kind;
  return `${name} ${kind} ${uses.join(",")}`;
}

onEachManager((make) => {
  describe.each(Object.entries(kinds))("%s", (_, { isBare, keys, make: makeCard }) => {
    const openssl = new Openssl();
    let stage: Stage;
    let card: OpenCard;
    let containers: readonly KeyContainer[] = [];
    const withUse = (use: KeyContainer["uses"][number]): readonly KeyContainer[] =>
      containers.filter(({ uses }) => uses.includes(use));
    const spki = ({ publicKey }: KeyContainer): Uint8Array => publicKey ?? new Uint8Array(0);

    beforeAll(async () => {
      stage = await make(await makeCard());
      card = await openCard(await stage.connect(), { pin: () => "123456" });
      containers = await card.containers();
    });
    afterAll(async () => {
      openssl.close();
      await card?.close();
      await stage?.close();
    });

    test("its keys", () => {
      expect(containers.map(keyText)).toEqual(keys);
    });

    test("openssl verifies its signatures, and no others", async () => {
      for (const container of withUse("sign")) {
        const { key, name } = container;
        const hashes = key.kind === "ed25519" ? [undefined] : (["sha256", "sha384", "sha512"] as const);
        for (const hash of hashes) {
          const signature = await card.sign(name, text, hash === undefined ? {} : { hash });
          const how = hash === undefined ? {} : { hash };
          expect(await openssl.verifies(spki(container), text, signature, how), `${name} ${hash}`).toBe(true);
          expect(await openssl.verifies(spki(container), other, signature, how), `${name} ${hash}`).toBe(false);
          if (key.kind !== "rsa" || !isBare || hash === undefined) continue;
          for (const pssSaltBytes of [0, 32]) {
            const pss = await card.sign(name, text, { hash, scheme: "pss", saltBytes: pssSaltBytes });
            expect(await openssl.verifies(spki(container), text, pss, { hash, pssSaltBytes })).toBe(true);
          }
        }
      }
    });

    test("it decrypts what openssl encrypts", async () => {
      for (const container of withUse("decrypt")) {
        expect(await card.decrypt(container, await openssl.encrypt(spki(container), text))).toEqual(text);
        if (!isBare) continue;
        for (const hash of ["sha1", "sha256"] as const) {
          const encrypted = await openssl.encrypt(spki(container), text, hash);
          expect(await card.decrypt(container, encrypted, { scheme: "oaep", hash })).toEqual(text);
        }
      }
    });

    test("it derives what openssl derives", async () => {
      for (const container of withUse("derive")) {
        const { key } = container;
        const { publicKey, secret } = await openssl.derive(spki(container), key.kind === "ec" ? key.curve : "X25519");
        expect(await card.deriveKey(container, publicKey)).toEqual(secret);
      }
    });
  });
});
