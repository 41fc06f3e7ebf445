// SPDX-License-Identifier: MIT

/** The words that name kinds of cards. */
export const cardKindNames = ["piv", "openpgp", "yubikey", "filesystem"] as const;
