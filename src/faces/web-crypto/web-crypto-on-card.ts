// SPDX-License-Identifier: MIT

import { kindOf, quoteWord, zeroBytes } from "../../base/binary/index.ts";
import type { WaitOptions } from "../../port/index.ts";
import { bufferOf, type GivenAlgorithm, givenAlgorithm, givenBytes } from "./algorithms.ts";
import { type CardCryptoKey, type CardKeyPlace, placeOfKey } from "./card-crypto-key.ts";
import {
  agreeOnCard,
  decryptOnCard,
  firstBits,
  givenLabel,
  givenPublicKey,
  keyLength,
  signOnCard,
  signParameters,
} from "./card-operations.ts";
import type { CardWebCrypto } from "./card-web-crypto.ts";
import type { CardWithKeys } from "./card-with-keys.ts";
import { type CardKeyPair, findKeyPair, findKeyPairs } from "./key-pairs.ts";
import { onCard, webError } from "./web-errors.ts";
import type {
  AlgorithmIdentifier,
  AnyCryptoKey,
  BufferSource,
  CryptoKey,
  CryptoKeyPair,
  HostSubtleCrypto,
  HostWebCrypto,
  JsonWebKey,
  KeyFormat,
  KeyUsage,
} from "./web-types.ts";

/** A key of a card that may do what was asked for, with its place. */
interface Usable {
  readonly key: CardCryptoKey;
  readonly place: CardKeyPlace;
  readonly given: GivenAlgorithm;
}

/** The Web Crypto of a card: its private keys work on the card, and all else is done by the host's. */
export class WebCryptoOnCard implements CardWebCrypto {
  readonly #card: CardWithKeys;
  readonly #host: HostWebCrypto;
  readonly #wait: WaitOptions;

  /** @internal `webCrypto()` and `openCard()` make it. */
  constructor(card: CardWithKeys, host: HostWebCrypto, wait: WaitOptions = {}) {
    this.#card = card;
    this.#host = host;
    this.#wait = wait;
    for (const name of functionsOf(host.subtle)) if (!(name in this)) this.#passOn(name);
  }

  get subtle(): this {
    return this;
  }

  get #subtle(): HostSubtleCrypto {
    return this.#host.subtle;
  }

  async keyPair(
    of: string | Uint8Array | { readonly name: string },
    algorithm?: AlgorithmIdentifier,
  ): Promise<CardKeyPair> {
    return findKeyPair({ card: this.#card, host: this.#host, wait: this.#wait }, of, algorithm);
  }

  async keyPairs(): Promise<readonly CardKeyPair[]> {
    return findKeyPairs({ card: this.#card, host: this.#host, wait: this.#wait });
  }

  async getPublicKey(key: AnyCryptoKey, keyUsages: readonly KeyUsage[]): Promise<CryptoKey> {
    const place = placeOfKey(key);
    if (place !== undefined) {
      const spki = await this.#subtle.exportKey("spki", place.publicKey);
      const { algorithm } = place.publicKey;
      return (await this.#subtle.importKey("spki", spki, algorithm, true, [...keyUsages])) as CryptoKey;
    }
    const ofHost = (this.#subtle as { getPublicKey?: unknown }).getPublicKey;
    if (typeof ofHost !== "function")
      throw webError("NotSupportedError", "the Web Crypto of this host has no getPublicKey");
    return Reflect.apply(ofHost, this.#subtle, [key, [...keyUsages]]);
  }

  /** A function that the standard got later: the host's, for keys of the host. */
  #passOn(name: string): void {
    const value = async (...given: unknown[]): Promise<unknown> => {
      for (const key of given.filter((one) => placeOfKey(one) !== undefined)) {
        const { algorithm, container } = key as CardCryptoKey;
        const message = `${name} is not done with the private key ${container} for ${algorithm.name}, which stays on its card`;
        throw webError("NotSupportedError", message);
      }
      const { [name]: ofHost } = this.#subtle as unknown as Readonly<Record<string, unknown>>;
      return Reflect.apply(ofHost as () => unknown, this.#subtle, given);
    };
    Object.defineProperty(this, name, { value, configurable: true, writable: true });
  }

  getRandomValues<T extends ArrayBufferView | null>(array: T): T {
    this.#host.getRandomValues(array as unknown as Uint8Array);
    return array;
  }

  randomUUID(): `${string}-${string}-${string}-${string}-${string}` {
    return this.#host.randomUUID();
  }

  async sign(algorithm: AlgorithmIdentifier, key: AnyCryptoKey, data: BufferSource): Promise<ArrayBuffer> {
    const place = placeOfKey(key);
    if (place === undefined) return this.#subtle.sign(algorithm, key, data);
    const { given, key: signing } = usable("sign", algorithm, key as CardCryptoKey, place);
    const parameters = signParameters(given, signing.algorithm);
    const bytes = givenBytes(data, "data");
    return onCard(async () => bufferOf(await signOnCard(place, signing.algorithm, parameters, bytes)));
  }

  async decrypt(algorithm: AlgorithmIdentifier, key: AnyCryptoKey, data: BufferSource): Promise<ArrayBuffer> {
    const place = placeOfKey(key);
    if (place === undefined) return this.#subtle.decrypt(algorithm, key, data);
    const plain = await decrypted(usable("decrypt", algorithm, key as CardCryptoKey, place), data);
    return handedOver(plain);
  }

  async deriveBits(
    algorithm: AlgorithmIdentifier,
    baseKey: AnyCryptoKey,
    length: number | null = null,
  ): Promise<ArrayBuffer> {
    const place = placeOfKey(baseKey);
    if (place === undefined) return this.#subtle.deriveBits(algorithm, baseKey, length);
    if (length !== null && (!Number.isInteger(length) || length < 0))
      throw new TypeError(`length is ${kindOf(length)}; give a number of bits, or null for all`);
    return handedOver(
      firstBits(await agreed(usable("deriveBits", algorithm, baseKey as CardCryptoKey, place)), length),
    );
  }

  async deriveKey(
    algorithm: AlgorithmIdentifier,
    baseKey: AnyCryptoKey,
    derivedKeyType: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey> {
    const place = placeOfKey(baseKey);
    const usages = [...keyUsages];
    if (place === undefined)
      return this.#subtle.deriveKey(algorithm, baseKey, derivedKeyType, extractable, usages) as Promise<CryptoKey>;
    const using = usable("deriveKey", algorithm, baseKey as CardCryptoKey, place);
    const length = keyLength(givenAlgorithm(derivedKeyType, "derivedKeyType"));
    const secret = firstBits(await agreed(using), length);
    try {
      return (await this.#subtle.importKey("raw", secret, derivedKeyType, extractable, usages)) as CryptoKey;
    } finally {
      zeroBytes(secret);
    }
  }

  async unwrapKey(
    format: KeyFormat,
    wrappedKey: BufferSource,
    unwrappingKey: AnyCryptoKey,
    unwrapAlgorithm: AlgorithmIdentifier,
    unwrappedKeyAlgorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey> {
    const place = placeOfKey(unwrappingKey);
    const rest: [AlgorithmIdentifier, boolean, KeyUsage[]] = [unwrappedKeyAlgorithm, extractable, [...keyUsages]];
    if (place === undefined)
      return this.#subtle.unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, ...rest) as Promise<CryptoKey>;
    const using = usable("unwrapKey", unwrapAlgorithm, unwrappingKey as CardCryptoKey, place);
    const plain = await decrypted(using, wrappedKey);
    try {
      const data = format === "jwk" ? jsonKey(plain) : plain;
      return (await this.#subtle.importKey(format, data, ...rest)) as CryptoKey;
    } finally {
      zeroBytes(plain);
    }
  }

  async exportKey(format: KeyFormat, key: AnyCryptoKey): Promise<ArrayBuffer & JsonWebKey> {
    refuseExport(key);
    return (await this.#subtle.exportKey(format, key)) as ArrayBuffer & JsonWebKey;
  }

  async wrapKey(...given: Parameters<HostSubtleCrypto["wrapKey"]>): Promise<ArrayBuffer> {
    const [, key, wrappingKey] = given;
    refuseUse("wrapKey", wrappingKey);
    refuseExport(key);
    return this.#subtle.wrapKey(...given);
  }

  async encrypt(algorithm: AlgorithmIdentifier, key: AnyCryptoKey, data: BufferSource): Promise<ArrayBuffer> {
    refuseUse("encrypt", key);
    return this.#subtle.encrypt(algorithm, key, data);
  }

  async verify(...given: Parameters<HostSubtleCrypto["verify"]>): Promise<boolean> {
    const [, key] = given;
    refuseUse("verify", key);
    return this.#subtle.verify(...given);
  }

  async digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer> {
    return this.#subtle.digest(algorithm, data);
  }

  async generateKey(
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair & CryptoKey> {
    return (await this.#subtle.generateKey(algorithm, extractable, [...keyUsages])) as CryptoKeyPair & CryptoKey;
  }

  async importKey(
    format: KeyFormat,
    keyData: BufferSource | JsonWebKey,
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey> {
    return (await this.#subtle.importKey(format, keyData, algorithm, extractable, [...keyUsages])) as CryptoKey;
  }
}

/** The names of an object's functions, its own and those of its classes. */
function functionsOf(object: object): ReadonlySet<string> {
  const names = new Set<string>();
  for (let level = object; level !== Object.prototype && level !== null; level = Object.getPrototypeOf(level))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (typeof value === "function" && name !== "constructor") names.add(name);
  return names;
}

/** @throws InvalidAccessError (the key is for another algorithm, or for another use) */
function usable(usage: KeyUsage, algorithm: unknown, key: CardCryptoKey, place: CardKeyPlace): Usable {
  const given = givenAlgorithm(algorithm);
  if (given.name.toLowerCase() !== key.algorithm.name.toLowerCase()) {
    const message = `the key ${key.container} is for ${key.algorithm.name}, not for ${quoteWord(given.name)}; keyPair(${JSON.stringify(key.container)}, algorithm) gives one for another algorithm`;
    throw webError("InvalidAccessError", message);
  }
  if (!key.usages.includes(usage)) refuseUse(usage, key);
  return { key, place, given };
}

/** @throws InvalidAccessError */
function refuseUse(usage: KeyUsage, key: unknown): void {
  if (placeOfKey(key) === undefined) return;
  const { algorithm, container, usages } = key as CardCryptoKey;
  const message = `the private key ${container} for ${algorithm.name} is for ${usages.join(" and ")}, not for ${usage}`;
  throw webError("InvalidAccessError", message);
}

/** @throws InvalidAccessError */
function refuseExport(key: unknown): void {
  if (placeOfKey(key) === undefined) return;
  const { container } = key as CardCryptoKey;
  throw webError("InvalidAccessError", `the private key ${container} stays on its card and cannot be exported`);
}

async function decrypted({ given, key, place }: Usable, data: unknown): Promise<Uint8Array> {
  const label = givenLabel(given);
  const bytes = givenBytes(data, "data");
  return onCard(() => decryptOnCard(place, key.algorithm, label, bytes));
}

async function agreed({ given, key, place }: Usable): Promise<Uint8Array> {
  const publicKey = await givenPublicKey(given, key, place);
  return onCard(() => agreeOnCard(place, publicKey));
}

/** A secret in the buffer that the caller gets. The other one is cleared. */
function handedOver(secret: Uint8Array): ArrayBuffer {
  const buffer = bufferOf(secret);
  zeroBytes(secret);
  return buffer;
}

/** A key in JSON. @throws DataError */
function jsonKey(text: Uint8Array): JsonWebKey {
  try {
    const key: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    if (typeof key === "object" && key !== null) return key as JsonWebKey;
  } catch {
    // Neither text nor its cause is told: both may repeat the key.
  }
  throw webError("DataError", "what was unwrapped is no key in JSON");
}
