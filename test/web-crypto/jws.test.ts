// SPDX-License-Identifier: MIT

// JSON Web Signatures made with a card, verified by jose; and how far jose itself takes a key of a card.

import { webcrypto } from "node:crypto";
import * as jose from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenCard, openCard } from "../../src/entry/modules.ts";
import { type TestRig, testRig } from "../../src/entry/test-rig.ts";
import { type CardKeyPair, signFlattenedJws, signGeneralJws, signJws, signJwt } from "../../src/entry/web-crypto.ts";
import { attributes, OpenPgpBench } from "../cards/openpgp-bench.ts";
import { generateOpenPgpKeys } from "../modules/openpgp-keys.ts";
import { allSlots, openPivCard, type PivCard } from "./piv-card.ts";

const payload = new TextEncoder().encode("what is signed, ü");

let piv: PivCard;
let card: OpenCard;
let p521: OpenCard;
let otherRig: TestRig;
beforeAll(async () => {
  piv = await openPivCard(allSlots);
  card = piv.card;
  const bench = new OpenPgpBench();
  await generateOpenPgpKeys(bench, "132B81040023", attributes.x25519, attributes.ed25519);
  otherRig = await testRig({ card: bench.card });
  p521 = await openCard(await otherRig.connect(), { pin: () => "123456" });
});
afterAll(async () => {
  await piv?.close();
  await p521?.close();
  await otherRig?.close();
});

const keys: [string, string, () => Promise<CardKeyPair>][] = [
  ...["256", "384", "512"].flatMap((bits): [string, string, () => Promise<CardKeyPair>][] => [
    [`RS${bits}`, "9A", () => card.webcrypto.keyPair("9A", { name: "RSASSA-PKCS1-v1_5", hash: `SHA-${bits}` })],
    [`PS${bits}`, "9A", () => card.webcrypto.keyPair("9A", { name: "RSA-PSS", hash: `SHA-${bits}` })],
  ]),
  ["ES256", "9C", () => card.webcrypto.keyPair("9C")],
  ["ES384", "9D", () => card.webcrypto.keyPair("9D")],
  ["ES512", "signature", () => p521.webcrypto.keyPair("signature")],
  ["EdDSA", "9E", () => card.webcrypto.keyPair("9E")],
];

describe.each(keys)("%s with the key %s", (alg, kid, find) => {
  test("compact", async () => {
    const { privateKey, publicKey } = await find();
    const jws = await signJws(payload, privateKey, { protectedHeader: { kid } });
    const verified = await jose.compactVerify(jws, publicKey as jose.CryptoKey);
    expect(verified.payload).toEqual(payload);
    expect(verified.protectedHeader).toEqual({ alg, kid });
    const [head, , signature] = jws.split(".");
    const forged = `${head}.${jose.base64url.encode("something else")}.${signature}`;
    await expect(jose.compactVerify(forged, publicKey as jose.CryptoKey)).rejects.toBeInstanceOf(
      jose.errors.JWSSignatureVerificationFailed,
    );
    expect((await jose.compactVerify(await signJws("ü", privateKey), publicKey as jose.CryptoKey)).payload).toEqual(
      new TextEncoder().encode("ü"),
    );
  });

  test("a token", async () => {
    const { privateKey, publicKey } = await find();
    const claims = { sub: "holder", aud: "desk", iat: 1_700_000_000, exp: 4_000_000_000 };
    const token = await signJwt(claims, privateKey, { protectedHeader: { kid } });
    const key = await jose.importJWK({ ...(await jose.exportJWK(publicKey as jose.CryptoKey)), alg });
    const verified = await jose.jwtVerify(token, key, { audience: "desk", algorithms: [alg] });
    expect(verified.payload).toEqual(claims);
    expect(verified.protectedHeader).toEqual({ typ: "JWT", alg, kid });
  });

  test("in JSON", async () => {
    const { privateKey, publicKey } = await find();
    const jws = await signFlattenedJws(payload, privateKey, { protectedHeader: { kid }, header: { note: "open" } });
    const verified = await jose.flattenedVerify(jws, publicKey as jose.CryptoKey);
    expect(verified.payload).toEqual(payload);
    expect(verified.protectedHeader).toEqual({ alg, kid });
    expect(verified.unprotectedHeader).toEqual({ note: "open" });
  });
});

test("several signers, on two cards", async () => {
  const pairs = await Promise.all(keys.slice(-4).map(([, , find]) => find()));
  const signers = pairs.map(({ privateKey: key }) => ({ key, protectedHeader: { kid: key.container } }));
  const jws = JSON.parse(JSON.stringify(await signGeneralJws(payload, signers)));
  expect(jws.signatures).toHaveLength(4);
  for (const { publicKey } of pairs) {
    const verified = await jose.generalVerify(jws, publicKey as jose.CryptoKey);
    expect(verified.payload).toEqual(payload);
  }
});

test("a certificate chain, and another name of the same algorithm", async () => {
  const { privateKey, publicKey } = await card.webcrypto.keyPair("9E");
  const x5c = ["MIIB"];
  const jws = await signJws(payload, privateKey, { protectedHeader: { alg: "Ed25519", x5c } });
  const verified = await jose.compactVerify(jws, publicKey as jose.CryptoKey);
  expect(verified.protectedHeader).toEqual({ alg: "Ed25519", x5c });
});

const rsa = async (): Promise<CardKeyPair["privateKey"]> => (await card.webcrypto.keyPair("9A")).privateKey;
test.each([
  [
    "another algorithm than the key's",
    "invalid-value",
    '"PS256"; the key 9A is for RS256',
    async () => signJws("", await rsa(), { protectedHeader: { alg: "PS256" } }),
  ],
  [
    "alg of another kind",
    "invalid-value",
    "protectedHeader.alg is a number",
    async () => signJws("", await rsa(), { protectedHeader: { alg: 1 } }),
  ],
  [
    "a key that derives",
    "unsupported-feature",
    "makes no signature that JOSE has",
    async () => signJws("", (await card.webcrypto.keyPair("82")).privateKey),
  ],
  [
    "SHA-1",
    "unsupported-feature",
    "makes no signature that JOSE has",
    async () => signJws("", (await card.webcrypto.keyPair("9A", { name: "RSA-PSS", hash: "SHA-1" })).privateKey),
  ],
  [
    "a payload that is not encoded",
    "unsupported-feature",
    "the header b64",
    async () => signJws("", await rsa(), { protectedHeader: { b64: false, crit: ["b64"] } }),
  ],
  [
    "a header twice",
    "invalid-value",
    "header.kid is in the protected header too",
    async () => signFlattenedJws("", await rsa(), { protectedHeader: { kid: "a" }, header: { kid: "b" } }),
  ],
  [
    "alg among what is not signed",
    "invalid-value",
    "header.alg",
    async () => signFlattenedJws("", await rsa(), { header: { alg: "RS256" } }),
  ],
  [
    "a header that JSON cannot write",
    "invalid-value",
    "cannot write",
    async () => signJws("", await rsa(), { protectedHeader: { n: 1n } }),
  ],
  [
    "claims that are no object",
    "invalid-parameter",
    "claims is an array",
    async () => signJwt([] as never, await rsa()),
  ],
  [
    "a key of the host",
    "invalid-parameter",
    "key is a CryptoKey; give a private key of card.webcrypto",
    async () => signJws("", (await card.webcrypto.keyPair("9A")).publicKey as never),
  ],
  ["no signer", "invalid-parameter", "signers is empty", () => signGeneralJws("", [])],
  ["no payload", "invalid-parameter", "payload is undefined", async () => signJws(undefined as never, await rsa())],
])("%s: refused", async (_what, code, message, call) => {
  await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

describe("jose itself", () => {
  test("takes the key, but signs with the program's own Web Crypto, which refuses it", async () => {
    const signing = new jose.CompactSign(payload).setProtectedHeader({ alg: "RS256" }).sign(await rsa());
    await expect(signing).rejects.toThrow(TypeError);
  });

  test("signs and decrypts with the card where the program's Web Crypto is that of the card", async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, "crypto") ?? {};
    Object.defineProperty(globalThis, "crypto", { configurable: true, value: card.webcrypto });
    try {
      const { privateKey, publicKey } = await card.webcrypto.keyPair("9C");
      const token = await new jose.SignJWT({ sub: "holder" }).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
      expect((await jose.jwtVerify(token, publicKey as jose.CryptoKey)).payload).toEqual({ sub: "holder" });
      const oaep = await card.webcrypto.keyPair("9A", { name: "RSA-OAEP", hash: "SHA-256" });
      const jwe = await new jose.CompactEncrypt(payload)
        .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
        .encrypt(oaep.publicKey as jose.CryptoKey);
      expect((await jose.compactDecrypt(jwe, oaep.privateKey)).plaintext).toEqual(payload);
      const ecdh = await card.webcrypto.keyPair("9D", "ECDH");
      const agreed = await new jose.CompactEncrypt(payload)
        .setProtectedHeader({ alg: "ECDH-ES+A256KW", enc: "A256GCM" })
        .encrypt(ecdh.publicKey as jose.CryptoKey);
      expect((await jose.compactDecrypt(agreed, ecdh.privateKey)).plaintext).toEqual(payload);
    } finally {
      Object.defineProperty(globalThis, "crypto", own);
    }
    expect(globalThis.crypto).toBe(webcrypto);
  });
});
