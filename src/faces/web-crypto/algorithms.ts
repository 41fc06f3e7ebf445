// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, kindOf, quoteWord } from "../../base/binary/index.ts";
import type { HashName, PublicKey } from "../../base/keys/index.ts";
import type { CardKey } from "./card-with-keys.ts";
import { webError } from "./web-errors.ts";
import type { KeyAlgorithm, KeyUsage } from "./web-types.ts";

/** What private keys of cards do, by the names of algorithms. W3C, Web Cryptography API, 20 to 27. */
interface Scheme {
  readonly use: CardKey["uses"][number];
  /** The kinds of keys that it is for. */
  readonly kinds: readonly PublicKey["kind"][];
  readonly usages: readonly KeyUsage[];
  readonly publicUsages: readonly KeyUsage[];
}

const signing = { use: "sign", usages: ["sign"], publicUsages: ["verify"] } as const;
const deriving = { use: "derive", usages: ["deriveKey", "deriveBits"], publicUsages: [] } as const;
const decrypting = { use: "decrypt", kinds: ["rsa"], usages: ["decrypt", "unwrapKey"] } as const;

/**
 * In the order in which a key gets its algorithm where none is asked for. RSAES-PKCS1-v1_5 is not in the standard: it is what
 * cards can undo that know no OAEP, by the name that it had in drafts.
 */
const schemes = {
  "RSASSA-PKCS1-v1_5": { ...signing, kinds: ["rsa"] },
  "RSA-PSS": { ...signing, kinds: ["rsa"] },
  "RSA-OAEP": { ...decrypting, publicUsages: ["encrypt", "wrapKey"] },
  "RSAES-PKCS1-v1_5": { ...decrypting, publicUsages: [] },
  ECDSA: { ...signing, kinds: ["ec"] },
  ECDH: { ...deriving, kinds: ["ec"] },
  Ed25519: { ...signing, kinds: ["ed25519"] },
  X25519: { ...deriving, kinds: ["x25519"] },
} as const satisfies Readonly<Record<string, Scheme>>;

/** An algorithm that keys of cards have. */
export type SchemeName = keyof typeof schemes;

export const schemeNames = Object.keys(schemes) as SchemeName[];

export function schemeOf(name: SchemeName): Scheme {
  return schemes[name];
}

/** The name as the standard writes it, without regard to case; undefined for one that no key of a card has. */
export function schemeNamed(name: string): SchemeName | undefined {
  return schemeNames.find((one) => one.toLowerCase() === name.toLowerCase());
}

/** Hash functions of the Web Cryptography API. FIPS 180-4. */
const hashNames = { "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" } as const;

/** A hash function of the Web Cryptography API. */
export type WebHashName = keyof typeof hashNames;

export const webHashNames = Object.keys(hashNames) as WebHashName[];

/** The name as the standard writes it, without regard to case. */
export function webHashNamed(name: string): WebHashName | undefined {
  return webHashNames.find((one) => one.toLowerCase() === name.toLowerCase());
}

/** A hash function by the name that cards' modules have for it. */
export function cardHash(name: WebHashName): Exclude<HashName, "md5"> {
  return hashNames[name];
}

/** The curves that the Web Cryptography API has. */
const webCurves: readonly string[] = ["P-256", "P-384", "P-521"];

/** Whether the Web Cryptography API has keys of this kind. */
export function isWebKey(key: PublicKey): boolean {
  return key.kind !== "ec" || webCurves.includes(key.curve);
}

/** The algorithm of a key: what stands in `CryptoKey.algorithm`. */
export function keyAlgorithm(name: SchemeName, key: PublicKey, hash: WebHashName): KeyAlgorithm {
  if (key.kind === "rsa") {
    const modulusLength = 8 * key.modulus.length - Math.clz32(key.modulus[0] ?? 0) + 24;
    return { name, modulusLength, publicExponent: key.exponent.slice(), hash: Object.freeze({ name: hash }) };
  }
  return key.kind === "ec" ? { name, namedCurve: key.curve } : { name };
}

/** Parameters that a caller gave, by name. */
export interface GivenAlgorithm {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The name and the parameters of an algorithm. @throws TypeError, as WebIDL has it */
export function givenAlgorithm(given: unknown, what = "algorithm"): GivenAlgorithm {
  if (typeof given === "string") return { name: given, parameters: {} };
  if (typeof given !== "object" || given === null)
    throw new TypeError(`${what} is ${kindOf(given)}; give a name, or an object with a name`);
  const parameters = given as Readonly<Record<string, unknown>>;
  if (typeof parameters.name !== "string")
    throw new TypeError(`${what}.name is ${kindOf(parameters.name)}; give the name of an algorithm`);
  return { name: parameters.name, parameters };
}

/** The hash function among the parameters. @throws TypeError, NotSupportedError */
export function givenHash({ parameters }: GivenAlgorithm): WebHashName {
  const { name } = givenAlgorithm(parameters.hash, "hash");
  const hash = webHashNamed(name);
  if (hash === undefined)
    throw webError(
      "NotSupportedError",
      `there is no hash function ${quoteWord(name)}; known: ${webHashNames.join(", ")}`,
    );
  return hash;
}

/** A copy of what a caller gave as bytes. @throws TypeError */
export function givenBytes(value: unknown, what: string): Uint8Array {
  if (isBytes(value)) return copyBytes(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  if (kindOf(value) === "an ArrayBuffer") return new Uint8Array((value as ArrayBuffer).slice(0));
  throw new TypeError(`${what} is ${kindOf(value)}; give an ArrayBuffer, or a view of one`);
}

/** The bytes in a buffer of their own. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}
