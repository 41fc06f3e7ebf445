// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../binary/index.ts";
import { encodeDigestInfo, padForSignature, unpadDeciphered, unpadOaep } from "./rsa-padding.ts";

describe("RFC 8017, 9.2: padding of what is signed", () => {
  test("at least 8 bytes FF", () => {
    expect(encodeHex(padForSignature(hexBytes("AABB"), 13) ?? new Uint8Array(0))).toBe("0001FFFFFFFFFFFFFFFF00AABB");
    expect(padForSignature(hexBytes("AABBCC"), 13)).toBeUndefined();
  });

  test("DigestInfo of SHA-256 and SHA-1, as note 1 has them", () => {
    expect(encodeHex(encodeDigestInfo("sha256", new Uint8Array(32)).subarray(0, 19))).toBe(
      "3031300D060960864801650304020105000420",
    );
    expect(encodeHex(encodeDigestInfo("sha1", new Uint8Array(20)).subarray(0, 15))).toBe(
      "3021300906052B0E03021A05000414",
    );
  });
});

describe("RFC 8017, 7.2.2: padding of what was deciphered", () => {
  const padding = new Uint8Array(8).fill(0x11);

  test("the message, also an empty one", () => {
    expect(unpadDeciphered(concatBytes(Uint8Array.of(0, 2), padding, hexBytes("00AA00BB")))).toEqual(
      hexBytes("AA00BB"),
    );
    expect(unpadDeciphered(concatBytes(Uint8Array.of(0, 2), padding, hexBytes("00")))).toEqual(new Uint8Array(0));
  });

  test.each([
    ["a first byte that is not zero", "0102111111111111111100AA"],
    ["type 1", "0001111111111111111100AA"],
    ["no zero after the padding string", "0002111111111111111111AA"],
    ["seven bytes of padding", "00021111111111111100AABB"],
    ["no padding", "000200AABBCCDDEEFF001122"],
    ["nothing", ""],
    ["one byte", "00"],
  ])("%s: none", (_, hex) => {
    expect(unpadDeciphered(hexBytes(hex))).toBeUndefined();
  });

  test("property: it finds what was padded, and only that", () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 20 }), bytes, (padding, message) => {
        const nonZero = padding.map((byte) => byte || 1);
        const found = unpadDeciphered(concatBytes(Uint8Array.of(0, 2), nonZero, Uint8Array.of(0), message));
        // With too little padding there is no message, wherever its first zero is.
        expect(found).toEqual(nonZero.length >= 8 ? message : undefined);
      }),
    );
  });
});

describe("RFC 8017, 7.1.2: OAEP", () => {
  /** No good hash, but one of four bytes: SHA-1 has its known answers in test/gids. */
  const hash = (data: Uint8Array): Uint8Array => {
    const sum = data.reduce((before, byte) => Math.imul(before, 31) + byte + 7, 1);
    return Uint8Array.of(sum >>> 24, sum >>> 16, sum >>> 8, sum);
  };
  const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, at) => byte ^ (b[at] ?? 0));
  const mask = (seed: Uint8Array, length: number): Uint8Array => {
    const parts = Array.from({ length: Math.ceil(length / 4) }, (_, at) =>
      hash(concatBytes(seed, Uint8Array.of(0, 0, 0, at))),
    );
    return concatBytes(...parts).subarray(0, length);
  };
  const seed = hexBytes("01020304");
  const block = (data: Uint8Array, first = 0): Uint8Array => {
    const masked = xor(data, mask(seed, data.length));
    return concatBytes(Uint8Array.of(first), xor(seed, mask(masked, 4)), masked);
  };
  const labelHash = hash(new Uint8Array(0));
  const whole = (rest: string): Uint8Array => concatBytes(labelHash, hexBytes(rest));

  test("the message, also an empty one, and one with a 1 in it", () => {
    expect(unpadOaep(hash, block(whole("000001AABB")))).toEqual(hexBytes("AABB"));
    expect(unpadOaep(hash, block(whole("01")))).toEqual(new Uint8Array(0));
    expect(unpadOaep(hash, block(whole("00010100")))).toEqual(hexBytes("0100"));
  });

  test.each([
    ["a first byte that is not zero", block(whole("000001AA"), 1)],
    ["another label", block(concatBytes(xor(labelHash, Uint8Array.of(0, 0, 0, 1)), hexBytes("000001AA")))],
    ["no 1", block(whole("00000000"))],
    ["a byte between that is not zero", block(whole("000201AA"))],
    ["a byte between, and no 1", block(whole("00020002"))],
    ["too few bytes", new Uint8Array(9)],
    ["nothing", new Uint8Array(0)],
  ])("%s: none", (_, wrong) => {
    expect(unpadOaep(hash, wrong)).toBeUndefined();
  });

  test("property: it finds what was padded", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.uint8Array({ maxLength: 40 }), (zeros, message) => {
        const data = concatBytes(labelHash, new Uint8Array(zeros), Uint8Array.of(1), message);
        expect(unpadOaep(hash, block(data))).toEqual(message);
      }),
    );
  });
});
