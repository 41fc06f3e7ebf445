// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex } from "../../src/base/binary/index.ts";
import shared from "../vectors/card-crypto.json" with { type: "json" };
import own from "../vectors/piv.json" with { type: "json" };
import { bytes, crypto, inside, PivSession, tlv } from "./piv-session.ts";

const POLICY_NEVER = bytes("AA0101");
const curves: Readonly<Record<string, { id: number; hash: "sha256" | "sha384"; length: number }>> = {
  "P-256": { id: 0x11, hash: "sha256", length: 32 },
  "P-384": { id: 0x14, hash: "sha384", length: 48 },
};

/** A card into which one key was imported, which needs no PIN. */
async function cardWith(slot: number, algorithm: number, ...parts: readonly Uint8Array[]): Promise<PivSession> {
  const card = await PivSession.open();
  await card.authenticate();
  await card.data({ ins: 0xfe, p1: algorithm, p2: slot, data: concatBytes(...parts, POLICY_NEVER) });
  return card;
}

/** An ECDSA signature in DER, of numbers without leading zeros. */
function signature(r: string, s: string): string {
  const integer = (hex: string): Uint8Array => {
    const number = bytes(hex);
    const digits = number.subarray(number.findIndex((byte) => byte !== 0));
    return tlv(0x02, new Uint8Array((digits[0] ?? 0) >> 7), digits);
  };
  return encodeHex(tlv(0x30, integer(r), integer(s)));
}

const onCards = <T extends { readonly curve: string }>(all: readonly T[]) => all.filter(({ curve }) => curve in curves);

describe("known answers", () => {
  it.each(onCards(shared.rfc6979))("ECDSA: $source", async ({ curve, message, private: secret, r, s }) => {
    const { id, hash } = curves[curve] ?? { id: 0, hash: "sha256" as const };
    const card = await cardWith(0x9c, id, tlv(0x06, bytes(secret)));
    expect(encodeHex(await card.result(0x9c, id, crypto.hash(hash, bytes(message))))).toBe(signature(r, s));
  });

  it("ECDH: project Wycheproof", async () => {
    let tried = 0;
    for (const { curve, point, private: secret, shared: secretShared, source } of onCards(shared.ecdh)) {
      const { id = 0, length = 0 } = curves[curve] ?? {};
      const number = bytes(secret);
      if (number.length !== length) continue;
      tried++;
      const card = await cardWith(0x9d, id, tlv(0x06, number));
      const { data, status } = await card.use(0x9d, id, bytes(point), 0x85);
      const found = status === 0x9000 ? encodeHex(inside(data, 0x7c, 0x82)) : "";
      expect(found, source).toBe(secretShared ?? "");
    }
    expect(tried).toBeGreaterThan(10);
  });

  it("X25519: project Wycheproof", async () => {
    for (const { private: secret, public: point, shared: secretShared, source } of shared.x25519) {
      const card = await cardWith(0x9d, 0xe1, tlv(0x08, bytes(secret)));
      const { data, status } = await card.use(0x9d, 0xe1, bytes(point), 0x85);
      const found = status === 0x9000 ? encodeHex(inside(data, 0x7c, 0x82)) : "";
      expect(found, source).toBe(secretShared ?? "");
    }
  });

  it.each(own.ed25519)("Ed25519: $source", async ({ message, public: point, secret, signature: expected }) => {
    const card = await cardWith(0x9c, 0xe0, tlv(0x07, bytes(secret)));
    expect(encodeHex(await card.result(0x9c, 0xe0, bytes(message)))).toBe(expected);
    const metadata = await card.data({ ins: 0xf7, p2: 0x9c });
    expect(encodeHex(metadata)).toContain(`04228620${point}`);
  });

  it.each(own.rsa)("RSA $bits: an imported key undoes what its public key does", async (key) => {
    const { bits, n } = key;
    const parts = [key.p, key.q, key.dp, key.dq, key.qinv].map((part, index) => tlv(1 + index, bytes(part)));
    const id = bits === 3072 ? 0x05 : 0x16;
    const card = await cardWith(0x9d, id, ...parts);
    const block = crypto.randomBytes(bits / 8);
    block[0] = 0;
    const power = powerOf(block, 65_537, bytes(n));
    expect(await card.result(0x9d, id, power)).toEqual(block);
  });

  it("RSA 2048: project Wycheproof", async () => {
    const [key] = shared.rsaDecrypt;
    if (key === undefined) throw new Error("no key");
    const [p, q] = [BigInt(`0x${key.p}`), BigInt(`0x${key.q}`)];
    const d = inverse(65_537n, (p - 1n) * (q - 1n));
    const numbers = [p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)];
    const parts = numbers.map((number, index) => tlv(1 + index, numberBytes(number, 128)));
    const card = await cardWith(0x9d, 0x07, ...parts);
    const [first] = key.tests;
    const block = await card.result(0x9d, 0x07, bytes(first?.ciphertext ?? ""));
    expect(encodeHex(block.subarray(0, 2))).toBe("0002");
    expect(powerOf(block, 65_537, bytes(key.n))).toEqual(bytes(first?.ciphertext ?? ""));
  });
});

const numberBytes = (number: bigint, length: number): Uint8Array =>
  bytes(number.toString(16).padStart(length * 2, "0"));

function powerOf(base: Uint8Array, exponent: number, modulus: Uint8Array): Uint8Array {
  const n = BigInt(`0x${encodeHex(modulus)}`);
  let [square, result] = [BigInt(`0x${encodeHex(base)}`), 1n];
  for (let rest = exponent; rest > 0; rest >>>= 1) {
    if (rest & 1) result = (result * square) % n;
    square = (square * square) % n;
  }
  return numberBytes(result, base.length);
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [r, nextR, t, nextT] = [modulus, value % modulus, 0n, 1n];
  while (nextR > 0n) {
    const quotient = r / nextR;
    [r, nextR] = [nextR, r - quotient * nextR];
    [t, nextT] = [nextT, t - quotient * nextT];
  }
  return ((t % modulus) + modulus) % modulus;
}
