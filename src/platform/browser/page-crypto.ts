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

const curve = { name: "X25519" } as const;

/** What the browser gives a page to prove itself with. */
export interface BrowserCrypto {
  random(length: number): Uint8Array;
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
  /** Begins an exchange by X25519 from a point; a share of low order is refused. Web Cryptography API, 32.4 (Derive Bits). */
  exchange(point: Uint8Array): Promise<{ readonly share: Uint8Array; agree(share: Uint8Array): Promise<Uint8Array> }>;
}

/**
 * The Web Cryptography API of the page or worker.
 *
 * @throws DOMException ("SecurityError": the page is in no secure context, so the browser has no such API for it)
 */
export function pageCrypto(): BrowserCrypto {
  const { crypto } = globalThis as PageCryptoGlobals;
  const subtle = crypto?.subtle;
  if (crypto === undefined || subtle === undefined)
    throw new DOMException(
      "this page is in no secure context: load it by https, or from http://localhost",
      "SecurityError",
    );
  return {
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    async hmac(key, data) {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      const imported = await subtle.importKey("raw", key, algorithm, false, ["sign"]);
      return new Uint8Array(await subtle.sign("HMAC", imported, data));
    },
    async exchange(point) {
      const { privateKey } = await subtle.generateKey(curve, false, ["deriveBits"]);
      const agree = async (share: Uint8Array): Promise<Uint8Array> => {
        const imported = await subtle.importKey("raw", share, curve, false, []);
        return new Uint8Array(await subtle.deriveBits({ ...curve, public: imported }, privateKey, 256));
      };
      return { share: await agree(point), agree };
    },
  };
}
