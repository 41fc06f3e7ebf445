// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import type { JsonOf, JsonPlace, ShapeMembers, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, list, object } from "../../base/json/index.ts";
import { condition } from "./access-shape.ts";
import { cardLimits } from "./card-limits.ts";
import { checkDistinct } from "./check-distinct.ts";
import type { KeyImage, KeyUse, PinImage } from "./file-system-image.ts";

const reference = is
  .whole(1, 159)
  .check((value, place) => {
    if ((value & 0x60) !== 0 || (value & 0x1f) === 0) place.problem("should be 1 to 31, or 129 to 159");
  })
  .keywords({ anyOf: [{ maximum: 31 }, { minimum: 129 }] });

/** How often something may be presented wrongly. */
const retries = {
  tries: is.whole(1, cardLimits.tries, "Wrong tries until it is blocked.").optional(3),
  triesLeft: is.whole(0, cardLimits.tries, "Tries left at the start, 0 if it is blocked. Default: all.").optional(),
};

const resettingCode = object({ value: is.bytes(1, cardLimits.pinBytes), ...retries });

function checkTries(
  { tries, triesLeft }: { readonly tries?: unknown; readonly triesLeft?: unknown },
  place: JsonPlace,
) {
  const isMore = typeof tries === "number" && typeof triesLeft === "number" && triesLeft > tries;
  if (isMore) place.at("triesLeft").problem(`should be a whole number from 0 to ${tries}`);
}

const pin = object({
  reference: reference.about("P2 of VERIFY: 1 to 31, or 129 to 159."),
  value: is.bytes(1, cardLimits.pinBytes),
  padTo: is
    .whole(1, cardLimits.pinBytes, "Fills it up with FF to this many bytes; VERIFY of another length gets 6700.")
    .optional(),
  ...retries,
  enabled: is.truth.about("Whether it is required; if not, conditions that name it are fulfilled.").optional(true),
  canDisable: is.truth.about("Whether DISABLE VERIFICATION REQUIREMENT works on it.").optional(false),
  resettingCode: resettingCode.check(checkTries).about("What RESET RETRY COUNTER takes. Default: none.").optional(),
  access: object({
    reset: condition.about("Who may reset it without the resetting code.").optional("never"),
  }).optional({ reset: "never" }),
}).check((given, place) => {
  checkTries(given, place);
  const { padTo, value } = given;
  if (padTo !== undefined && value !== undefined && value.length > padTo)
    place.at("padTo").problem("is shorter than the value: make it as long at least");
});

/** A PIN: reference data that VERIFY compares with. */
export type PinSource = JsonOf<typeof pin>;
/** The code that gives a PIN its tries back. */
export type ResettingCodeSource = JsonOf<typeof resettingCode>;

/** A card's PINs. */
export const pins = list(pin, cardLimits.references).check((all, place) => {
  checkDistinct(all, place, "reference", "is taken by another PIN: give each its own");
});

/** The PIN as the card keeps it, padded. */
export function pinImage({ access, padTo, resettingCode: code, ...given }: ValueOf<typeof pin>): PinImage {
  const padding = new Uint8Array(padTo === undefined ? 0 : padTo - given.value.length).fill(0xff);
  return {
    ...given,
    value: concatBytes(given.value, padding),
    fixedLength: padTo !== undefined,
    triesLeft: given.triesLeft ?? given.tries,
    resettingCode: code && { ...code, triesLeft: code.triesLeft ?? code.tries },
    reset: access.reset,
  };
}

const keyLengths = { aes: [16, 24, 32], "3des": [16, 24] } as const;

const algorithm = is.words("aes", "3des");
const keyValue = is.bytes(1, cardLimits.keyBytes, "AES: 16, 24 or 32 bytes; triple DES: 16, or 24 if not mutual.");
const useOfKey = object({ use: condition.about("When it may be used. Default: always.").optional("always") });

/** The members of a key, with those that only this use has. */
function keyMembers<U extends KeyUse, M extends ShapeMembers>(use: U, about: string, own: M) {
  return {
    reference: reference.about("P2 of the commands that mean it: 1 to 31, or 129 to 159."),
    algorithm,
    use: is.words(use).about(about),
    value: keyValue,
    ...own,
    access: useOfKey.optional({ use: "always" }),
  };
}

/**
 * A key has one use: if the card also enciphered challenges with the key that authenticates the terminal, an attacker could
 * let it answer its own challenge.
 */
const key = byTag("use", {
  internal: object(keyMembers("internal", "The card shows that it has the key: INTERNAL AUTHENTICATE.", {})),
  external: object(keyMembers("external", "The terminal shows that it has the key: EXTERNAL AUTHENTICATE.", retries)),
  mutual: object(
    keyMembers("mutual", "Both show that they have the key: MUTUAL AUTHENTICATE.", {
      mac: is.bytes(1, cardLimits.keyBytes, "The key for MACs: as long as the value."),
      ...retries,
    }),
  ),
}).check((given, place) => {
  if ("tries" in given) checkTries(given, place);
  const { algorithm: cipher, use, value } = given;
  if (cipher === undefined) return;
  // The MAC of triple DES is made with two halves.
  const lengths: readonly number[] = cipher === "3des" && use === "mutual" ? [16] : keyLengths[cipher];
  checkLength(value, lengths, place.at("value"));
  // The MAC is made with the same cipher. Where the value is missing, any length of this one may be right.
  const isGood = value !== undefined && lengths.includes(value.length);
  if ("mac" in given) checkLength(given.mac, isGood ? [value.length] : lengths, place.at("mac"));
});

function checkLength(value: Uint8Array | undefined, lengths: readonly number[], place: JsonPlace): void {
  if (value !== undefined && !lengths.includes(value.length))
    place.problem(`has ${value.length} bytes; it takes ${lengths.join(" or ")}`);
}

/** A symmetric key. Keys have separate references: key 1 and PIN 1 are unrelated. */
export type KeySource = JsonOf<typeof key>;

/** A card's keys. */
export const keys = list(key, cardLimits.references).check((all, place) => {
  checkDistinct(all, place, "reference", "is taken by another key: give each its own");
});

/** The key as the card keeps it. An internal key has no retry counter. */
export function keyImage(given: ValueOf<typeof key>): KeyImage {
  const { tries, triesLeft = tries } = given.use === "internal" ? { tries: 1 } : given;
  const mac = given.use === "mutual" ? given.mac : undefined;
  return { ...given, mac, tries, triesLeft, access: given.access.use };
}
