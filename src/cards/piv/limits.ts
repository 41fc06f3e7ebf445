// SPDX-License-Identifier: MIT

/** Limits of a PIV card. */
export const pivLimits = {
  /** Bytes in one data object: as much as the largest container of the standard has. NIST SP 800-73-4 part 1, table 10. */
  objectBytes: 12_710,
  /** Data objects on a card. */
  objects: 256,
  /** Bytes of all data objects together. */
  totalBytes: 262_144,
  /** Tries of a PIN or PUK, as one byte counts them. */
  tries: 255,
  /** Bytes of a message that Ed25519 signs. */
  messageBytes: 32_768,
} as const;

/** Fewest characters of a PIN or PUK. */
export const MIN_PIN_CHARACTERS = 6;
