// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseShape } from "../../src/base/json/index.ts";
import type { CertificateAuthority } from "../../src/cards/crypto/index.ts";
import {
  newPivImage,
  type PivImage,
  type PivKey,
  type PivProvision,
  type PivSource,
  pivShape,
  provisionPiv,
  savedPiv,
} from "../../src/cards/piv/index.ts";
import { YUBIKEY_READER_NAME } from "../../src/cards/yubikey/index.ts";
import { bytes, crypto, inside, PivSession, pin } from "./piv-session.ts";

const period = { notBefore: "20260101000000", notAfter: "20551231235959" };

/** What a file says, read again. */
function reread(source: unknown) {
  const read = parseShape(pivShape, JSON.parse(JSON.stringify(source)));
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function withoutExponents(image: PivImage): PivImage {
  const keys = [...image.keys].map(([slot, key]): [number, PivKey] => {
    const { material } = key;
    return [slot, material instanceof Uint8Array ? key : { ...key, material: { ...material, d: new Uint8Array(0) } }];
  });
  return { ...image, keys: new Map(keys) };
}

describe("a PIV card in a file", () => {
  it("is the same card when it is read again", async () => {
    const card = await PivSession.open({ serialNumber: 7 });
    for (const [slot, algorithm] of [
      [0x9a, 0x06],
      [0x9c, 0x14],
      [0x82, 0xe0],
      [0x95, 0xe1],
    ] as const) {
      await card.generate(slot, algorithm);
    }
    await card.verify("000000");
    card.image.keys.set(0x9e, {
      algorithm: "p256",
      material: new Uint8Array(32).fill(1),
      pinPolicy: "always",
      touchPolicy: "cached",
      origin: "imported",
    });
    const image = { ...card.image, globalPin: { value: pin("77777777"), tries: 9, triesLeft: 1 } };
    // The private exponent of an RSA key may be written in several ways; the card computes with its other parts.
    expect(withoutExponents(reread(savedPiv(image)))).toEqual(withoutExponents(image));
  });

  it.each<[string, (source: Record<string, unknown>) => unknown]>([
    ["a PIN that is too short", (source) => ({ ...source, pin: { value: { text: "12345" } } })],
    ["padding in a PIN", (source) => ({ ...source, pin: { value: "313233343536FF" } })],
    ["more tries left than there are", (source) => ({ ...source, puk: { value: { text: "123456" }, triesLeft: 4 } })],
    [
      "a management key of another length",
      (source) => ({ ...source, managementKey: { algorithm: "aes256", value: "00".repeat(24) } }),
    ],
    [
      "a slot that there is not",
      (source) => ({
        ...source,
        keys: [{ slot: "9B", algorithm: "p256", secret: "01".repeat(32), pinPolicy: "once", origin: "imported" }],
      }),
    ],
    [
      "factors of another size",
      (source) => ({
        ...source,
        keys: [{ slot: "9A", algorithm: "rsa1024", p: "0B", q: "0D", pinPolicy: "once", origin: "imported" }],
      }),
    ],
    [
      "an object twice",
      (source) => ({
        ...source,
        objects: [
          { tag: "5FC102", value: "00" },
          { tag: "5FC102", value: "01" },
        ],
      }),
    ],
    ["an object that there is not", (source) => ({ ...source, objects: [{ tag: "60", value: "00" }] })],
    ["a version with a large number", (source) => ({ ...source, firmware: "5.7.256" })],
    ["a member that is not known", (source) => ({ ...source, puks: 1 })],
  ])("refuses %s", async (_, change) => {
    const source = { ...savedPiv(await newPivImage(crypto)) } as PivSource & Record<string, unknown>;
    expect(parseShape(pivShape, source).ok).toBe(true);
    const read = parseShape(pivShape, change(source));
    expect(read.ok).toBe(false);
  });

  it("repeats no secret in a message", async () => {
    const source = { ...savedPiv(await newPivImage(crypto)), pin: { value: "secret-pin" } };
    const read = parseShape(pivShape, source);
    expect(JSON.stringify(read)).not.toContain("secret-pin");
    expect(read.ok).toBe(false);
  });
});

describe("provisioning", () => {
  it("makes a key and a certificate that it has signed itself", async () => {
    const image = await newPivImage(crypto);
    for (const [slot, algorithm] of [
      [0x9a, "rsa2048"],
      [0x9c, "p384"],
      [0x9d, "p256"],
      [0x9e, "ed25519"],
    ] as const) {
      const encoded = await provisionPiv(crypto, image, { slot, algorithm, subject: "Alice", ...period });
      const certificate = new X509Certificate(encoded);
      expect(certificate.subject).toBe("CN=Alice");
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.validTo).toBe("Dec 31 23:59:59 2055 GMT");
    }
    const card = new PivSession(image);
    const object = await card.data({ ins: 0xcb, p1: 0x3f, p2: 0xff, data: "5C035FC105" });
    expect(new X509Certificate(inside(object, 0x53, 0x70)).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    await card.verify("123456");
    const signed = await card.use(0x9c, 0x14, new Uint8Array(48).fill(1));
    expect(signed.status).toBe(0x9000);
  });

  it("lets an authority sign", async () => {
    const owner = await newPivImage(crypto);
    const own = { slot: 0x9c, algorithm: "p256", subject: "Authority", ...period } as const;
    const certificate = await provisionPiv(crypto, owner, own);
    const material = owner.keys.get(0x9c)?.material;
    if (!(material instanceof Uint8Array)) throw new Error("no key");
    const authority: CertificateAuthority = { certificate, key: { algorithm: "P-256", material } };
    const image = await newPivImage(crypto);
    const given = { slot: 0x9d, algorithm: "x25519", subject: "Bob", ...period, authority } as const;
    const issued = new X509Certificate(await provisionPiv(crypto, image, given));
    const issuer = new X509Certificate(certificate);
    expect([issued.issuer, issued.verify(issuer.publicKey)]).toEqual(["CN=Authority", true]);
  });

  it.each<[string, Partial<PivProvision>]>([
    ["a slot that there is not", { slot: 0x9b }],
    ["the attestation key", { slot: 0xf9 }],
    ["no name", { subject: "" }],
    ["a long name", { subject: "a".repeat(65) }],
    ["a time of another form", { notAfter: "2030-01-01" }],
    ["a key that signs nothing", { algorithm: "x25519" }],
    [
      "an authority without a certificate",
      {
        authority: {
          certificate: bytes("3000"),
          key: { algorithm: "P-256", material: new Uint8Array(32).fill(1) },
        },
      },
    ],
  ])("refuses %s", async (_, change) => {
    const image = await newPivImage(crypto);
    const good: PivProvision = { slot: 0x9a, algorithm: "p256", subject: "Alice", ...period };
    await expect(provisionPiv(crypto, image, { ...good, ...change })).rejects.toMatchObject({
      code: "invalid-parameter",
    });
    expect(image.keys.has(0x9a)).toBe(false);
  });
});

it("tools look for these words in a reader's name", () => {
  expect(YUBIKEY_READER_NAME).toContain("Yubico YubiKey");
});
