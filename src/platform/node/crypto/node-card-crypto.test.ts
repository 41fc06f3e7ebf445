// SPDX-License-Identifier: MIT

import { createPublicKey, randomBytes, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import vectors from "../../../../test/vectors/card-crypto.json" with { type: "json" };
import { concatBytes, encodeHex, hexBytes } from "../../../base/binary/index.ts";
import type { CurveName, HashName } from "../../../cards/crypto/index.ts";
import {
  bitLength,
  encodeDigestInfo,
  padForSignature,
  rsaKeyFromPrimes,
  unpadDeciphered,
} from "../../../cards/crypto/index.ts";
import { makeCardCrypto } from "./node-card-crypto.ts";

const crypto = makeCardCrypto({ bytes: (length) => new Uint8Array(randomBytes(length)) });
const curveNames: readonly CurveName[] = [
  "P-256",
  "P-384",
  "P-521",
  "secp256k1",
  "brainpoolP256r1",
  "brainpoolP384r1",
  "brainpoolP512r1",
];

describe("ECDSA", () => {
  test.each(vectors.rfc6979)("$source", ({ curve, hash, message, private: key, r, s }) => {
    const digest = crypto.hash(hash as HashName, hexBytes(message));
    expect(encodeHex(crypto.curve(curve as CurveName).sign(hexBytes(key), digest))).toBe(r + s);
  });

  test.each(vectors.ecdsa)("$source: $valid", ({ curve, hash, message, point, signature, valid }) => {
    const digest = crypto.hash(hash as HashName, hexBytes(message));
    expect(crypto.curve(curve as CurveName).verify(hexBytes(point), digest, hexBytes(signature))).toBe(valid);
  });

  test.each(curveNames)("%s signs digests of any length", (name) => {
    const curve = crypto.curve(name);
    const key = curve.generate();
    expect(curve.isPrivateKey(key)).toBe(true);
    const point = curve.publicOf(key);
    expect(curve.isPoint(point)).toBe(true);
    // Shorter than the order, as long, and longer.
    for (const length of [1, curve.bytes, curve.bytes + 1]) {
      const digest = crypto.randomBytes(length);
      const signature = curve.sign(key, digest);
      expect(signature).toHaveLength(2 * curve.bytes);
      expect(curve.verify(point, digest, signature)).toBe(true);
      if (length > 1) continue;
      digest[0] = (digest[0] ?? 0) ^ 1;
      expect(curve.verify(point, digest, signature)).toBe(false);
    }
  });
});

describe("ECDH", () => {
  test.each(vectors.ecdh)("$source", ({ curve, private: key, point, shared }) => {
    const agreed = crypto.curve(curve as CurveName).agree(hexBytes(key), hexBytes(point));
    expect(agreed && encodeHex(agreed)).toBe(shared ?? undefined);
  });
});

describe.each(curveNames)("keys and points of %s", (name) => {
  const curve = crypto.curve(name);

  test("zero, the order and other lengths are no private keys", () => {
    expect(curve.isPrivateKey(new Uint8Array(curve.bytes))).toBe(false);
    expect(curve.isPrivateKey(new Uint8Array(curve.bytes).fill(0xff))).toBe(false);
    expect(curve.isPrivateKey(curve.generate().subarray(1))).toBe(false);
  });

  test("a point off the curve, compressed, or of another length is none", () => {
    const point = curve.publicOf(curve.generate());
    const off = Uint8Array.from(point);
    off[off.length - 1] = (off.at(-1) ?? 0) ^ 1;
    const compressed = concatBytes(Uint8Array.of(2), point.subarray(1, 1 + curve.bytes));
    for (const wrong of [off, compressed, point.subarray(1), new Uint8Array(0), Uint8Array.of(0)]) {
      expect(curve.isPoint(wrong)).toBe(false);
      expect(curve.agree(curve.generate(), wrong)).toBeUndefined();
    }
  });
});

describe("Curve25519", () => {
  test.each(vectors.x25519)("$source", ({ private: key, public: point, shared }) => {
    const agreed = crypto.x25519.agree(hexBytes(key), hexBytes(point));
    expect(agreed && encodeHex(agreed)).toBe(shared ?? undefined);
  });

  test.each(vectors.ed25519)("$source: $valid", ({ public: key, message, signature, valid }) => {
    expect(crypto.ed25519.verify(hexBytes(key), hexBytes(message), hexBytes(signature))).toBe(valid);
  });

  test("RFC 8032, 7.1, test 3", () => {
    const seed = hexBytes("C5AA8DF43F9F837BEDB7442F31DCB7B166D38535076F094B85CE3A2E0B4458F7");
    const publicKey = hexBytes("FC51CD8E6218A1A38DA47ED00230F0580816ED13BA3303AC5DEB911548908025");
    expect(crypto.ed25519.publicOf(seed)).toEqual(publicKey);
    expect(encodeHex(crypto.ed25519.sign(seed, hexBytes("AF82")))).toBe(
      "6291D657DEEC24024827E69C3ABE01A30CE548A284743A445E3680D7DB5AC3AC" +
        "18FF9B538D16F290AE67F760984DC6594A7C15E9716ED28DC027BECEEA1EC40A",
    );
  });

  test("new keys work, and other lengths are none", () => {
    const [ours, theirs] = [crypto.x25519.generate(), crypto.x25519.generate()];
    expect(crypto.x25519.agree(ours, crypto.x25519.publicOf(theirs))).toEqual(
      crypto.x25519.agree(theirs, crypto.x25519.publicOf(ours)),
    );
    expect(crypto.x25519.agree(ours, new Uint8Array(31))).toBeUndefined();
    const seed = crypto.ed25519.generate();
    const signature = crypto.ed25519.sign(seed, ours);
    expect(crypto.ed25519.verify(crypto.ed25519.publicOf(seed), ours, signature)).toBe(true);
    expect(crypto.ed25519.verify(new Uint8Array(31), ours, signature)).toBe(false);
  });
});

describe("RSA", () => {
  describe.each(vectors.rsaDecrypt)("$source", ({ p, q, e, n, tests }) => {
    const key = rsaKeyFromPrimes(hexBytes(p), hexBytes(q), hexBytes(e));
    if (key === undefined) throw new Error("no key");

    test("the primes make the key", () => {
      expect(encodeHex(key.n)).toBe(n);
    });

    test.each(tests)("test $test", ({ ciphertext, message }) => {
      const block = crypto.rsaPrivate(key, hexBytes(ciphertext));
      const plain = block && unpadDeciphered(block);
      expect(plain && encodeHex(plain)).toBe(message ?? undefined);
    });
  });

  test.each([1024, 2048])("a new key of %i bits signs, and Node verifies it", async (bits) => {
    const key = await crypto.generateRsa(bits);
    expect(bitLength(key.n)).toBe(bits);
    expect(rsaKeyFromPrimes(key.p, key.q, key.e)?.n).toEqual(key.n);
    const message = crypto.randomBytes(100);
    const jwk = { kty: "RSA", n: base64url(key.n), e: base64url(key.e) };
    const publicKey = createPublicKey({ key: jwk, format: "jwk" });
    for (const hash of ["sha1", "sha224", "sha256", "sha384", "sha512"] as const) {
      const block = padForSignature(encodeDigestInfo(hash, crypto.hash(hash, message)), key.n.length);
      const signature = block && crypto.rsaPrivate(key, block);
      expect(verify(hash, message, publicKey, signature ?? new Uint8Array(0))).toBe(true);
    }
  });

  test("what is not less than the modulus, or has another length, is refused", async () => {
    const key = await crypto.generateRsa(1024);
    expect(crypto.rsaPrivate(key, key.n)).toBeUndefined();
    expect(crypto.rsaPrivate(key, new Uint8Array(127))).toBeUndefined();
    expect(crypto.rsaPrivate(key, new Uint8Array(129))).toBeUndefined();
    expect(crypto.rsaPrivate(key, new Uint8Array(128))).toEqual(new Uint8Array(128));
  });

  test("a public exponent of 3", async () => {
    const key = await crypto.generateRsa(1024, 3);
    expect(key.e).toEqual(Uint8Array.of(3));
  });
});

test("hashes and randomness", () => {
  expect(encodeHex(crypto.hash("sha256", new TextEncoder().encode("abc")))).toBe(
    "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
  );
  expect(crypto.hash("md5", new Uint8Array(0))).toHaveLength(16);
  expect(crypto.randomBytes(24)).toHaveLength(24);
  expect(crypto.blockCipher("aes", new Uint8Array(24)).blockBytes).toBe(16);
});

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
