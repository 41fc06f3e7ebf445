// SPDX-License-Identifier: MIT

// A module in one file, as the guide shows it, with a card that is made for it.

import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { equalBytes } from "../../src/base/binary/index.ts";
import { encodePublicKey } from "../../src/base/keys/index.ts";
import { ApplicationCard, type ApplicationCommand, type CardApplication } from "../../src/entry/cards.ts";
import { openCard } from "../../src/entry/modules.ts";
import { testRig } from "../../src/entry/test-rig.ts";
import { allPages, blocksOf } from "../documentation/pages.ts";
import { crypto } from "../piv/piv-session.ts";
import { nationalIdModule } from "./national-id.ts";
import { certify } from "./piv-keys.ts";

const text = new TextEncoder().encode("what is signed");

/** The identity application of a card with one key. */
class IdentityApplication implements CardApplication {
  readonly aid = Uint8Array.of(0xf0, 0x4e, 0x41, 0x54, 0x49, 0x44);
  readonly certificate: Uint8Array;
  readonly #signDigest: (digest: Uint8Array) => Uint8Array;
  tries = 3;
  #verified = false;

  constructor(certificate: Uint8Array, signDigest: (digest: Uint8Array) => Uint8Array) {
    this.certificate = certificate;
    this.#signDigest = signDigest;
  }

  select() {
    this.#verified = false;
    return { status: 0x9000 };
  }

  deselect(): void {
    this.#verified = false;
  }

  reset(): void {
    this.#verified = false;
  }

  process({ data, ins, p1, p2 }: ApplicationCommand) {
    if (ins === 0xca) return { status: 0x9000, data: new TextEncoder().encode("ID-0001") };
    if (ins === 0xb0) {
      const offset = p1 === 0x81 ? p2 : p1 * 256 + p2;
      return { status: 0x9000, data: this.certificate.slice(offset, offset + 256) };
    }
    if (ins === 0x20) return { status: this.#verify(data) };
    if (ins !== 0x2a) return { status: 0x6d00 };
    return this.#verified ? { status: 0x9000, data: this.#signDigest(data) } : { status: 0x6982 };
  }

  #verify(data: Uint8Array): number {
    if (data.length === 0 || this.tries === 0) return 0x63c0 + this.tries;
    this.#verified = equalBytes(data, new TextEncoder().encode("2468"));
    this.tries = this.#verified ? 3 : this.tries - 1;
    return this.#verified ? 0x9000 : 0x63c0 + this.tries;
  }
}

const curve = crypto.curve("P-256");
const privateKey = curve.generate();
const publicKey = encodePublicKey({ kind: "ec", curve: "P-256", point: curve.publicOf(privateKey) });

test("the guide shows this module", () => {
  const source = readFileSync(new URL("national-id.ts", import.meta.url), "utf8");
  const shown = source.slice(source.indexOf("import")).replace("../../src/entry/modules.ts", "scard/modules");
  const page = allPages().filter(({ path }) => path === "docs/guide/card-modules.md");
  const codes = blocksOf(page).map(({ code }) => code.trim());
  expect(codes).toContain(shown.trim());
});

test("it signs, asks for its PIN, and tells the tries", async () => {
  const application = new IdentityApplication(certify(publicKey, "Citizen"), (digest) =>
    curve.sign(privateKey, digest),
  );
  const atr = Uint8Array.of(0x3b, 0x81, 0x80, 0x01, 0x80, 0x80);
  await using rig = await testRig({ card: new ApplicationCard({ applications: [application], atr }) });
  const none = openCard(await rig.connect());
  await expect(none).rejects.toMatchObject({
    code: "card-unsupported",
    message: expect.stringContaining("3B 81 80 01 80 80"),
  });
  let pin = "1357";
  const options = { modules: [nationalIdModule], pin: () => pin, pinCache: "none" } as const;
  await using card = await openCard(await rig.connect(), options);
  expect(await card.properties()).toMatchObject({ module: "national-id", serialNumber: "ID-0001" });
  expect((await card.certificate("1")).length).toBeGreaterThan(256);
  await expect(card.sign("1", text)).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
  pin = "2468";
  const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  expect(verify("sha256", text, key, await card.sign("1", text))).toBe(true);
  await expect(card.changePin({ oldPin: "2468", newPin: "1357" })).rejects.toMatchObject({
    code: "unsupported-feature",
    message: expect.stringContaining("the module national-id does not change a PIN"),
  });
});
