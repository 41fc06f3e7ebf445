// SPDX-License-Identifier: MIT

import { hexByte } from "../../base/binary/index.ts";
import { type PivSlot, pivSlots } from "../../faces/modules/index.ts";
import type { CardGroup } from "./card-session.ts";
import { UsageError } from "./options.ts";
import { unknownWord } from "./subcommand.ts";

/** A PIV slot as people write it: 9a, AUTHENTICATION, key-management. @throws UsageError */
export function pivSlot(word: string): PivSlot {
  const name = word.toUpperCase().replaceAll("-", "_");
  const found = pivSlots.find((slot) => slot.name === name || digitsOf(slot) === name.replace(/^0X/, ""));
  if (found !== undefined) return found;
  const names = pivSlots.slice(0, 4).map((slot) => slot.name.toLowerCase().replaceAll("_", "-"));
  throw new UsageError(`${unknownWord("slot", word, names)}; slots: 9a, 9c, 9d, 9e, 82 to 95, or ${names.join(", ")}`);
}

/** The reference of a slot as people write it: 9A. */
export function digitsOf({ reference }: PivSlot): string {
  return hexByte(reference);
}

/** `9A (AUTHENTICATION)`. */
export function slotText(slot: PivSlot): string {
  return `${digitsOf(slot)} (${slot.name})`;
}

/** The keys of an OpenPGP card, by what people call them. */
const openPgpKeys: Readonly<Record<string, string>> = {
  sig: "signature",
  signature: "signature",
  dec: "decryption",
  enc: "decryption",
  decryption: "decryption",
  encryption: "decryption",
  aut: "authentication",
  auth: "authentication",
  authentication: "authentication",
};

/** A key of an OpenPGP card: sig, dec, aut, or the whole word. @throws UsageError */
function openPgpKey(word: string): string {
  const found = openPgpKeys[word.toLowerCase()];
  if (found !== undefined) return found;
  const names = ["signature", "decryption", "authentication"];
  throw new UsageError(`${unknownWord("key", word, names)}; keys: sig, dec, aut, or ${names.join(", ")}`);
}

/** `scard piv`. */
export const pivGroup: CardGroup = {
  name: "piv",
  module: "piv",
  application: "PIV application",
  keyWord: "SLOT",
  keyHelp: "SLOT is 9a, 9c, 9d, 9e, 82 to 95, or authentication, signature, key-management, card-auth.",
  keyOf: (word) => digitsOf(pivSlot(word)),
};

/** `scard openpgp`. */
export const openPgpGroup: CardGroup = {
  name: "openpgp",
  module: "openpgp",
  application: "OpenPGP application",
  keyWord: "KEY",
  keyHelp: "KEY is sig, dec (or enc) or aut.",
  keyOf: openPgpKey,
};

/** The commands of `scard card` that are for a card in a reader. */
export const anyGroup: CardGroup = {
  name: "card",
  module: undefined,
  application: "card module",
  keyWord: "KEY",
  keyHelp: 'KEY is a name that "scard card keys" lists.',
  keyOf: (word) => word,
};
