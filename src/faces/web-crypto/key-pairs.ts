// SPDX-License-Identifier: MIT

import { copyBytes, encodeHex, isBytes, kindOf, quoteWord } from "../../base/binary/index.ts";
import { certificatePublicKey, decodePublicKey, encodePublicKey, type PublicKey } from "../../base/keys/index.ts";
import { type Place, read, refuse, SmartCardError } from "../../port/index.ts";
import {
  isWebKey,
  keyAlgorithm,
  type SchemeName,
  schemeNamed,
  schemeNames,
  schemeOf,
  type WebHashName,
  webHashNamed,
  webHashNames,
} from "./algorithms.ts";
import { type CardCryptoKey, type CardKeyPlace, keyOnCard } from "./card-crypto-key.ts";
import type { CardKey } from "./card-with-keys.ts";
import type { AlgorithmIdentifier, CryptoKey } from "./web-types.ts";

/** A key pair whose private key is on a card. */
export interface CardKeyPair {
  readonly privateKey: CardCryptoKey;
  /** A key of the host, which can be exported. */
  readonly publicKey: CryptoKey;
}

/** The card, and the host that its public keys are of. */
export type KeyPairSource = Omit<CardKeyPlace, "container" | "publicKey">;

/** What a caller asks for. */
interface Wanted {
  readonly name: SchemeName | undefined;
  readonly hash: WebHashName;
}

const OPERATION = "keyPair";
const none: Wanted = { name: undefined, hash: "SHA-256" };

/** The key pair of a container or of a certificate. */
export async function findKeyPair(source: KeyPairSource, of: unknown, algorithm: unknown): Promise<CardKeyPair> {
  const wanted = wantedAlgorithm(algorithm);
  const isThis = isBytes(of) ? certified(of) : named(of);
  const containers = await source.card.containers(source.wait);
  const found = containers.find(isThis.test);
  if (found !== undefined) return keyPairOf(source, found, wanted);
  const names = containers.map(({ name }) => name).join(", ") || "none";
  const message = `the card has no key ${isThis.what}; its keys: ${names}`;
  throw new SmartCardError("no-key-container", message, { reader: source.card.reader, operation: OPERATION });
}

/** All key pairs that the host has an algorithm for. */
export async function findKeyPairs(source: KeyPairSource): Promise<readonly CardKeyPair[]> {
  const found: CardKeyPair[] = [];
  for (const container of await source.card.containers(source.wait)) {
    try {
      found.push(await keyPairOf(source, container, none));
    } catch (error) {
      if (!(error instanceof SmartCardError && error.code === "unsupported-feature")) throw error;
    }
  }
  return found;
}

interface Search {
  readonly what: string;
  test(key: CardKey): boolean;
}

function named(of: unknown): Search {
  const place = { operation: OPERATION, path: "of" };
  const name = typeof of === "object" && of !== null ? read(of, "name", place) : of;
  if (typeof name !== "string")
    return refuse(place, kindOf(of), "give the name of a container, one of containers(), or a certificate in bytes");
  return { what: quoteWord(name), test: (key) => key.name.toLowerCase() === name.toLowerCase() };
}

function certified(certificate: Uint8Array): Search {
  const decoded = certificatePublicKey(copyBytes(certificate));
  if (!decoded.ok) {
    const remedy =
      "give an X.509 certificate in DER with a key of RSA or of an elliptic curve, or the name of a container";
    const what = `a Uint8Array of ${certificate.length} bytes that are no certificate of a known kind of key`;
    refuse({ operation: OPERATION, path: "of" }, what, remedy, "invalid-value", decoded.error);
  }
  const wanted = encodeHex(encodePublicKey(decoded.value));
  return {
    what: "of this certificate",
    test: ({ publicKey }) => publicKey !== undefined && encodeHex(publicKey) === wanted,
  };
}

/** @throws invalid-parameter, invalid-value */
function wantedAlgorithm(algorithm: unknown): Wanted {
  if (algorithm === undefined) return none;
  const place = { operation: OPERATION, path: "algorithm" };
  const isObject = typeof algorithm === "object" && algorithm !== null;
  const given = isObject ? read(algorithm, "name", place) : algorithm;
  if (typeof given !== "string")
    return refuse(place, kindOf(algorithm), "give the name of an algorithm, or an object with its name");
  const name = schemeNamed(given);
  if (name === undefined) return refuse(place, quoteWord(given), `known: ${schemeNames.join(", ")}`, "invalid-value");
  const hash = isObject ? read(algorithm, "hash", place) : undefined;
  return { name, hash: hash === undefined ? "SHA-256" : wantedHash(hash, { ...place, path: "algorithm.hash" }) };
}

function wantedHash(hash: unknown, place: Place): WebHashName {
  const given = typeof hash === "object" && hash !== null ? read(hash, "name", place) : hash;
  if (typeof given !== "string") return refuse(place, kindOf(hash), 'give the name of a hash function, as "SHA-256"');
  return webHashNamed(given) ?? refuse(place, quoteWord(given), `known: ${webHashNames.join(", ")}`, "invalid-value");
}

async function keyPairOf(source: KeyPairSource, container: CardKey, wanted: Wanted): Promise<CardKeyPair> {
  const { host } = source;
  const lacking = (why: string, cause?: unknown): SmartCardError => {
    const place = { reader: source.card.reader, operation: OPERATION };
    return new SmartCardError(
      "unsupported-feature",
      `the key ${container.name} ${why}`,
      place,
      cause === undefined ? {} : { cause },
    );
  };
  if (container.publicKey === undefined)
    throw lacking("has no public key on the card, neither by itself nor in a certificate");
  const decoded = decodePublicKey(container.publicKey);
  if (!decoded.ok) throw lacking(`has a public key that cannot be read: ${decoded.error.message}`);
  const key = decoded.value;
  if (!isWebKey(key))
    throw lacking("is on a curve that Web Crypto does not have; use card.sign() and card.deriveKey()");
  const able = schemeNames.filter((one) => does(container, key, one));
  const name = wanted.name ?? able[0];
  if (name === undefined || !able.includes(name))
    throw lacking(`cannot be used for ${name ?? "anything"}; it can for ${able.join(", ") || "nothing"}`);
  const algorithm = keyAlgorithm(name, key, wanted.hash);
  const { publicUsages, usages } = schemeOf(name);
  const importing = importAlgorithm(name, key, wanted.hash);
  try {
    const imported = await host.subtle.importKey("spki", container.publicKey, importing, true, [...publicUsages]);
    const publicKey = imported as CryptoKey;
    const place: CardKeyPlace = { ...source, container: container.name, publicKey };
    return { privateKey: keyOnCard(place, algorithm, usages), publicKey };
  } catch (error) {
    throw lacking(`is for ${name}, which the Web Crypto of this host does not have`, error);
  }
}

/** Whether a key of a card does this. */
function does({ uses }: CardKey, { kind }: PublicKey, name: SchemeName): boolean {
  const { kinds, use } = schemeOf(name);
  return uses.includes(use) && kinds.includes(kind);
}

/** The host has no RSAES-PKCS1-v1_5: the public key can be exported then, and no more. */
function importAlgorithm(name: SchemeName, key: PublicKey, hash: WebHashName): AlgorithmIdentifier {
  if (key.kind === "rsa") return { name: name === "RSAES-PKCS1-v1_5" ? "RSA-OAEP" : name, hash };
  return key.kind === "ec" ? { name, namedCurve: key.curve } : { name };
}
