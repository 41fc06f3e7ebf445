// SPDX-License-Identifier: MIT

import {
  constants,
  createHash,
  generateKeyPairSync,
  privateDecrypt,
  privateEncrypt,
  publicEncrypt,
  randomBytes,
  verify,
} from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HashFunction } from "./mask.ts";
import { unpadOaep } from "./rsa-padding.ts";
import { padPss } from "./rsa-pss.ts";

const hash =
  (name: string): HashFunction =>
  (data) =>
    new Uint8Array(createHash(name).update(data).digest());
const key = generateKeyPairSync("rsa", { modulusLength: 2048 });
/** 8 n + 1 bits: the block is a byte shorter than the modulus. */
const oddKey = generateKeyPairSync("rsa", { modulusLength: 1025 });
const text = new TextEncoder().encode("what is signed");
const rawly = { padding: constants.RSA_NO_PADDING };

describe("PSS, RFC 8017, 9.1", () => {
  test.each([
    ["sha1", 20, key, 2048],
    ["sha256", 32, key, 2048],
    ["sha384", 48, key, 2048],
    ["sha512", 64, key, 2048],
    ["sha256", 0, key, 2048],
    ["sha256", 222, key, 2048],
    ["sha256", 32, oddKey, 1025],
  ] as const)("%s with a salt of %i bytes: Node verifies it", (name, saltLength, { privateKey, publicKey }, bits) => {
    const block = padPss(hash(name)(text), randomBytes(saltLength), bits, hash(name));
    const signature = privateEncrypt({ key: privateKey, ...rawly }, block ?? new Uint8Array(0));
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    expect(verify(name, text, { key: publicKey, padding, saltLength }, signature)).toBe(true);
  });

  test("a salt that leaves no room: none", () => {
    expect(padPss(hash("sha256")(text), randomBytes(223), 2048, hash("sha256"))).toBeUndefined();
  });
});

describe("OAEP, RFC 8017, 7.1", () => {
  const enciphered = (message: Uint8Array, oaepHash: string, oaepLabel?: Uint8Array): Uint8Array => {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const label = oaepLabel === undefined ? {} : { oaepLabel };
    const data = publicEncrypt({ key: key.publicKey, padding, oaepHash, ...label }, message);
    return new Uint8Array(privateDecrypt({ key: key.privateKey, ...rawly }, data));
  };

  test.each(["sha1", "sha256", "sha512"])("%s: what Node has padded", (name) => {
    for (const message of [text, new Uint8Array(0), Uint8Array.of(0, 1, 0)]) {
      expect(unpadOaep(hash(name), enciphered(message, name))).toEqual(message);
    }
    const label = new TextEncoder().encode("label");
    expect(unpadOaep(hash(name), enciphered(text, name, label), label)).toEqual(text);
  });

  test("another label, another hash, a first byte that is not zero: none", () => {
    const block = enciphered(text, "sha256");
    expect(unpadOaep(hash("sha256"), block, text)).toBeUndefined();
    expect(unpadOaep(hash("sha1"), block)).toBeUndefined();
    expect(unpadOaep(hash("sha256"), Uint8Array.of(1, ...block.subarray(1)))).toBeUndefined();
  });

  test("property: any bytes end in none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(unpadOaep(hash("sha256"), bytes)).toBeUndefined();
      }),
    );
  });
});
