// SPDX-License-Identifier: MIT

/** What the application announces in extended capabilities and PW status bytes, and holds to. */
export const openPgpLimits = {
  /** A password, in bytes. */
  passwordBytes: 127,
  /** The least of PW1. OpenPGP card 3.4.1, 4.2. */
  leastPw1Bytes: 6,
  /** The least of PW3 and of the resetting code. OpenPGP card 3.4.1, 4.2 and 4.3.4. */
  leastPw3Bytes: 8,
  /** GET CHALLENGE. */
  challengeBytes: 2048,
  /** One cardholder certificate. */
  certificateBytes: 4096,
  /** Data objects of free content: login data, URL, private use, KDF. */
  specialBytes: 2048,
  /** Cardholder name. OpenPGP card 3.4.1, 4.4.3.3. */
  nameBytes: 39,
  /** Wrong tries of a password. */
  tries: 99,
  /** One command, and one answer, as the length information 7F66 announces them. */
  messageBytes: 8192,
  /** The digital signature counter. */
  signatures: 0xff_ff_ff,
} as const;
