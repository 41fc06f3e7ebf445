// SPDX-License-Identifier: MIT

/**
 * `scard/web-crypto`: the Web Cryptography API with the private keys of a card, and JSON Web Signatures made with them
 * (docs/guide/web-crypto.md).
 *
 *     await using card = await openCard({}, { pin: ask });
 *     const { privateKey, publicKey } = await card.webcrypto.keyPair("9A");
 *     const signature = await card.webcrypto.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, data);
 */

import { webcrypto } from "node:crypto";
import {
  type CardWebCrypto,
  type CardWithKeys,
  type HostWebCrypto,
  WebCryptoOnCard,
} from "../faces/web-crypto/index.ts";
import { having, optional, optionsOf, type WaitOptions, waitMembers } from "../port/index.ts";

export type {
  AlgorithmIdentifier,
  AlgorithmParameters,
  AnyCryptoKey,
  BufferSource,
  CardCryptoKey,
  CardDecryptOptions,
  CardKey,
  CardKeyPair,
  CardSignOptions,
  CardWebCrypto,
  CardWithKeys,
  CryptoKey,
  CryptoKeyPair,
  FlattenedJws,
  GeneralJws,
  HostSubtleCrypto,
  HostWebCrypto,
  JsonWebKey,
  JwsHeader,
  JwsHeaders,
  JwsSignature,
  JwsSigner,
  KeyAlgorithm,
  KeyFormat,
  KeyPairParameters,
  KeyUsage,
  SecretKeyParameters,
} from "../faces/web-crypto/index.ts";
export { signFlattenedJws, signGeneralJws, signJws, signJwt } from "../faces/web-crypto/index.ts";

/** How the Web Crypto of a card works. */
export interface WebCryptoOptions extends WaitOptions {
  /** What does everything that is not done by a key of the card. @default Node's own */
  readonly crypto?: HostWebCrypto | undefined;
}

const cardWithKeys = having<CardWithKeys>(
  ["containers", "sign", "decrypt", "deriveKey"],
  "a card of openCard(), of scard/modules",
);
const webCryptoOptions = optionsOf<WebCryptoOptions>({
  ...waitMembers,
  crypto: optional(having<HostWebCrypto>(["getRandomValues", "randomUUID"], "a Web Crypto: webcrypto of node:crypto")),
});

/**
 * The Web Cryptography API with the private keys of a card. `card.webcrypto` is the same without options: here each use of a
 * key has a limit in time and a signal, and the rest may be done by another host than Node.
 *
 * ```ts
 * import { openCard } from "scard/modules";
 * import { webCrypto } from "scard/web-crypto";
 *
 * const card = await openCard({}, { pin: () => "123456" });
 * const patient = webCrypto(card, { timeoutMs: 30_000 });
 * console.log((await patient.keyPairs()).length);
 * await card.close();
 * ```
 *
 * @param card what `openCard` gives, or any other object with these four functions: an HSM of your own
 * @throws invalid-parameter
 */
export function webCrypto(card: CardWithKeys, options: WebCryptoOptions = {}): CardWebCrypto {
  const place = { operation: "webCrypto", path: "card" };
  const checked = cardWithKeys(card, place);
  const { crypto = webcrypto, ...wait } = webCryptoOptions(options, { ...place, path: "options" });
  return new WebCryptoOnCard(checked, crypto as HostWebCrypto, wait);
}
