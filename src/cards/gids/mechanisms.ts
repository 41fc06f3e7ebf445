// SPDX-License-Identifier: MIT

import { gidsPaddings, gidsTemplates, gidsMechanisms as ids } from "../../base/card-applications/index.ts";
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

/** The curves P-192 and P-224 (0A, 0B) are not there. */
const mechanisms: readonly Mechanism[] = [
  { kind: "symmetric", id: 0x1, cipher: "3des", keyBytes: 16, blockBytes: 8, halfSecretBytes: 5 },
  { kind: "symmetric", id: 0x2, cipher: "3des", keyBytes: 24, blockBytes: 8, halfSecretBytes: 7 },
  { kind: "symmetric", id: 0x3, cipher: "aes", keyBytes: 16, blockBytes: 16, halfSecretBytes: 8 },
  { kind: "symmetric", id: 0x4, cipher: "aes", keyBytes: 24, blockBytes: 16, halfSecretBytes: 12 },
  { kind: "symmetric", id: 0x5, cipher: "aes", keyBytes: 32, blockBytes: 16, halfSecretBytes: 16 },
  { kind: "rsa", id: ids.rsa[1024], bits: 1024 },
  { kind: "rsa", id: ids.rsa[2048], bits: 2048 },
  { kind: "rsa", id: ids.rsa[3072], bits: 3072 },
  { kind: "rsa", id: ids.rsa[4096], bits: 4096 },
  { kind: "curve", id: ids.curve["P-256"], curve: "P-256", bytes: 32 },
  { kind: "curve", id: ids.curve["P-384"], curve: "P-384", bytes: 48 },
  { kind: "curve", id: ids.curve["P-521"], curve: "P-521", bytes: 66 },
];

/** The mechanism in the lower half of a reference. */
export function mechanismOf(reference: number): Mechanism | undefined {
  return mechanisms.find(({ id }) => id === (reference & 0x0f));
}

/** Whether a template of this kind can have this mechanism reference. */
export function isReferenceOf(template: number, reference: number): boolean {
  const kind = mechanismOf(reference)?.kind;
  const padding = reference & 0xf0;
  switch (template) {
    case gidsTemplates.authentication:
      return padding === gidsPaddings.none && (kind === "symmetric" || kind === "curve");
    case gidsTemplates.signature:
      if (kind === "curve") return padding === gidsPaddings.digest;
      return kind === "rsa" && (padding === gidsPaddings.digest || padding === gidsPaddings.pkcs1Digest);
    case gidsTemplates.confidentiality:
      return (
        kind === "rsa" && [gidsPaddings.none, gidsPaddings.pkcs1, gidsPaddings.oaep].some((known) => known === padding)
      );
    default:
      return false;
  }
}
