// SPDX-License-Identifier: MIT

import type { CurveName } from "../crypto/index.ts";
import type { CipherAlgorithm } from "../software-card/index.ts";

/** What a key calculates: the lower half of a cryptographic mechanism reference. */
export type Mechanism =
  | {
      readonly kind: "symmetric";
      readonly id: number;
      readonly cipher: CipherAlgorithm;
      readonly keyBytes: number;
      readonly blockBytes: number;
      /** Half of the secret that a mutual authentication establishes. GIDS 2.0, table 30. */
      readonly halfSecretBytes: number;
    }
  | { readonly kind: "rsa"; readonly id: number; readonly bits: number }
  | { readonly kind: "curve"; readonly id: number; readonly curve: CurveName; readonly bytes: number };

/** GIDS 2.0, tables 25 to 28. The curves P-192 and P-224 (0A, 0B) are not there. */
const mechanisms: readonly Mechanism[] = [
  { kind: "symmetric", id: 0x1, cipher: "3des", keyBytes: 16, blockBytes: 8, halfSecretBytes: 5 },
  { kind: "symmetric", id: 0x2, cipher: "3des", keyBytes: 24, blockBytes: 8, halfSecretBytes: 7 },
  { kind: "symmetric", id: 0x3, cipher: "aes", keyBytes: 16, blockBytes: 16, halfSecretBytes: 8 },
  { kind: "symmetric", id: 0x4, cipher: "aes", keyBytes: 24, blockBytes: 16, halfSecretBytes: 12 },
  { kind: "symmetric", id: 0x5, cipher: "aes", keyBytes: 32, blockBytes: 16, halfSecretBytes: 16 },
  { kind: "rsa", id: 0x6, bits: 1024 },
  { kind: "rsa", id: 0x7, bits: 2048 },
  { kind: "rsa", id: 0x8, bits: 3072 },
  { kind: "rsa", id: 0x9, bits: 4096 },
  { kind: "curve", id: 0xc, curve: "P-256", bytes: 32 },
  { kind: "curve", id: 0xd, curve: "P-384", bytes: 48 },
  { kind: "curve", id: 0xe, curve: "P-521", bytes: 66 },
];

/** The mechanism in the lower half of a reference. */
export function mechanismOf(reference: number): Mechanism | undefined {
  return mechanisms.find(({ id }) => id === (reference & 0x0f));
}

/** Control reference templates. GIDS 2.0, table 23. */
export const templateTags = { authentication: 0xa4, signature: 0xb6, confidentiality: 0xb8 } as const;

/** The upper half of a reference: what is done with the block. GIDS 2.0, tables 27 and 28. */
export const paddings = { none: 0x00, digest: 0x10, pkcs1: 0x40, pkcs1Digest: 0x50, oaep: 0x80 } as const;

/** Whether a template of this kind can have this mechanism reference. */
export function isReferenceOf(template: number, reference: number): boolean {
  const kind = mechanismOf(reference)?.kind;
  const padding = reference & 0xf0;
  switch (template) {
    case templateTags.authentication:
      return padding === paddings.none && (kind === "symmetric" || kind === "curve");
    case templateTags.signature:
      if (kind === "curve") return padding === paddings.digest;
      return kind === "rsa" && (padding === paddings.digest || padding === paddings.pkcs1Digest);
    case templateTags.confidentiality:
      return kind === "rsa" && [paddings.none, paddings.pkcs1, paddings.oaep].some((known) => known === padding);
    default:
      return false;
  }
}
