// SPDX-License-Identifier: MIT

import { constants, createPrivateKey, generateKeyPair, type KeyObject, privateDecrypt } from "node:crypto";
import { promisify } from "node:util";
import type { RsaKey } from "../../../cards/crypto/index.ts";

const generate = promisify(generateKeyPair);

/** @see CardCrypto.generateRsa */
export async function generateRsa(bits: number, publicExponent = 65_537): Promise<RsaKey> {
  const { privateKey } = await generate("rsa", { modulusLength: bits, publicExponent });
  const { n, e, d, p, q, dp, dq, qi } = privateKey.export({ format: "jwk" });
  const parts = { n, e, d, p, q, dp, dq, qinv: qi };
  const key = Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, fromBase64Url(text)]));
  return key as Readonly<Record<keyof RsaKey, Uint8Array>>;
}

/** Keys as Node's library has them, as long as their card keeps them. */
const imported = new WeakMap<RsaKey, KeyObject>();

/** @see CardCrypto.rsaPrivate */
export function rsaPrivate(key: RsaKey, input: Uint8Array): Uint8Array | undefined {
  if (input.length !== key.n.length || !isLess(input, key.n)) return undefined;
  // Node 20 refuses to undo PKCS #1 padding. Without padding it does the bare operation, blinded.
  return new Uint8Array(privateDecrypt({ key: keyObject(key), padding: constants.RSA_NO_PADDING }, input));
}

function keyObject(key: RsaKey): KeyObject {
  const known = imported.get(key);
  if (known !== undefined) return known;
  const { n, e, d, p, q, dp, dq, qinv } = key;
  const parts = Object.entries({ n, e, d, p, q, dp, dq, qi: qinv });
  const jwk = Object.fromEntries(parts.map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64url")]));
  const made = createPrivateKey({ key: { kty: "RSA", ...jwk }, format: "jwk" });
  imported.set(key, made);
  return made;
}

function fromBase64Url(text = ""): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64url"));
}

/** Compares two numbers of the same length. */
function isLess(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) < 0;
}
