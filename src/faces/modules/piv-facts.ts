// SPDX-License-Identifier: MIT

import {
  pivAlgorithms,
  pivMainSlots,
  pivManagementCiphers,
  pivPinPolicies,
  pivRetiredSlots,
  pivTouchPolicies,
} from "../../base/card-applications/index.ts";

/** Algorithms of PIV keys as Yubico's tools spell them. */
export const pivAlgorithmIds = {
  RSA1024: pivAlgorithms.rsa1024,
  RSA2048: pivAlgorithms.rsa2048,
  RSA3072: pivAlgorithms.rsa3072,
  ECCP256: pivAlgorithms.p256,
  ECCP384: pivAlgorithms.p384,
  RSA4096: pivAlgorithms.rsa4096,
  ED25519: pivAlgorithms.ed25519,
  X25519: pivAlgorithms.x25519,
} as const;

/** An algorithm of a PIV key. */
export type PivAlgorithm = keyof typeof pivAlgorithmIds;

/** Ciphers of the management key as Yubico's tools spell them. */
export const managementAlgorithms = {
  TDES: pivManagementCiphers["3des"],
  AES128: pivManagementCiphers.aes128,
  AES192: pivManagementCiphers.aes192,
  AES256: pivManagementCiphers.aes256,
} as const;

/** A cipher of the management key. */
export type ManagementAlgorithm = keyof typeof managementAlgorithms;

/** Numbers of policies; 0 is the policy of the slot. */
export const pinPolicies = { default: 0, ...pivPinPolicies } as const;
export const touchPolicies = { default: 0, ...pivTouchPolicies } as const;

/** When a key wants the PIN: `default` is that of the slot. */
export type PivPinPolicy = keyof typeof pinPolicies;
/** When a key wants a touch: `default` is never. */
export type PivTouchPolicy = keyof typeof touchPolicies;

/** A slot of a PIV card: its reference, and what Yubico's tools call it. */
export interface PivSlot {
  readonly reference: number;
  readonly name: string;
  /** The object of its certificate. NIST SP 800-73-4 part 1, table 3. */
  readonly object: number;
}

const mainNames = ["AUTHENTICATION", "SIGNATURE", "KEY_MANAGEMENT", "CARD_AUTH"];

/** The slots, in the order of lists. */
export const pivSlots: readonly PivSlot[] = [
  ...pivMainSlots.map((slot, at) => ({ ...slot, name: mainNames[at] ?? "" })),
  ...pivRetiredSlots.map((slot, at) => ({ ...slot, name: `RETIRED${at + 1}` })),
].map(({ certificate, name, reference }) => ({ reference, name, object: certificate }));

/** What a card tells of the key in a slot. */
export interface PivKeyFacts {
  /** Undefined for a number that is not known. */
  readonly algorithm: PivAlgorithm | undefined;
  readonly origin: "generated" | "imported" | undefined;
  readonly pinPolicy: PivPinPolicy | undefined;
  readonly touchPolicy: PivTouchPolicy | undefined;
  /** SubjectPublicKeyInfo, in DER. */
  readonly publicKey: Uint8Array | undefined;
}

/** A PIN or PUK, as far as the card tells. */
export interface PivPinFacts {
  readonly triesLeft: number | undefined;
  readonly tries: number | undefined;
  /** Whether it is the one of the factory. */
  readonly isDefault: boolean | undefined;
}

/** What is on a PIV card. */
export interface PivStatus {
  /** Firmware of a YubiKey. */
  readonly version: string | undefined;
  readonly pin: PivPinFacts;
  readonly puk: PivPinFacts;
  readonly managementKey: {
    readonly algorithm: ManagementAlgorithm | undefined;
    readonly isDefault: boolean | undefined;
    /** Derived from the PIN, or kept on the card behind it, as Yubico's tools do. */
    readonly isDerived: boolean;
    readonly isStored: boolean;
  };
  readonly chuid: Uint8Array | undefined;
  readonly ccc: Uint8Array | undefined;
  readonly slots: readonly {
    readonly slot: PivSlot;
    /** Undefined where there is no key; "unknown" where the card does not tell. */
    readonly key: PivKeyFacts | "unknown" | undefined;
    readonly certificate: Uint8Array | undefined;
  }[];
}
