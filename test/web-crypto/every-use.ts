// SPDX-License-Identifier: MIT

// Everything that Web Crypto does with the keys of a card, checked by Node's own Web Crypto, by node:crypto, by openssl and by jose.

import { constants, createPublicKey, publicEncrypt, verify, webcrypto } from "node:crypto";
import { jwtVerify } from "jose";
import { expect } from "vitest";
import { ecdsaToDer } from "../../src/base/keys/index.ts";
import type { KeyContainer, OpenCard } from "../../src/entry/modules.ts";
import { signJwt } from "../../src/entry/web-crypto.ts";
import { SmartCardError } from "../../src/port/index.ts";
import type { OpenSsl } from "./openssl.ts";

const { subtle } = webcrypto;
const text = new TextEncoder().encode("what is signed, or a secret");
const other = new TextEncoder().encode("what was not signed");
/** Hash functions of Web Crypto. */
export type Hash = keyof typeof hashBytes;
export const allHashes: readonly Hash[] = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const hashBytes = { "SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 } as const;
const nodeHash = (hash: string): string => hash.replace("-", "").toLowerCase();

/** What was done, or the error's name. */
async function outcome(what: string, work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return what;
  } catch (error) {
    if (error instanceof SmartCardError) return `${what}: ${error.code}`;
    if (error instanceof DOMException && error.cause instanceof SmartCardError) return `${what}: ${error.name}`;
    throw error;
  }
}

/**
 * Uses each key of a card in each way, and tells what was done.
 *
 * @param hashes one makes it short: over stock pcscd a use takes up to a second
 */
export async function everyUse(card: OpenCard, openssl: OpenSsl, hashes: readonly Hash[]): Promise<string[]> {
  const done: string[] = [];
  for (const container of await card.containers()) {
    for (const [name, work] of usesOf(card, container, openssl, hashes))
      done.push(await outcome(`${container.name} ${name}`, work));
  }
  return done;
}

function usesOf(
  card: OpenCard,
  container: KeyContainer,
  openssl: OpenSsl,
  hashes: readonly Hash[],
): [string, () => Promise<void>][] {
  const { key, name, uses } = container;
  const spki = container.publicKey ?? new Uint8Array(0);
  if (key.kind === "ed25519")
    return [["Ed25519", () => signs(card, name, spki, { name: "Ed25519" }, undefined, openssl)]];
  if (key.kind === "x25519") return [["X25519", () => derives(card, name, spki, { name: "X25519" }, openssl)]];
  const found: [string, () => Promise<void>][] = [];
  const each = (algorithm: string, work: (hash: Hash) => Promise<void>): void => {
    found.push([
      algorithm,
      async () => {
        for (const hash of hashes) await work(hash);
      },
    ]);
  };
  if (key.kind === "ec") {
    if (uses.includes("sign")) each("ECDSA", (hash) => signs(card, name, spki, { name: "ECDSA", hash }, hash, openssl));
    const { curve: namedCurve } = key;
    if (uses.includes("derive"))
      found.push(["ECDH", () => derives(card, name, spki, { name: "ECDH", namedCurve }, openssl)]);
    return found;
  }
  if (uses.includes("sign")) {
    each("RSASSA-PKCS1-v1_5", (hash) => signs(card, name, spki, { name: "RSASSA-PKCS1-v1_5", hash }, hash, openssl));
    each("RSA-PSS", async (hash) => {
      for (const saltLength of hashes.length > 1 ? [hashBytes[hash], 0, 20] : [hashBytes[hash]])
        await signs(card, name, spki, { name: "RSA-PSS", hash, saltLength }, hash, openssl);
    });
  }
  if (uses.includes("decrypt")) {
    each("RSA-OAEP", (hash) => decrypts(card, name, spki, hash, openssl));
    found.push(["RSAES-PKCS1-v1_5", () => decryptsOld(card, name, spki, openssl)]);
  }
  return found;
}

interface Algorithm {
  readonly name: string;
  readonly hash?: string;
  readonly saltLength?: number;
}

async function signs(
  { webcrypto: crypto }: OpenCard,
  container: string,
  spki: Uint8Array,
  algorithm: Algorithm,
  hash: string | undefined,
  openssl: OpenSsl,
): Promise<void> {
  const { privateKey, publicKey } = await crypto.keyPair(container, algorithm);
  expect(privateKey.usages).toEqual(["sign"]);
  expect(new Uint8Array(await subtle.exportKey("spki", publicKey))).toEqual(new Uint8Array(spki));
  const signature = new Uint8Array(await crypto.sign(algorithm, privateKey, text));
  expect(await subtle.verify(algorithm, publicKey, signature, text)).toBe(true);
  expect(await crypto.verify(algorithm, publicKey, signature, other)).toBe(false);
  const isEcdsa = algorithm.name === "ECDSA";
  const isPss = algorithm.saltLength !== undefined;
  const options = {
    key: createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }),
    ...(isEcdsa && ({ dsaEncoding: "ieee-p1363" } as const)),
    ...(isPss && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength }),
  };
  const digest = hash === undefined ? undefined : nodeHash(hash);
  expect(verify(digest, text, options, signature)).toBe(true);
  const der = isEcdsa ? ecdsaToDer(signature) : signature;
  expect(openssl.verifies(spki, text, der, digest, algorithm.saltLength), `openssl, ${JSON.stringify(algorithm)}`).toBe(
    true,
  );
  expect(openssl.verifies(spki, other, der, digest, algorithm.saltLength)).toBe(false);
  // JOSE has one hash function for each curve, one length of the salt, and no SHA-1.
  if (isEcdsa ? hash !== "SHA-256" : hash === "SHA-1" || (isPss && algorithm.saltLength < 32)) return;
  const token = await signJwt({ sub: container }, privateKey);
  expect((await jwtVerify(token, publicKey)).payload).toEqual({ sub: container });
}

async function derives(
  { webcrypto: crypto }: OpenCard,
  container: string,
  spki: Uint8Array,
  algorithm: { readonly name: string; readonly namedCurve?: string },
  openssl: OpenSsl,
): Promise<void> {
  const { name } = algorithm;
  const pair = await crypto.keyPair(container, algorithm);
  expect(pair.privateKey.usages).toEqual(["deriveKey", "deriveBits"]);
  const made = await subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, ["deriveKey", "deriveBits"]);
  const derived = new Uint8Array(await crypto.deriveBits({ name, public: made.publicKey }, pair.privateKey, null));
  const pkcs8 = new Uint8Array(await subtle.exportKey("pkcs8", made.privateKey));
  expect(derived).toEqual(openssl.derive(pkcs8, spki));
  const short = await crypto.deriveBits({ name, public: made.publicKey }, pair.privateKey, 128);
  expect(new Uint8Array(short)).toEqual(derived.slice(0, 16));
  // Both sides have the same key.
  const type = { name: "AES-GCM", length: 256 };
  const ours = await crypto.deriveKey({ name, public: made.publicKey }, pair.privateKey, type, false, ["encrypt"]);
  const theirs = await subtle.deriveKey({ name, public: pair.publicKey }, made.privateKey, type, false, ["decrypt"]);
  const gcm = { name: "AES-GCM", iv: new Uint8Array(12) };
  expect(new Uint8Array(await subtle.decrypt(gcm, theirs, await crypto.encrypt(gcm, ours, text)))).toEqual(text);
}

async function decrypts(
  { webcrypto: crypto }: OpenCard,
  container: string,
  spki: Uint8Array,
  hash: string,
  openssl: OpenSsl,
): Promise<void> {
  const name = "RSA-OAEP";
  const { privateKey, publicKey } = await crypto.keyPair(container, { name, hash });
  const label = Uint8Array.of(1, 2, 3);
  const encrypted = await subtle.encrypt({ name, label }, publicKey, text);
  expect(new Uint8Array(await crypto.decrypt({ name, label }, privateKey, encrypted))).toEqual(text);
  const byProgram = openssl.encrypt(spki, text, nodeHash(hash));
  expect(new Uint8Array(await crypto.decrypt({ name }, privateKey, byProgram))).toEqual(text);
  await expect(crypto.decrypt({ name }, privateKey, encrypted)).rejects.toMatchObject({ name: "OperationError" });
  const secret = await subtle.generateKey({ name: "AES-CBC", length: 256 }, true, ["encrypt"]);
  for (const format of ["raw", "jwk"] as const) {
    if (format === "jwk" && hash === "SHA-512") continue;
    const wrapped = await crypto.wrapKey(format, secret, publicKey, { name });
    const got = await crypto.unwrapKey(format, wrapped, privateKey, name, "AES-CBC", true, ["encrypt"]);
    expect(await subtle.exportKey("raw", got)).toEqual(await subtle.exportKey("raw", secret));
  }
}

async function decryptsOld(
  { webcrypto: crypto }: OpenCard,
  container: string,
  spki: Uint8Array,
  openssl: OpenSsl,
): Promise<void> {
  const name = "RSAES-PKCS1-v1_5";
  const { privateKey, publicKey } = await crypto.keyPair(container, name);
  expect([privateKey.usages, publicKey.usages]).toEqual([["decrypt", "unwrapKey"], []]);
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  for (const encrypted of [
    publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text),
    openssl.encrypt(spki, text),
  ])
    expect(new Uint8Array(await crypto.decrypt(name, privateKey, encrypted))).toEqual(text);
}
