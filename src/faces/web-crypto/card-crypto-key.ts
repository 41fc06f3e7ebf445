// SPDX-License-Identifier: MIT

import type { WaitOptions } from "../../port/index.ts";
import type { CardWithKeys } from "./card-with-keys.ts";
import type { CryptoKey, HostWebCrypto, KeyAlgorithm, KeyUsage } from "./web-types.ts";

/** Where a key is, and what works with it. */
export interface CardKeyPlace {
  readonly card: CardWithKeys;
  readonly container: string;
  readonly host: HostWebCrypto;
  /** Its public key, of the host. */
  readonly publicKey: CryptoKey;
  readonly wait: WaitOptions;
}

const places = new WeakMap<object, CardKeyPlace>();

/** Where a key is; undefined for a key of the host, and for anything else. */
export function placeOfKey(key: unknown): CardKeyPlace | undefined {
  return typeof key === "object" && key !== null ? places.get(key) : undefined;
}

/**
 * A private key that is on a card and stays there: a CryptoKey for `card.webcrypto` and for libraries that are given it.
 * `keyPair()` makes it.
 *
 * It is not a CryptoKey of the host: the host's own SubtleCrypto refuses it with a TypeError, and `instanceof CryptoKey` is
 * false. It cannot be exported or wrapped, and structuredClone and postMessage refuse it with a DataCloneError.
 *
 * @see W3C, Web Cryptography API, 13.4
 */
export interface CardCryptoKey extends CryptoKey {
  readonly type: "private";
  readonly extractable: false;
  /** The name of its container on the card. */
  readonly container: string;
  /** Says where the key is. structuredClone refuses a symbol, and so the key. */
  readonly location: symbol;
  readonly [Symbol.toStringTag]: "CryptoKey";
}

class KeyOnCard implements CardCryptoKey {
  /** What a console shows. */
  static readonly name = "CardCryptoKey";
  readonly type = "private";
  readonly extractable = false;
  readonly algorithm: KeyAlgorithm;
  readonly usages: KeyUsage[];
  readonly container: string;
  readonly location: symbol = Symbol("a private key that stays on its card");

  constructor(container: string, algorithm: KeyAlgorithm, usages: readonly KeyUsage[]) {
    this.algorithm = Object.freeze({ ...algorithm });
    this.usages = Object.freeze([...usages]) as KeyUsage[];
    this.container = container;
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): "CryptoKey" {
    return "CryptoKey";
  }
}

/** The private key of a container. */
export function keyOnCard(place: CardKeyPlace, algorithm: KeyAlgorithm, usages: readonly KeyUsage[]): CardCryptoKey {
  const key = new KeyOnCard(place.container, algorithm, usages);
  places.set(key, place);
  return key;
}
