// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import vectors from "../../../../test/vectors/block-ciphers.json" with { type: "json" };
import { encodeHex, hexBytes } from "../../../base/binary/index.ts";
import { nodeBlockCipher } from "./block-cipher.ts";

test.each(vectors.blocks)("$source", ({ algorithm, key, plain, enciphered }) => {
  const cipher = nodeBlockCipher(algorithm === "aes" ? "aes" : "3des", hexBytes(key));
  expect(cipher.blockBytes).toBe(plain.length / 2);
  // Blocks are independent.
  for (let count = 0; count < 2; count++) {
    expect(encodeHex(cipher.encrypt(hexBytes(plain)))).toBe(enciphered);
    expect(encodeHex(cipher.decrypt(hexBytes(enciphered)))).toBe(plain);
  }
});

test("triple DES with two keys uses the first one twice", () => {
  const [first, second] = ["0123456789ABCDEF", "23456789ABCDEF01"];
  const block = hexBytes("5468652071756663");
  const two = nodeBlockCipher("3des", hexBytes(`${first}${second}`));
  const three = nodeBlockCipher("3des", hexBytes(`${first}${second}${first}`));
  expect(two.encrypt(block)).toEqual(three.encrypt(block));
});

test.each([
  ["aes", 15],
  ["aes", 0],
  ["3des", 8],
  ["3des", 32],
] as const)("%s does not take a key of %i bytes, and does not repeat it", (algorithm, length) => {
  const key = new Uint8Array(length).fill(0xab);
  const wrong = expect.objectContaining({ code: "invalid-value", message: expect.not.stringMatching(/171|ab,|abab/i) });
  expect(() => nodeBlockCipher(algorithm, key)).toThrow(wrong);
});
