// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import { type CurveName, curveOfId } from "../keys/index.ts";

/** What may come after the curve of ECC attributes: whether an import has the public key. */
const IMPORT_WITH_PUBLIC_KEY = 0xff;
const IMPORT_WITHOUT_PUBLIC_KEY = 0x00;

/** Tags of data objects, but for those of each key. OpenPGP card 3.4.1, 4.4.1 and 4.4.2. */
export const openPgpTags = {
  applicationIdentifier: 0x4f,
  extendedHeaderList: 0x4d,
  name: 0x5b,
  loginData: 0x5e,
  cardholderData: 0x65,
  applicationData: 0x6e,
  discretionaryObjects: 0x73,
  securitySupport: 0x7a,
  signatureCounter: 0x93,
  extendedCapabilities: 0xc0,
  passwordStatus: 0xc4,
  fingerprints: 0xc5,
  caFingerprints: 0xc6,
  generationTimes: 0xcd,
  resettingCode: 0xd3,
  aesKey: 0xd5,
  keyInformation: 0xde,
  kdf: 0xf9,
  algorithmInformation: 0xfa,
  /** Yubico's. */
  attestationCertificate: 0xfc,
  privateUse1: 0x0101,
  privateUse2: 0x0102,
  privateUse3: 0x0103,
  privateUse4: 0x0104,
  language: 0x5f2d,
  sex: 0x5f35,
  url: 0x5f50,
  historicalBytes: 0x5f52,
  certificate: 0x7f21,
  extendedLength: 0x7f66,
  featureManagement: 0x7f74,
} as const;

/** What a key is for. Keys for attestations are Yubico's. */
export type OpenPgpKeyUse = "signature" | "decryption" | "authentication" | "attestation";

/** The numbers of a key. */
interface OpenPgpKeyNumbers {
  /** In control reference templates and in the key information. OpenPGP card 3.4.1, 4.4.3.8. */
  readonly reference: number;
  /** Tags of its own data objects. OpenPGP card 3.4.1, 4.4.1 and 4.4.2. */
  readonly attributes: number;
  readonly fingerprint: number;
  readonly caFingerprint: number;
  readonly generationTime: number;
  readonly userInteraction: number;
}

/** The numbers of each key. Those of the attestation key are Yubico's. */
export const openPgpKeys: Readonly<Record<OpenPgpKeyUse, OpenPgpKeyNumbers>> = {
  signature: keyAt(0),
  decryption: keyAt(1),
  authentication: keyAt(2),
  attestation: {
    reference: 0x81,
    attributes: 0xda,
    fingerprint: 0xdb,
    caFingerprint: 0xdc,
    generationTime: 0xdd,
    userInteraction: 0xd9,
  },
};

function keyAt(at: number): OpenPgpKeyNumbers {
  return {
    reference: 0x01 + at,
    attributes: 0xc1 + at,
    fingerprint: 0xc7 + at,
    caFingerprint: 0xca + at,
    generationTime: 0xce + at,
    userInteraction: 0xd6 + at,
  };
}

/** Control reference templates. OpenPGP card 3.4.1, 7.2.14. */
export const openPgpTemplates = { signature: 0xb6, decryption: 0xb8, authentication: 0xa4 } as const;

/** Whose certificate each occurrence of 7F21 is. OpenPGP card 3.4.1, 7.2.5. */
export const openPgpCertificateOrder: readonly OpenPgpKeyUse[] = ["authentication", "decryption", "signature"];

/** The status of a key in the key information. OpenPGP card 3.4.1, 4.4.3.8. */
export const openPgpOrigins = { generated: 1, imported: 2 } as const;

/** Bytes of a fingerprint, and of a time of generation. OpenPGP card 3.4.1, 4.4.1. */
export const OPENPGP_FINGERPRINT_BYTES = 20;
export const OPENPGP_TIME_BYTES = 4;

/** User interaction flags. OpenPGP card 3.4.1, 4.4.3.6; the last two are Yubico's. */
export const openPgpTouchPolicies = { off: 0, on: 1, fixed: 2, cached: 3, "cached-fixed": 4 } as const;

/** In a user interaction flag: the card has a button. OpenPGP card 3.4.1, 4.1.3.2. */
export const OPENPGP_BUTTON = 0x20;

/** References of passwords. PW1 is verified apart for signatures and for all else. OpenPGP card 3.4.1, 7.2.2. */
export const openPgpPasswords = { pw1Signature: 0x81, pw1: 0x82, pw3: 0x83 } as const;

/** Tags inside the KDF object. OpenPGP card 3.4.1, 4.3.2. */
export const openPgpKdfTags = {
  algorithm: 0x81,
  hash: 0x82,
  count: 0x83,
  saltPw1: 0x84,
  saltResettingCode: 0x85,
  saltPw3: 0x86,
  hashPw1: 0x87,
  hashPw3: 0x88,
} as const;

/** Algorithms of the KDF object; the other one is iterated and salted S2K. RFC 4880, 3.7.1.3. */
export const OPENPGP_KDF_NONE = 0x00;
export const OPENPGP_KDF_ITERATED = 0x03;

/** Hash functions of the KDF object by their number. RFC 4880, 9.4. */
export const openPgpHashes: Readonly<Record<number, "sha256" | "sha512">> = { 8: "sha256", 10: "sha512" };

/**
 * Object identifiers of the curves of Curve25519, as OpenPGP writes them, and those of other cards. RFC 4880bis, 9.2; RFC
 * 8410, 3.
 */
export const openPgpCurve25519 = {
  ed25519: ["2B06010401DA470F01", "2B6570"],
  x25519: ["2B060104019755010501", "2B656E"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/**
 * The curve in the algorithm attributes of a key; undefined for another one, and for RSA. What may follow the curve says whether
 * an import has the public key. OpenPGP card 3.4.1, 4.4.3.9.
 */
export function openPgpCurveIn(attributes: Uint8Array): CurveName | "ed25519" | "x25519" | undefined {
  const last = attributes.at(-1);
  const hasFlag = last === IMPORT_WITH_PUBLIC_KEY || last === IMPORT_WITHOUT_PUBLIC_KEY;
  const id = attributes.subarray(1, hasFlag ? -1 : undefined);
  const digits = encodeHex(id);
  const native = (["ed25519", "x25519"] as const).find((name) => openPgpCurve25519[name].some((one) => one === digits));
  return native ?? curveOfId(id);
}

/** Instructions of Yubico's keys. */
export const openPgpYubicoInstructions = { GET_VERSION: 0xf1, SET_PIN_RETRIES: 0xf2, GET_ATTESTATION: 0xfb } as const;

/** Instructions that ISO/IEC 7816 has no name for. OpenPGP card 3.4.1, 7.1. */
export const openPgpInstructions = { SELECT_DATA: 0xa5, GET_NEXT_DATA: 0xcc } as const;

/** The passwords of a card that has left the factory. OpenPGP card 3.4.1, 4.2. */
export const openPgpFactory = { pw1: "123456", pw3: "12345678" } as const;
