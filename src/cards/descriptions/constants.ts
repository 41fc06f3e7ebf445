// SPDX-License-Identifier: MIT

/** The words that name kinds of cards. */
export const cardKindNames = [
  "piv",
  "openpgp",
  "gids",
  "yubikey",
  "filesystem",
  "ultralight",
  "ntag213",
  "ntag215",
  "ntag216",
  "mifare-classic-1k",
  "mifare-classic-4k",
  "ndef",
] as const;
