// SPDX-License-Identifier: MIT

import { deflateSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { encodeHex } from "../../../base/binary/index.ts";
import { nodeRuntime } from "../runtime/index.ts";
import { makeHostCrypto } from "./host-crypto.ts";

const crypto = makeHostCrypto(nodeRuntime().random);
const text = new TextEncoder().encode("a certificate, a certificate");

test("hashes, FIPS 180-4", () => {
  const digest = crypto.hash("sha256", new TextEncoder().encode("abc"));
  expect(encodeHex(digest)).toBe("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
});

test("unpacks both formats, up to a length", () => {
  for (const [format, packed] of [
    ["gzip", gzipSync(text)],
    ["zlib", deflateSync(text)],
  ] as const) {
    expect(crypto.unpack(format, packed, text.length)).toEqual(text);
    expect(crypto.unpack(format, packed, text.length - 1)).toBeUndefined();
    expect(crypto.unpack(format, packed.subarray(0, -5), 100)).toBeUndefined();
    expect(crypto.unpack(format, text, 100)).toBeUndefined();
  }
});
