// SPDX-License-Identifier: MIT

/** A key of the Web Cryptography API. */
type Key = object;

/** The Web Cryptography API, as far as it is used here. */
interface Subtle {
  importKey(format: "raw", bytes: Uint8Array, algorithm: object, extractable: boolean, uses: string[]): Promise<Key>;
  generateKey(algorithm: object, extractable: boolean, uses: string[]): Promise<{ readonly privateKey: Key }>;
  sign(name: "HMAC", key: Key, data: Uint8Array): Promise<ArrayBuffer>;
  deriveBits(algorithm: object, key: Key, bits: number): Promise<ArrayBuffer>;
}

interface PageCryptoGlobals {
  readonly crypto?: { getRandomValues(bytes: Uint8Array): Uint8Array; readonly subtle?: Subtle };
}

/** What the browser gives a page to prove itself with. */
export interface BrowserCrypto {
  random(length: number): Uint8Array;
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
}

/**
 * The Web Cryptography API of the page or worker.
 *
 * @throws DOMException ("SecurityError": the page is in no secure context, so the browser has no such API for it)
 */
export function pageSubtle(): Required<NonNullable<PageCryptoGlobals["crypto"]>> {
  const { crypto } = globalThis as PageCryptoGlobals;
  if (crypto?.subtle === undefined)
    throw new DOMException(
      "this page is in no secure context: load it by https, or from http://localhost",
      "SecurityError",
    );
  return crypto as Required<typeof crypto>;
}

/**
 * What a page proves itself with.
 *
 * @throws DOMException as {@link pageSubtle}
 */
export function pageCrypto(): BrowserCrypto {
  const crypto = pageSubtle();
  const { subtle } = crypto;
  return {
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    async hmac(key, data) {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      const imported = await subtle.importKey("raw", key, algorithm, false, ["sign"]);
      return new Uint8Array(await subtle.sign("HMAC", imported, data));
    },
  };
}
