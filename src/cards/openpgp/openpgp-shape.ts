// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import type { OpenPgpKeyUse } from "../../base/card-applications/index.ts";
import type { JsonOf, JsonPlace, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { list, object } from "../../base/json/index.ts";
import { decodeAttributes, defaultAttributes } from "./key-attributes.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";

/** Three numbers, each of two digits at most. */
const FIRMWARE = /^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{1,2})$/;

const tries = {
  tries: is.whole(0, limits.tries, "Wrong tries until it is blocked.").optional(3),
  triesLeft: is.whole(0, limits.tries, "Tries left, 0 where it is blocked. Default: all.").optional(),
};
const password = (least: number, about: string) =>
  object({
    value: is.bytes(least, limits.passwordBytes, "With a KDF, the hash.").optional(),
    alternative: is.bytes(least, limits.passwordBytes, "What is accepted too until it is changed.").optional(),
    ...tries,
  })
    .check(checkTries)
    .about(about);
const resettingCode = object({
  value: is.bytes(limits.leastPw3Bytes, limits.passwordBytes).optional(),
  ...tries,
})
  .check(checkTries)
  .about("What unblocks PW1. Default: none.");

function checkTries(
  { tries: most, triesLeft }: { readonly tries?: unknown; readonly triesLeft?: unknown },
  place: JsonPlace,
): void {
  const isMore = typeof most === "number" && typeof triesLeft === "number" && triesLeft > most;
  if (isMore) place.at("triesLeft").problem(`should be a whole number from 0 to ${most}`);
}

const part = is.hexadecimal(1, 512);
const key = (use: OpenPgpKeyUse) =>
  object({
    attributes: is
      .hexadecimal(1, 16)
      .check((attributes, place) => {
        if (decodeAttributes(use, attributes) === undefined) place.problem("are no algorithm attributes of this card");
      })
      .about("Algorithm attributes. Default: RSA 2048.")
      .optional(defaultAttributes()),
    origin: is.words("generated", "imported").optional("generated"),
    secret: part.about("Of an elliptic curve: the secret number, most significant byte first.").optional(),
    prime1: part.about("Of RSA.").optional(),
    prime2: part.optional(),
    exponent: part.optional(),
  }).about("What a key is, and the key, where there is one.");

const dataObject = object({
  tag: is.hexadecimal(1, 2).about("Its tag: 5E, 5F50."),
  value: is.hexadecimal(1, limits.specialBytes),
});
const certificate = is.hexadecimal(0, limits.certificateBytes).optional(new Uint8Array(0));

/** An OpenPGP application in a file: `{}` is a card that has left the factory. */
export const openPgpShape = object({
  serialNumber: is
    .hexadecimal(4, 4)
    .about("Four bytes, hexadecimal. Default: 00000001.")
    .optional(hexBytes("00000001")),
  manufacturer: is.hexadecimal(2, 2).about("Default: FFFF, a card for tests; 0006 with firmware.").optional(),
  firmware: is
    .textLike(FIRMWARE, 'a version such as "5.4.3"', "Makes it one of Yubico's, with their extensions.")
    .optional(),
  adminless: is.truth.about("Whether PW1 takes the place of a PW3 that was never set, as on Gnuk.").optional(false),
  terminated: is.truth.about("After TERMINATE DF.").optional(false),
  signatures: is.whole(0, limits.signatures, "The digital signature counter.").optional(0),
  severalSignatures: is.truth
    .about("Whether VERIFY of PW1 is good for several signatures. Default: with firmware it is.")
    .optional(),
  withoutPw3: is.truth.about("Whether PW1 has taken the place of PW3.").optional(false),
  pw1: password(limits.leastPw1Bytes, "The user's PIN. Default: 123456.").optional(),
  pw3: password(limits.leastPw3Bytes, "The administrator's PIN. Default: 12345678.").optional(),
  resettingCode: resettingCode.optional(),
  signature: key("signature").optional(),
  decryption: key("decryption").optional(),
  authentication: key("authentication").optional(),
  attestation: key("attestation").about("The key that signs attestations, on one of Yubico's.").optional(),
  objects: list(dataObject, 64).about("Data objects that are stored as they came.").optional([]),
  certificates: object({ authentication: certificate, decryption: certificate, signature: certificate })
    .about("Cardholder certificates.")
    .optional(),
});

/** An OpenPGP application as it stands in a file. */
export type OpenPgpSource = JsonOf<typeof openPgpShape>;
/** An OpenPGP application as it is read. */
export type OpenPgpValue = ValueOf<typeof openPgpShape>;
