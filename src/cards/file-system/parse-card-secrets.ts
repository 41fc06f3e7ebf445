// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import type { JsonPlace } from "../../base/json/index.ts";
import { cardLimits } from "./card-limits.ts";
import type { KeyImage, PinImage, RetriesImage } from "./file-system-image.ts";
import { type ParseContext, readAccess } from "./parse-card-access.ts";

const keyLengths = { aes: [16, 24, 32], "3des": [16, 24] } as const;

/** The references of some PINs or keys, before the rest of them is read: their own conditions may name others. */
export function referencesOf(place: JsonPlace): ReadonlySet<number> {
  return new Set(place.elements(cardLimits.references).map((element) => element.member("reference").integer(0, 159)));
}

/** Reads a card's PINs. */
export function readPins(place: JsonPlace, context: ParseContext): PinImage[] {
  const seen = new Set<number>();
  return place.elements(cardLimits.references).map((element) => {
    const known = ["reference", "value", "padTo", "tries", "triesLeft", "enabled", "canDisable"];
    element.object([...known, "resettingCode", "access"]);
    const reference = readReference(element.member("reference"), "PIN", seen);
    const padTo = element.member("padTo");
    const { value, ...counter } = readRetries(element);
    const size = padTo.integer(1, cardLimits.pinBytes, value.length);
    if (value.length > size) padTo.problem("is shorter than the value: make it as long at least");
    const code = element.member("resettingCode");
    if (code.present) code.object(["value", "tries", "triesLeft"]);
    const access = element.member("access");
    if (access.present) access.object(["reset"]);
    return {
      reference,
      ...counter,
      value: concatBytes(value, new Uint8Array(Math.max(0, size - value.length)).fill(0xff)),
      fixedLength: padTo.present,
      enabled: element.member("enabled").boolean(true),
      canDisable: element.member("canDisable").boolean(false),
      resettingCode: code.present ? readRetries(code) : undefined,
      reset: readAccess(access.member("reset"), "never", context),
    };
  });
}

/** Reads a card's keys. */
export function readKeys(place: JsonPlace, context: ParseContext): KeyImage[] {
  const seen = new Set<number>();
  return place.elements(cardLimits.references).map((element) => {
    const use = element.member("use").oneOf(["internal", "external", "mutual"]);
    const counted = use === "internal" ? [] : ["tries", "triesLeft"];
    const own = use === "mutual" ? ["mac"] : [];
    element.object(["reference", "algorithm", "use", "value", ...own, ...counted, "access"]);
    const algorithm = element.member("algorithm").oneOf(["aes", "3des"]);
    // The MAC of triple DES is made with two halves.
    const lengths: readonly number[] = algorithm === "3des" && use === "mutual" ? [16] : keyLengths[algorithm];
    const value = readKeyValue(element.member("value"), lengths);
    // The MAC is made with the same cipher. Where the value is missing, any length of this one may be right.
    const macLengths = lengths.includes(value.length) ? [value.length] : lengths;
    const access = element.member("access");
    if (access.present) access.object(["use"]);
    return {
      reference: readReference(element.member("reference"), "key", seen),
      algorithm,
      use,
      value,
      mac: use === "mutual" ? readKeyValue(element.member("mac"), macLengths) : undefined,
      ...(use === "internal" ? { tries: 1, triesLeft: 1 } : readCounter(element)),
      access: readAccess(access.member("use"), "always", context),
    };
  });
}

function readKeyValue(place: JsonPlace, lengths: readonly number[]): Uint8Array {
  const value = place.bytes(1, cardLimits.keyBytes);
  if (value.length > 0 && !lengths.includes(value.length)) {
    place.problem(`has ${value.length} bytes; it takes ${lengths.join(" or ")}`);
  }
  return value;
}

function readReference(place: JsonPlace, what: "PIN" | "key", seen: Set<number>): number {
  const reference = place.integer(1, 159);
  if ((reference & 0x60) !== 0 || (reference & 0x1f) === 0) place.problem("should be 1 to 31, or 129 to 159");
  if (seen.has(reference)) place.problem(`is taken by another ${what}: give each its own`);
  seen.add(reference);
  return reference;
}

function readRetries(place: JsonPlace): RetriesImage {
  return { value: place.member("value").bytes(1, cardLimits.pinBytes), ...readCounter(place) };
}

function readCounter(place: JsonPlace): Omit<RetriesImage, "value"> {
  const tries = place.member("tries").integer(1, cardLimits.tries, 3);
  return { tries, triesLeft: place.member("triesLeft").integer(0, tries, tries) };
}
