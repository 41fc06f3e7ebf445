// SPDX-License-Identifier: MIT

import { afterEach, expect, test, vi } from "vitest";

// Unit tests share their modules: what is replaced is loaded anew, before and after.
afterEach(() => {
  vi.doUnmock("node:crypto");
  vi.resetModules();
});

test("a cipher that the machine does not have is a coded error, with the cause", async () => {
  // What Node does where OpenSSL has no provider for the cipher, as in builds that keep to FIPS 140.
  vi.doMock("node:crypto", async (original) => {
    const crypto = await original<typeof import("node:crypto")>();
    const createCipheriv = (name: string, key: Uint8Array) => {
      if (name.startsWith("des-")) throw Object.assign(new Error("unsupported"), { code: "ERR_OSSL_EVP_UNSUPPORTED" });
      return crypto.createCipheriv(name, key, null);
    };
    return { ...crypto, createCipheriv };
  });
  vi.resetModules();
  const { nodeBlockCipher } = await import("./block-cipher.ts");
  const missing = expect.objectContaining({
    code: "unsupported-feature",
    cause: expect.objectContaining({ code: "ERR_OSSL_EVP_UNSUPPORTED" }),
  });
  expect(() => nodeBlockCipher("3des", new Uint8Array(24))).toThrow(missing);
  expect(nodeBlockCipher("aes", new Uint8Array(16)).blockBytes).toBe(16);
});
