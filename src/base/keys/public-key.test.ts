// SPDX-License-Identifier: MIT

import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { ecdsaFromDer, ecdsaToDer } from "./ecdsa-signature.ts";
import { certificatePublicKey, decodePublicKey, encodePublicKey } from "./public-key.ts";

const spki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: "spki", format: "der" }));
const curves = [
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
  ["secp521r1", "P-521"],
  ["secp256k1", "secp256k1"],
  ["brainpoolP256r1", "brainpoolP256r1"],
  ["brainpoolP384r1", "brainpoolP384r1"],
  ["brainpoolP512r1", "brainpoolP512r1"],
] as const;

describe("SubjectPublicKeyInfo, RFC 5280, 4.1.2.7", () => {
  const made: readonly (readonly [string, Uint8Array])[] = [
    ["rsa", spki(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey)],
    ["rsa", spki(generateKeyPairSync("rsa", { modulusLength: 1024, publicExponent: 3 }).publicKey)],
    ...curves.map(([namedCurve]) => ["ec", spki(generateKeyPairSync("ec", { namedCurve }).publicKey)] as const),
    ["ed25519", spki(generateKeyPairSync("ed25519").publicKey)],
    ["x25519", spki(generateKeyPairSync("x25519").publicKey)],
  ];

  test.each(made)("%s: read as Node has written it, and written the same", (kind, bytes) => {
    const decoded = decodePublicKey(bytes);
    expect(decoded).toMatchObject({ ok: true, value: { kind } });
    if (decoded.ok) expect(encodeHex(encodePublicKey(decoded.value))).toBe(encodeHex(bytes));
  });

  test("the curve has its name", () => {
    for (const [namedCurve, curve] of curves) {
      const decoded = decodePublicKey(spki(generateKeyPairSync("ec", { namedCurve }).publicKey));
      expect(decoded).toMatchObject({ value: { curve } });
    }
  });

  test("a kind that is not known, and other bytes", () => {
    expect(decodePublicKey(spki(generateKeyPairSync("ed448").publicKey))).toMatchObject({
      error: { message: "a public key with a key of no known kind" },
    });
    expect(decodePublicKey(spki(generateKeyPairSync("ec", { namedCurve: "secp224r1" }).publicKey)).ok).toBe(false);
    expect(decodePublicKey(new Uint8Array(0)).ok).toBe(false);
    expect(decodePublicKey(hexBytes("3080")).ok).toBe(false);
  });

  test("property: any bytes are an error or a key", () => {
    const [, sample = new Uint8Array(0)] = made[0] ?? [];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(sample.length - 1), fc.nat(255), (bytes, at, byte) => {
        expect(decodePublicKey(bytes).ok).toBe(false);
        expect(certificatePublicKey(bytes).ok).toBe(false);
        const changed = sample.slice();
        changed[at] = byte;
        decodePublicKey(changed);
      }),
    );
  });
});

test("a certificate is read up to its key", () => {
  // openssl req -x509 -newkey ed25519 -subj /CN=a, which has a version; and the same without one.
  const { publicKey } = generateKeyPairSync("ed25519");
  const key = encodeHex(spki(publicKey));
  const empty = "3000";
  const fields = `020101${empty}${empty}${empty}${empty}${key}`;
  const certificate = (content: string): Uint8Array => {
    const length = (content.length / 2).toString(16).padStart(2, "0");
    const whole = `30${length}${content}`;
    return hexBytes(`30${(whole.length / 2).toString(16).padStart(2, "0")}${whole}`);
  };
  for (const content of [`A003020102${fields}`, fields]) {
    const decoded = certificatePublicKey(certificate(content));
    expect(decoded).toMatchObject({ ok: true, value: { kind: "ed25519" } });
    if (decoded.ok) {
      const der = Buffer.from(encodePublicKey(decoded.value));
      expect(createPublicKey({ key: der, format: "der", type: "spki" }).equals(publicKey)).toBe(true);
    }
  }
});

describe("ECDSA signatures, RFC 3279, 2.2.3", () => {
  test.each(curves)("%s: both forms, as Node has them", (namedCurve) => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
    const text = new TextEncoder().encode("text");
    for (let count = 0; count < 8; count++) {
      const raw = new Uint8Array(sign("sha256", text, { key: privateKey, dsaEncoding: "ieee-p1363" }));
      expect(verify("sha256", text, publicKey, ecdsaToDer(raw))).toBe(true);
      expect(ecdsaFromDer(ecdsaToDer(raw), raw.length / 2)).toEqual(raw);
      const der = new Uint8Array(sign("sha256", text, privateKey));
      expect(ecdsaToDer(ecdsaFromDer(der, raw.length / 2) ?? raw)).toEqual(der);
    }
  });

  test("other bytes: none", () => {
    for (const hex of [
      "",
      "30",
      "3000",
      "3003020101",
      "3009020101020101020101",
      "3106020101020101",
      "3006040101020101",
    ])
      expect(ecdsaFromDer(hexBytes(hex), 32)).toBeUndefined();
    expect(ecdsaFromDer(hexBytes("30070202010102010130"), 32)).toBeUndefined();
    expect(ecdsaFromDer(hexBytes("300702020101020101"), 1)).toBeUndefined();
  });
});
