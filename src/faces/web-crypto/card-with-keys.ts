// SPDX-License-Identifier: MIT

import type { HashName } from "../../base/keys/index.ts";
import type { WaitOptions } from "../../port/index.ts";

/** A key pair of a card. A container of `scard/modules` is one. */
export interface CardKey {
  /** Names it on its card. */
  readonly name: string;
  /** SubjectPublicKeyInfo, in DER. */
  readonly publicKey: Uint8Array | undefined;
  readonly uses: readonly ("sign" | "decrypt" | "derive")[];
}

/** How a card signs here: what it gets is hashed already, but for Ed25519. */
export interface CardSignOptions extends WaitOptions {
  readonly scheme?: "pkcs1" | "pss";
  readonly hash?: Exclude<HashName, "md5">;
  readonly isDigest?: boolean;
  readonly saltBytes?: number;
  readonly format?: "raw";
}

/** How a card decrypts. */
export interface CardDecryptOptions extends WaitOptions {
  readonly scheme: "pkcs1" | "oaep";
  readonly hash?: Exclude<HashName, "md5">;
  readonly label?: Uint8Array;
}

/** A card with private keys: what `openCard` of `scard/modules` gives is one. */
export interface CardWithKeys {
  /** The reader that the card is in, for errors. */
  readonly reader: string;
  containers(options?: WaitOptions): Promise<readonly CardKey[]>;
  sign(container: string, data: Uint8Array, options: CardSignOptions): Promise<Uint8Array>;
  decrypt(container: string, data: Uint8Array, options: CardDecryptOptions): Promise<Uint8Array>;
  deriveKey(container: string, publicKey: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;
}
