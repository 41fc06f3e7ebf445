// SPDX-License-Identifier: MIT

// What the Web Cryptography API says of keys that are used for something else, and of wrong arguments.

import { KeyObject, webcrypto } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenCard } from "../../src/entry/modules.ts";
import { type CardCryptoKey, type CardWebCrypto, webCrypto } from "../../src/entry/web-crypto.ts";
import { certify } from "../modules/piv-keys.ts";
import { openPivCard, type PivCard } from "./piv-card.ts";

const { subtle } = webcrypto;
const text = new TextEncoder().encode("what is signed");
const ecdsa = { name: "ECDSA", hash: "SHA-256" } as const;

let piv: PivCard;
let card: OpenCard;
let crypto: CardWebCrypto;
let signing: CardCryptoKey;
let deriving: CardCryptoKey;
let deciphering: CardCryptoKey;

beforeAll(async () => {
  piv = await openPivCard(["9A", "9C", "9D"]);
  card = piv.card;
  crypto = card.webcrypto;
  signing = (await crypto.keyPair("9C")).privateKey;
  deriving = (await crypto.keyPair("9D", { name: "ECDH" })).privateKey;
  deciphering = (await crypto.keyPair("9A", { name: "RSA-OAEP", hash: "SHA-256" })).privateKey;
});
afterAll(() => piv?.close());

test("a key says what it is", async () => {
  expect(Object.prototype.toString.call(signing)).toBe("[object CryptoKey]");
  const { algorithm, container, extractable, type, usages } = signing;
  expect({ algorithm, container, extractable, type, usages }).toEqual({
    algorithm: { name: "ECDSA", namedCurve: "P-256" },
    container: "9C",
    extractable: false,
    type: "private",
    usages: ["sign"],
  });
  expect(deciphering.algorithm).toEqual({
    name: "RSA-OAEP",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: { name: "SHA-256" },
  });
  const { publicKey } = await crypto.keyPair("9A", { name: "rsa-oaep", hash: "sha-256" });
  expect(publicKey.algorithm).toEqual(deciphering.algorithm);
  expect(KeyObject.from(publicKey).asymmetricKeyType).toBe("rsa");
  expect(() => (signing.usages as string[]).push("verify")).toThrow(TypeError);
  expect(Reflect.set(signing.algorithm, "name", "RSA-PSS")).toBe(false);
  expect(inspect(signing)).toMatch(/^CardCryptoKey \[CryptoKey\]/);
  // Node's types fit.
  const ofNode: webcrypto.CryptoKey = signing;
  expect(ofNode).toBe(signing);
});

test("card.webcrypto is a SubtleCrypto and a Crypto", async () => {
  const ofNode: webcrypto.SubtleCrypto = crypto;
  expect(ofNode).toBe(crypto.subtle);
  expect(card.webcrypto).toBe(crypto);
  expect(crypto.getRandomValues(new Uint8Array(16))).not.toEqual(new Uint8Array(16));
  expect(crypto.randomUUID()).toMatch(/^[0-9a-f-]{36}$/);
  expect(await crypto.digest("SHA-256", text)).toEqual(await subtle.digest("SHA-256", text));
  const secret = await crypto.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"]);
  const mac = await crypto.sign("HMAC", secret, text);
  expect(await crypto.verify("HMAC", secret, mac, text)).toBe(true);
  const raw = await crypto.exportKey("raw", secret);
  const again = await crypto.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  expect(await crypto.verify("HMAC", again, mac, text)).toBe(true);
});

test("a key is found by name, container and certificate", async () => {
  const [container] = await card.containers();
  const spki = container?.publicKey ?? text;
  for (const of of ["9a", { name: "9A" }, container ?? "", certify(spki, "Holder")]) {
    const { privateKey } = await crypto.keyPair(of);
    expect([privateKey.container, privateKey.algorithm.name]).toEqual(["9A", "RSASSA-PKCS1-v1_5"]);
  }
  const stranger = (await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"])).publicKey;
  const foreign = certify(new Uint8Array(await subtle.exportKey("spki", stranger)), "Stranger");
  await expect(crypto.keyPair(foreign)).rejects.toMatchObject({
    code: "no-key-container",
    message: expect.stringContaining("no key of this certificate; its keys: 9A, 9C, 9D"),
  });
  const all = await crypto.keyPairs();
  expect(all.map(({ privateKey: { algorithm, container: name } }) => `${name} ${algorithm.name}`)).toEqual([
    "9A RSASSA-PKCS1-v1_5",
    "9C ECDSA",
    "9D ECDSA",
  ]);
});

test.each([
  ["of a number", () => crypto.keyPair(9 as never), "invalid-parameter", "of is a number"],
  ["no certificate", () => crypto.keyPair(text), "invalid-value", "14 bytes that are no certificate"],
  ["another container", () => crypto.keyPair("9F"), "no-key-container", 'no key "9F"; its keys: 9A, 9C, 9D'],
  ["an algorithm that there is not", () => crypto.keyPair("9A", "RSA"), "invalid-value", "known: RSASSA-PKCS1-v1_5,"],
  ["no algorithm", () => crypto.keyPair("9A", {} as never), "invalid-parameter", "algorithm is an object"],
  [
    "of another kind of key",
    () => crypto.keyPair("9A", "ECDSA"),
    "unsupported-feature",
    "cannot be used for ECDSA; it can for RSASSA",
  ],
  [
    "a hash that there is not",
    () => crypto.keyPair("9A", { name: "RSA-PSS", hash: "MD5" }),
    "invalid-value",
    "known: SHA-1, SHA-256",
  ],
])("keyPair, %s: refused", async (_what, call, code, message) => {
  await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

const aesKey = { name: "AES-KW", length: 256 } as const;
const invalidAccess: [string, () => Promise<unknown>, string][] = [
  ["exportKey", () => crypto.exportKey("pkcs8", signing), "stays on its card and cannot be exported"],
  ["exportKey as jwk", () => crypto.exportKey("jwk", signing), "stays on its card"],
  [
    "wrapKey of it",
    async () => crypto.wrapKey("raw", signing, await subtle.generateKey(aesKey, true, ["wrapKey"]), "AES-KW"),
    "stays on its card",
  ],
  [
    "wrapKey with it",
    async () => crypto.wrapKey("raw", await subtle.generateKey(aesKey, true, ["wrapKey"]), deciphering, "RSA-OAEP"),
    "is for decrypt and unwrapKey, not for wrapKey",
  ],
  ["encrypt", () => crypto.encrypt("RSA-OAEP", deciphering, text), "not for encrypt"],
  ["verify", () => crypto.verify(ecdsa, signing, text, text), "is for sign, not for verify"],
  [
    "sign with a key to derive",
    () => crypto.sign("ECDH", deriving, text),
    "is for deriveKey and deriveBits, not for sign",
  ],
  [
    "another algorithm than the key's",
    () => crypto.sign("Ed25519", signing, text),
    'is for ECDSA, not for "Ed25519"; keyPair',
  ],
  ["decrypt with a key to sign", () => crypto.decrypt("RSA-OAEP", signing, text), 'is for ECDSA, not for "RSA-OAEP"'],
  [
    "a private key of the other side",
    () => crypto.deriveBits({ name: "ECDH", public: deriving }, deriving, 8),
    "is a private key for ECDH on P-384",
  ],
  [
    "another curve",
    async () => crypto.deriveBits({ name: "ECDH", public: (await otherKeys("P-256")).publicKey }, deriving, 8),
    "public key for ECDH on P-256; the key on the card needs a public key for ECDH on P-384",
  ],
  [
    "a public key that cannot be exported",
    async () => {
      const spki = await subtle.exportKey("spki", (await otherKeys("P-384")).publicKey);
      const closed = await subtle.importKey("spki", spki, { name: "ECDH", namedCurve: "P-384" }, false, []);
      return crypto.deriveBits({ name: "ECDH", public: closed }, deriving, 8);
    },
    "import it as extractable",
  ],
];

function otherKeys(namedCurve: string): Promise<webcrypto.CryptoKeyPair> {
  return subtle.generateKey({ name: "ECDH", namedCurve }, true, ["deriveBits"]);
}

test.each(invalidAccess)("%s: InvalidAccessError", async (_what, call, message) => {
  await expect(call()).rejects.toMatchObject({ name: "InvalidAccessError", message: expect.stringContaining(message) });
  await expect(call()).rejects.toBeInstanceOf(DOMException);
});

test.each([
  ["a hash that there is not", "NotSupportedError", () => crypto.sign({ name: "ECDSA", hash: "MD5" }, signing, text)],
  ["a derived key that there is not", "NotSupportedError", () => derive("Ed25519")],
  ["more bits than the secret has", "OperationError", () => bits(385)],
  ["AES of a length that there is not", "OperationError", () => derive({ name: "AES-GCM", length: 100 })],
  ["a salt that does not fit", "OperationError", () => pss(400)],
  [
    "what was encrypted for another key",
    "OperationError",
    () => crypto.decrypt("RSA-OAEP", deciphering, new Uint8Array(256).fill(1)),
  ],
  ["a length that does not fit", "OperationError", () => crypto.decrypt("RSA-OAEP", deciphering, text)],
  [
    "no key in JSON",
    "DataError",
    async () => {
      const { publicKey } = await crypto.keyPair("9A", "RSA-OAEP");
      const wrapped = await subtle.encrypt("RSA-OAEP", publicKey as webcrypto.CryptoKey, text);
      return crypto.unwrapKey("jwk", wrapped, deciphering, "RSA-OAEP", "AES-GCM", true, ["encrypt"]);
    },
  ],
  ["no usages", "SyntaxError", () => derive({ name: "AES-GCM", length: 128 }, [])],
  ["no algorithm", "TypeError", () => crypto.sign(undefined as never, signing, text)],
  ["an algorithm without a name", "TypeError", () => crypto.sign({} as never, signing, text)],
  ["no salt's length", "TypeError", () => pss(undefined)],
  ["no data", "TypeError", () => crypto.sign(ecdsa, signing, "text" as never)],
  ["no key of the other side", "TypeError", () => crypto.deriveBits("ECDH", deriving, 8)],
  ["no key", "TypeError", () => crypto.sign(ecdsa, {} as never, text)],
  ["no usages at all", "TypeError", () => derive({ name: "AES-GCM", length: 128 }, null as never)],
])("%s: %s", async (_what, name, call) => {
  await expect(call()).rejects.toMatchObject({ name });
});

async function bits(length: number): Promise<ArrayBuffer> {
  return crypto.deriveBits({ name: "ECDH", public: (await otherKeys("P-384")).publicKey }, deriving, length);
}

async function derive(type: string | { name: string; length: number }, usages = ["encrypt"]): Promise<unknown> {
  const other = await otherKeys("P-384");
  return crypto.deriveKey({ name: "ECDH", public: other.publicKey }, deriving, type, true, usages as never);
}

async function pss(saltLength: unknown): Promise<unknown> {
  const { privateKey } = await crypto.keyPair("9A", "RSA-PSS");
  return crypto.sign({ name: "RSA-PSS", saltLength: saltLength as number }, privateKey, text);
}

test("bits of a secret: the first ones, and the rest of the last byte is zero", async () => {
  const other = await otherKeys("P-384");
  const own = { name: "ECDH", public: other.publicKey };
  const all = new Uint8Array(await crypto.deriveBits(own, deriving));
  expect(all.length).toBe(48);
  expect(new Uint8Array(await crypto.deriveBits(own, deriving, 13))).toEqual(
    Uint8Array.of(all[0] ?? 0, (all[1] ?? 0) & 0xf8),
  );
  expect((await crypto.deriveBits(own, deriving, 0)).byteLength).toBe(0);
  for (const [type, length] of [
    [{ name: "HMAC", hash: "SHA-384", length: 256 }, 32],
    [{ name: "AES-KW", length: 192 }, 24],
  ] as const) {
    const key = await crypto.deriveKey(own, deriving, type, true, type.name === "HMAC" ? ["sign"] : ["wrapKey"]);
    expect(new Uint8Array(await crypto.exportKey("raw", key))).toEqual(all.slice(0, length));
  }
  const hkdf = await crypto.deriveKey(own, deriving, "HKDF", false, ["deriveBits"]);
  const params = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(8), info: text };
  const expected = await subtle.importKey("raw", all, "HKDF", false, ["deriveBits"]);
  expect(await crypto.deriveBits(params, hkdf, 256)).toEqual(await subtle.deriveBits(params, expected, 256));
});

test("data is copied when it is given", async () => {
  const { publicKey } = await crypto.keyPair("9C");
  const data = text.slice();
  const signed = crypto.sign(ecdsa, signing, data);
  data.fill(0);
  expect(await crypto.verify(ecdsa, publicKey, await signed, text)).toBe(true);
  const { publicKey: oaep } = await crypto.keyPair("9A", "RSA-OAEP");
  const encrypted = new Uint8Array(await crypto.encrypt("RSA-OAEP", oaep, text));
  const decrypted = crypto.decrypt("RSA-OAEP", deciphering, encrypted);
  encrypted.fill(0);
  expect(new Uint8Array(await decrypted)).toEqual(text);
  const words = new Uint16Array([1, 2, 3]);
  for (const view of [words, new DataView(words.buffer, 2, 4), words.buffer]) {
    const bytes = ArrayBuffer.isView(view)
      ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
      : new Uint8Array(view);
    expect(await crypto.verify(ecdsa, publicKey, await crypto.sign(ecdsa, signing, view), bytes)).toBe(true);
  }
});

test("a key of a card has no copy: structuredClone, messages, KeyObject and Node's own Web Crypto refuse it", async () => {
  expect(() => structuredClone(signing)).toThrow(expect.objectContaining({ name: "DataCloneError" }));
  expect(() => structuredClone(signing)).toThrow("a private key that stays on its card");
  const { port1, port2 } = new MessageChannel();
  expect(() => port1.postMessage(signing)).toThrow(expect.objectContaining({ name: "DataCloneError" }));
  port1.close();
  port2.close();
  expect(() => KeyObject.from(signing)).toThrow(TypeError);
  await expect(subtle.sign(ecdsa, signing, text)).rejects.toThrow(TypeError);
  // What looks the same is no key.
  await expect(
    crypto.sign(ecdsa, Object.assign(Object.create(Object.getPrototypeOf(signing)), signing), text),
  ).rejects.toThrow(TypeError);
});

test("the public key of a private one", async () => {
  const { publicKey } = await crypto.keyPair("9C");
  const found = await crypto.getPublicKey(signing, ["verify"]);
  expect(await crypto.exportKey("jwk", found)).toEqual(await crypto.exportKey("jwk", publicKey));
  const signature = await crypto.sign(ecdsa, signing, text);
  expect(await crypto.verify(ecdsa, found, signature, text)).toBe(true);
});

test("what a newer host has beyond the standard is passed on, but for keys of the card", async () => {
  class NewerSubtle {
    readonly calls: unknown[][] = [];
    async encapsulateBits(...given: unknown[]): Promise<string> {
      this.calls.push(given);
      return "done";
    }
    getPublicKey(...given: unknown[]): string {
      this.calls.push(given);
      return "public";
    }
  }
  const newer = new NewerSubtle();
  const host = { subtle: newer, getRandomValues: () => undefined, randomUUID: () => "1-1-1-1-1" };
  const web = webCrypto(card, { crypto: host as never }) as CardWebCrypto & Pick<NewerSubtle, "encapsulateBits">;
  expect(await web.encapsulateBits("ML-KEM-768", 1)).toBe("done");
  expect(await web.getPublicKey(newer as never, [])).toBe("public");
  expect(newer.calls).toEqual([
    ["ML-KEM-768", 1],
    [newer, []],
  ]);
  await expect(web.encapsulateBits("ML-KEM-768", signing)).rejects.toMatchObject({
    name: "NotSupportedError",
    message: expect.stringContaining("encapsulateBits is not done with the private key 9C"),
  });
  expect(newer.calls).toHaveLength(2);
});

test("several uses at once, and in one transaction", async () => {
  const { publicKey } = await crypto.keyPair("9C");
  const works = async (): Promise<boolean> =>
    crypto.verify(ecdsa, publicKey, await crypto.sign(ecdsa, signing, text), text);
  expect(await Promise.all([works(), works(), works(), works()])).toEqual([true, true, true, true]);
  expect(await card.transaction(async () => [await works(), await works()])).toEqual([true, true]);
});

test("a name that may be a PIN is not repeated", async () => {
  for (const call of [
    () => crypto.sign("123456", signing, text),
    () => crypto.sign({ name: "ECDSA", hash: "123456" }, signing, text),
    () => crypto.keyPair("123456"),
    () => crypto.keyPair("9A", "123456"),
    () => derive("123456"),
  ]) {
    const error: unknown = await call().catch((caught: unknown) => caught);
    expect(error instanceof Error && error.message).not.toContain("123456");
    expect(error).toBeInstanceOf(Error);
  }
});
