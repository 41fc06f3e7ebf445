// SPDX-License-Identifier: MIT

import { bigEndianNumber, encodeHex } from "../../base/binary/index.ts";
import { PIV_PIN_BYTES } from "../../base/card-applications/index.ts";
import type { JsonOf, Shape, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, list, object } from "../../base/json/index.ts";
import { bitLength } from "../crypto/index.ts";
import { checkOnce, firmwareShape } from "../software-card/index.ts";
import { type KeyAlgorithm, keyAlgorithm, managementAlgorithm } from "./algorithms.ts";
import { containerOf } from "./containers.ts";
import { isKeySlot } from "./key-references.ts";
import { MIN_PIN_CHARACTERS, pivLimits } from "./limits.ts";
import type { PivImage, PivKey, ReferenceData } from "./piv-image.ts";
import { rsaOfPrimes } from "./private-key.ts";
import { paddedPin } from "./reference-data.ts";

const MAX_SLOTS = 25;
const MAX_PRIME_BYTES = 256;

const tries = {
  tries: is.whole(1, pivLimits.tries, "Wrong tries until it is blocked.").optional(3),
  triesLeft: is.whole(0, pivLimits.tries, "Tries left, 0 if it is blocked. Default: all.").optional(),
};

const referenceData = object({
  value: is.bytes(MIN_PIN_CHARACTERS, PIV_PIN_BYTES, "6 to 8 characters; the padding with FF is not written."),
  ...tries,
}).check((given, place) => {
  const { tries: most, triesLeft } = given;
  if (most !== undefined && triesLeft !== undefined && triesLeft > most)
    place.at("triesLeft").problem(`should be a whole number from 0 to ${most}`);
  if (given.value?.includes(0xff)) place.at("value").problem("has an FF in it, which is padding: leave it out");
});

const managementKey = object({
  algorithm: is.words("3des", "aes128", "aes192", "aes256"),
  value: is.hexadecimal(16, 32),
  touchPolicy: is.words("never", "always", "cached").optional("never"),
}).check(({ algorithm, value }, place) => {
  if (algorithm === undefined || value === undefined) return;
  const { keyBytes } = managementAlgorithm(algorithm);
  if (value.length !== keyBytes) place.at("value").problem(`has ${value.length} bytes; it takes ${keyBytes}`);
});

const slot = is.hexadecimal(1, 1).as((bytes, place) => {
  const [reference = 0] = bytes;
  return isKeySlot(reference) ? reference : place.problem("is not a slot: use 9A, 9C, 9D, 9E, 82 to 95, or F9");
});

const keyMembers = {
  slot: slot.about("The key reference: 9A, 9C, 9D, 9E, 82 to 95; F9 signs attestations."),
  pinPolicy: is.words("never", "once", "always"),
  touchPolicy: is.words("never", "always", "cached").optional("never"),
  origin: is.words("generated", "imported"),
};

const prime = is.hexadecimal(1, MAX_PRIME_BYTES);

/** A key with its slot. */
interface SlotKey {
  readonly slot: number;
  readonly key: PivKey;
}

function rsaKey(algorithm: KeyAlgorithm) {
  const { bytes } = keyAlgorithm(algorithm);
  const members = { ...keyMembers, algorithm: is.words(algorithm), p: prime, q: prime };
  return object(members).as(({ slot: at, p, q, ...rest }, place): SlotKey | undefined => {
    const material = rsaOfPrimes(p, q);
    const isWhole = material !== undefined && bitLength(material.n) === bytes * 8;
    return isWhole
      ? { slot: at, key: { ...rest, material } }
      : place.problem(`has factors that make no key of ${bytes * 8} bits: give two primes, each half as long`);
  });
}

function curveKey(algorithm: KeyAlgorithm) {
  const { bytes } = keyAlgorithm(algorithm);
  const members = { ...keyMembers, algorithm: is.words(algorithm), secret: is.hexadecimal(bytes, bytes) };
  return object(members).as(({ slot: at, secret, ...rest }): SlotKey => {
    return { slot: at, key: { ...rest, material: secret } };
  });
}

const key = byTag("algorithm", {
  rsa1024: rsaKey("rsa1024"),
  rsa2048: rsaKey("rsa2048"),
  rsa3072: rsaKey("rsa3072"),
  rsa4096: rsaKey("rsa4096"),
  p256: curveKey("p256"),
  p384: curveKey("p384"),
  ed25519: curveKey("ed25519"),
  x25519: curveKey("x25519"),
});

const dataObject = object({
  tag: is
    .hexadecimal(1, 3)
    .as((bytes, place) => {
      const tag = bigEndianNumber(bytes);
      return containerOf(tag, { ownTags: true }) === undefined
        ? place.problem("is not a data object: use 5FC101 to 5FC123, 7E, 7F61, or 5F0000 to 5FFFFF")
        : tag;
    })
    .about("The tag of the data object: 5FC102."),
  value: is.hexadecimal(1, pivLimits.objectBytes),
});

const members = object({
  extensions: is
    .words("yubico", "none")
    .about("Whose commands there are beside those of NIST SP 800-73.")
    .optional("yubico"),
  firmware: firmwareShape.about("What INS FD answers.").optional([5, 7, 2]),
  serialNumber: is.whole(1, 0xffff_ffff, "What INS F8 answers."),
  pin: referenceData.about("The PIN."),
  puk: referenceData.about("The code that unblocks the PIN."),
  globalPin: referenceData.about("The global PIN, reference 00. Default: the card has none.").optional(),
  managementKey: managementKey.about("The card management key, reference 9B."),
  keys: list(key, MAX_SLOTS).check(checkOnce("slot")).about("Private keys.").optional([]),
  objects: list(dataObject, pivLimits.objects).check(checkOnce("tag")).about("Data objects.").optional([]),
});

/** A PIV card in a file. */
export type PivSource = JsonOf<typeof members>;

/** What a PIV card keeps, as it stands in a file; reading it gives the card. */
export const pivShape: Shape<PivImage, PivSource> = members.as((given): PivImage => {
  return {
    ...given,
    pin: kept(given.pin),
    puk: kept(given.puk),
    globalPin: given.globalPin && kept(given.globalPin),
    keys: new Map(given.keys.map(({ slot: at, key: one }) => [at, one])),
    objects: new Map(given.objects.map(({ tag, value }) => [tag, value])),
  };
});

function kept({ value, tries: most, triesLeft = most }: ValueOf<typeof referenceData>): ReferenceData {
  return { value: paddedPin(value), tries: most, triesLeft };
}

/** Writes a card as it stands in a file. Keys and PINs are in it. */
export function savedPiv(image: PivImage): PivSource {
  const { managementKey: management, globalPin } = image;
  return {
    extensions: image.extensions,
    firmware: image.firmware.join("."),
    serialNumber: image.serialNumber,
    pin: savedPin(image.pin),
    puk: savedPin(image.puk),
    ...(globalPin && { globalPin: savedPin(globalPin) }),
    managementKey: { ...management, value: encodeHex(management.value) },
    keys: [...image.keys].map(([reference, one]) => savedKey(reference, one)),
    objects: [...image.objects].map(([tag, value]) => ({
      tag: tag.toString(16).toUpperCase(),
      value: encodeHex(value),
    })),
  };
}

function savedPin({ value, tries: most, triesLeft }: ReferenceData): PivSource["pin"] {
  const end = value.indexOf(0xff);
  return { value: encodeHex(end < 0 ? value : value.subarray(0, end)), tries: most, triesLeft };
}

function savedKey(reference: number, { algorithm, material, ...policies }: PivKey): JsonOf<typeof key> {
  const secrets =
    material instanceof Uint8Array
      ? { secret: encodeHex(material) }
      : { p: encodeHex(material.p), q: encodeHex(material.q) };
  return { slot: reference.toString(16).toUpperCase(), algorithm, ...secrets, ...policies } as JsonOf<typeof key>;
}
