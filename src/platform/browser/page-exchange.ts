// SPDX-License-Identifier: MIT

import { pageSubtle } from "./page-crypto.ts";

const curve = { name: "X25519" } as const;

/** An exchange that has begun. */
export interface BrowserExchange {
  readonly share: Uint8Array;
  /** A share of low order is refused. */
  agree(share: Uint8Array): Promise<Uint8Array>;
}

/**
 * Begins an exchange by X25519 from a point. Web Cryptography API, 32.4 (Derive Bits).
 *
 * @throws DOMException ("NotSupportedError": the browser has no X25519)
 */
export async function pageExchange(point: Uint8Array): Promise<BrowserExchange> {
  const { subtle } = pageSubtle();
  const { privateKey } = await subtle.generateKey(curve, false, ["deriveBits"]);
  const agree = async (share: Uint8Array): Promise<Uint8Array> => {
    const imported = await subtle.importKey("raw", share, curve, false, []);
    return new Uint8Array(await subtle.deriveBits({ ...curve, public: imported }, privateKey, 256));
  };
  return { share: await agree(point), agree };
}
