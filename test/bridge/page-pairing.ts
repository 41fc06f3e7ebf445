// SPDX-License-Identifier: MIT

import { createHmac, randomBytes } from "node:crypto";
import { copyBytes } from "../../src/base/binary/index.ts";
import { exchange } from "../../src/entry/bridge-pairing.ts";
import type { BridgedSmartCard } from "../../src/faces/bridge-client/index.ts";
import { pageCrypto } from "../../src/platform/browser/index.ts";
import { encodePageMessage } from "../../src/wire/bridge/index.ts";

export type PagePairing = NonNullable<ConstructorParameters<typeof BridgedSmartCard>[0]["pairing"]>;

/** How a page of a test proves itself: with Web Crypto, as a browser does. */
export function pagePairing(
  origin: string,
  url: string,
  code: () => string | undefined,
  kept: { token?: Uint8Array | undefined } = {},
): PagePairing {
  return {
    origin,
    address: url.replace("ws://", ""),
    crypto: pageCrypto,
    tokens: {
      load: async () => kept.token && copyBytes(kept.token),
      save: async (token) => {
        kept.token = token && copyBytes(token);
      },
    },
    pairingCode: async () => code(),
    exchange,
  };
}

const hmac = (key: Uint8Array, ...data: readonly (string | Uint8Array)[]): Uint8Array => {
  const made = createHmac("sha256", key);
  for (const part of data) made.update(part);
  return new Uint8Array(made.digest());
};

/** A page at the level of messages, written a second time from the rules in `wire/bridge/proofs.ts`. */
export class RawPage {
  readonly nonce: Uint8Array = new Uint8Array(randomBytes(32));
  readonly #token: Uint8Array | undefined;
  readonly #origin: string;
  readonly #address: string;

  constructor(token: Uint8Array | undefined, origin: string, address: string) {
    this.#token = token;
    this.#origin = origin;
    this.#address = address;
  }

  hello(): Uint8Array {
    const pairing = this.#token && hmac(this.#token, "scard bridge 3: name").slice(0, 16);
    return encodePageMessage({ kind: "hello", version: 3, nonce: this.nonce, pairing });
  }

  /** The answer to a challenge, and what the challenge has to prove. */
  prove(nonce: Uint8Array, token: Uint8Array = this.#token ?? new Uint8Array()) {
    const meeting = (label: string) => [
      `scard bridge 3: ${JSON.stringify([label, this.#origin, this.#address])}`,
      this.nonce,
      nonce,
    ];
    const pageKey = hmac(token, "scard bridge 3: page key");
    const mask = hmac(hmac(pageKey, "scard bridge 3: stored key"), ...meeting("page"));
    const proof = pageKey.map((byte, place) => byte ^ (mask[place] ?? 0));
    return {
      expected: hmac(hmac(token, "scard bridge 3: service key"), ...meeting("service")),
      message: encodePageMessage({ kind: "prove", proof }),
    };
  }
}
