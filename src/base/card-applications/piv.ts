// SPDX-License-Identifier: MIT

/** Key references of the PIV card application. NIST SP 800-73-4 part 1, table 4b. */
export const pivKeyReferences = {
  authentication: 0x9a,
  management: 0x9b,
  signature: 0x9c,
  keyManagement: 0x9d,
  cardAuthentication: 0x9e,
  /** Yubico's: signs the certificates of INS F9. */
  attestation: 0xf9,
} as const;

/** References of PINs. NIST SP 800-73-4 part 1, table 4b. */
export const pivPinReferences = { global: 0x00, pin: 0x80, puk: 0x81 } as const;

/** A PIN or PUK has 8 bytes: 6 to 8 characters, and FF behind them. NIST SP 800-73-4 part 2, 2.4.3. */
export const PIV_PIN_BYTES = 8;
export const PIV_PIN_PADDING = 0xff;

/** Tags of data objects. NIST SP 800-73-4 part 1, table 3; the last three are Yubico's. */
export const pivObjects = {
  certificateOfCardAuthentication: 0x5fc101,
  chuid: 0x5fc102,
  fingerprints: 0x5fc103,
  certificateOfAuthentication: 0x5fc105,
  security: 0x5fc106,
  capability: 0x5fc107,
  facialImage: 0x5fc108,
  printedInformation: 0x5fc109,
  certificateOfSignature: 0x5fc10a,
  certificateOfKeyManagement: 0x5fc10b,
  keyHistory: 0x5fc10c,
  /** The others of the 20 follow. */
  firstRetiredCertificate: 0x5fc10d,
  irisImages: 0x5fc121,
  secureMessagingSigner: 0x5fc122,
  pairingCode: 0x5fc123,
  discovery: 0x7e,
  biometricGroup: 0x7f61,
  ofManager: 0x5fff00,
  attestation: 0x5fff01,
} as const;

/** When a key needs the PIN. */
export type PivPinPolicy = "never" | "once" | "always";

/** The place of a key that users have. */
export interface PivKeySlot {
  readonly reference: number;
  /** The object of its certificate. */
  readonly certificate: number;
  /** What a key has where no other was asked for. */
  readonly pinPolicy: PivPinPolicy;
}

const keys = pivKeyReferences;
const objects = pivObjects;

/** The four keys of the standard. NIST SP 800-73-4 part 1, tables 3 and 4b. */
export const pivMainSlots: readonly PivKeySlot[] = [
  { reference: keys.authentication, certificate: objects.certificateOfAuthentication, pinPolicy: "once" },
  { reference: keys.signature, certificate: objects.certificateOfSignature, pinPolicy: "always" },
  { reference: keys.keyManagement, certificate: objects.certificateOfKeyManagement, pinPolicy: "once" },
  { reference: keys.cardAuthentication, certificate: objects.certificateOfCardAuthentication, pinPolicy: "never" },
];

/** The 20 retired key management keys, 82 to 95. NIST SP 800-73-4 part 1, tables 3 and 4b. */
export const pivRetiredSlots: readonly PivKeySlot[] = Array.from({ length: 20 }, (_, at) => ({
  reference: 0x82 + at,
  certificate: objects.firstRetiredCertificate + at,
  pinPolicy: "once",
}));

/** Identifiers of asymmetric algorithms. NIST SP 800-78-5, table 9; 16, E0 and E1 are Yubico's. */
export const pivAlgorithms = {
  rsa1024: 0x06,
  rsa2048: 0x07,
  rsa3072: 0x05,
  rsa4096: 0x16,
  p256: 0x11,
  p384: 0x14,
  ed25519: 0xe0,
  x25519: 0xe1,
} as const;

/** Ciphers of the management key: identifier, and bytes of a key. NIST SP 800-78-5, table 9. */
export const pivManagementCiphers = {
  "3des": { id: 0x03, keyBytes: 24 },
  aes128: { id: 0x08, keyBytes: 16 },
  aes192: { id: 0x0a, keyBytes: 24 },
  aes256: { id: 0x0c, keyBytes: 32 },
} as const;

/** Yubico's numbers of PIN policies, in metadata, attestations and the tag AA; 0 is the policy of the slot. */
export const pivPinPolicies: Readonly<Record<PivPinPolicy, number>> = { never: 1, once: 2, always: 3 };

/** When a key needs a touch: Yubico's. */
export type PivTouchPolicy = "never" | "always" | "cached";

/** Yubico's numbers of touch policies, in metadata, attestations and the tag AB. */
export const pivTouchPolicies: Readonly<Record<PivTouchPolicy, number>> = { never: 1, always: 2, cached: 3 };

/** P2 of Yubico's SET MANAGEMENT KEY: when the key needs a touch. */
export const pivManagementTouch: Readonly<Record<PivTouchPolicy, number>> = { never: 0xff, always: 0xfe, cached: 0xfd };

/** Tags of what Yubico's GET METADATA tells. */
export const pivMetadataTags = {
  algorithm: 0x01,
  policy: 0x02,
  origin: 0x03,
  publicKey: 0x04,
  isDefault: 0x05,
  tries: 0x06,
} as const;

/** Origins of keys in metadata and attestations. */
export const pivOrigins = { generated: 1, imported: 2 } as const;

/** Instructions of Yubico's tokens beside those of the standard. The package yubico-piv-tool, lib/ykpiv.h. */
export const pivYubicoInstructions = {
  MOVE_KEY: 0xf6,
  GET_METADATA: 0xf7,
  GET_SERIAL: 0xf8,
  ATTEST: 0xf9,
  SET_PIN_RETRIES: 0xfa,
  RESET: 0xfb,
  GET_VERSION: 0xfd,
  IMPORT_KEY: 0xfe,
  SET_MANAGEMENT_KEY: 0xff,
} as const;

/** P1 of MOVE KEY that deletes the key. */
export const PIV_NOWHERE = 0xff;

/** What a token has that left the factory: the PIN, the PUK, and the management key in hexadecimal digits. */
export const pivFactory = {
  pin: "123456",
  puk: "12345678",
  managementKey: "010203040506070801020304050607080102030405060708",
} as const;
