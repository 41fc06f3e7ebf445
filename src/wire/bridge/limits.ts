// SPDX-License-Identifier: MIT

/** The version of the messages that this package speaks. A service refuses a page that speaks another one. */
export const BRIDGE_VERSION = 3;

/** The longest message in bytes: a command APDU of 65,544 bytes fits, with what is told beside it. */
export const MAX_BRIDGE_MESSAGE_BYTES = 69_632;

/** The most bytes that a message carries for a card or a reader. */
export const MAX_DATA_BYTES = 65_544;

/** The most bytes of UTF-8 of one text: names of readers are shorter, and the service refuses unknown words. */
export const MAX_TEXT_BYTES = 1024;

/** The most readers in one question about their states. */
export const MAX_READER_STATES = 256;

/** Bytes of a nonce, a key, a share of an exchange and a proof: HMAC-SHA-256 and X25519 have 32. */
export const PROOF_BYTES = 32;

/** Bytes of the name of a pairing. It is no secret. */
export const PAIRING_ID_BYTES = 16;

/** The two ends that a page tells apart: see {@link closeCodes}. */
export const NOT_PAIRED_CODE = 4403;
export const TOO_MANY_CODE = 4429;

/** Why a service ends a connection: close codes of RFC 6455, 7.4.2, which are free for applications. */
export const closeCodes = {
  /** A message that cannot be, or that has no place now. */
  malformed: 4400,
  /** The pairing was taken back, or what the origin may use has changed. */
  revoked: 4401,
  /** The pairing code was wrong too often, or was not typed in time; the proof of a pairing was wrong. */
  notPaired: NOT_PAIRED_CODE,
  /** The page speaks another version. */
  version: 4406,
  /** Too many connections, of this origin or in all. */
  tooMany: TOO_MANY_CODE,
  /** The service ends. */
  ending: 1001,
} as const;
