// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import type { KeyContainer, KeyType } from "./card-module.ts";
import { signatureIn } from "./schemes.ts";

const place = { reader: "Reader", operation: "sign" } as const;

function containerOf(key: KeyType): KeyContainer {
  return { name: "1", label: "Key", key, publicKey: undefined, uses: ["sign"], pin: "user", pinPolicy: "once" };
}

test.each<[KeyType, number]>([
  [{ kind: "rsa", bits: 2048 }, 256],
  [{ kind: "rsa", bits: 1025 }, 129],
  [{ kind: "ec", curve: "P-256" }, 64],
  [{ kind: "ec", curve: "P-521" }, 132],
  [{ kind: "ed25519" }, 64],
])("a signature of %o has %i bytes, and no other length is taken from a module", (key, length) => {
  const container = containerOf(key);
  expect(signatureIn(new Uint8Array(length), container, "raw", place)).toHaveLength(length);
  for (const other of [0, length - 1, length + 1, length + 8]) {
    expect(() => signatureIn(new Uint8Array(other), container, "raw", place)).toThrow(
      `the module gave ${other} bytes as a signature with the key 1; it has ${length}`,
    );
  }
});
