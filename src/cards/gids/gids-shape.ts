// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex } from "../../base/binary/index.ts";
import type { JsonOf, JsonPlace, Shape, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { list, object } from "../../base/json/index.ts";
import { checkOnce, readDataObjects } from "../software-card/index.ts";
import { decodeFileControl } from "./file-control.ts";
import { type GidsFile, newFile } from "./gids-file.ts";
import type { GidsImage } from "./gids-image.ts";
import { type GidsKey, isKeyOf, rsaOf } from "./gids-key.ts";
import { FACTORY_TRIES, gidsLimits as limits } from "./gids-limits.ts";
import { GidsPin } from "./gids-pin.ts";
import type { Mechanism } from "./mechanisms.ts";

const MAX_OBJECT_BYTES = 65_535;
const MAX_KEY_BYTES = 256;

const pin = object({
  value: is.bytes(limits.leastPinBytes, limits.pinBytes),
  tries: is.whole(1, limits.tries, "Wrong tries until it is blocked.").optional(FACTORY_TRIES),
  triesLeft: is.whole(0, limits.tries, "Tries left, 0 where it is blocked. Default: all.").optional(),
}).as(({ tries, triesLeft = tries, value }, place): GidsPin | undefined => {
  if (triesLeft > tries) return place.at("triesLeft").problem(`should be a whole number from 0 to ${tries}`);
  return new GidsPin({ value, tries, triesLeft });
});

const part = is.hexadecimal(1, MAX_KEY_BYTES);
const keyParts = object({
  symmetric: part.about("Of a cipher.").optional(),
  secret: part.about("Of a curve: the secret number, as long as the curve's numbers are.").optional(),
  prime1: part.about("Of RSA.").optional(),
  prime2: part.optional(),
  exponent: part.optional(),
});

const dataObject = object({
  tag: is
    .hexadecimal(1, 3)
    .as((bytes, place) => {
      const [read] = readDataObjects(concatBytes(bytes, Uint8Array.of(0))) ?? [];
      return read?.tag ?? place.problem("is no tag: use one such as DF1F");
    })
    .about("Its tag: DF1F."),
  value: is.hexadecimal(0, MAX_OBJECT_BYTES),
});

const fileMembers = object({
  parameters: is
    .hexadecimal(1, limits.controlBytes)
    .about(
      "File control parameters, as CREATE FILE takes them: what kind of file it is, its identifier, access rules.",
    ),
  activated: is.truth.about("Whether its access rules hold.").optional(true),
  afterIssuance: is.truth.about("Whether it was made after the card was set up.").optional(false),
  objects: list(dataObject, limits.objectsInFile)
    .check(checkOnce("tag"))
    .about("Of a file of data objects: these.")
    .optional([]),
  key: keyParts.about("Of the file of a key: the key. Default: there is none yet.").optional(),
});

const file: Shape<GidsFile, JsonOf<typeof fileMembers>> = fileMembers.as((given, place): GidsFile | undefined => {
  const { activated, afterIssuance, key, objects, parameters } = given;
  const control = decodeFileControl(parameters);
  if (control === undefined)
    return place.at("parameters").problem("are no file control parameters that the card takes");
  const made = newFile(control, parameters, afterIssuance);
  made.activated = activated;
  if (made.kind === "data") {
    if (key !== undefined)
      return place.at("key").problem("belongs into the file of a key, which has the descriptor 18");
    for (const { tag, value } of objects) made.objects.set(tag, value);
    return made;
  }
  if (objects.length > 0) return place.at("objects").problem("belong into a file with the descriptor 39");
  made.key = key && keyOf(made.control.mechanism, key, place.at("key"));
  return made;
});

function keyOf(
  mechanism: Mechanism,
  { exponent, prime1, prime2, secret, symmetric }: ValueOf<typeof keyParts>,
  place: JsonPlace,
): GidsKey | undefined {
  const key = ((): GidsKey | undefined => {
    switch (mechanism.kind) {
      case "symmetric":
        return symmetric && { kind: "symmetric", value: symmetric };
      case "curve":
        return secret && { kind: "curve", curve: mechanism.curve, secret };
      case "rsa": {
        if (prime1 === undefined || prime2 === undefined || exponent === undefined) return undefined;
        const rsa = rsaOf(mechanism.bits, prime1, prime2, exponent);
        return rsa && { kind: "rsa", rsa };
      }
    }
  })();
  if (key !== undefined && isKeyOf(mechanism, key)) return key;
  return place.problem("is not one of its file: give symmetric, secret, or prime1, prime2 and exponent, in its length");
}

const members = object({
  lifeCycle: is
    .words("initialization", "operational", "terminated")
    .about("A card from the factory is in its initialization: gids-tool --initialize sets it up.")
    .optional("initialization"),
  pin: pin.about("The user's PIN.").optional(),
  puk: pin.about("The resetting code. Without one the administrator's key resets the PIN.").optional(),
  files: list(file, limits.files)
    .check((files, place) => {
      const seen = new Set<number>();
      for (const [at, one] of files.entries()) {
        const id = one?.control?.id;
        if (id === undefined) continue;
        if (seen.has(id)) place.at(at).at("parameters").problem("have the identifier of a file before: remove one");
        seen.add(id);
      }
    })
    .about("Elementary files.")
    .optional([]),
});

/** A GIDS card in a file. */
export type GidsSource = JsonOf<typeof members>;

/** What a GIDS card keeps, as it stands in a file; reading it gives the card. `{}` is a card from the factory. */
export const gidsShape: Shape<GidsImage, GidsSource> = members.as(({ files, lifeCycle, pin: user, puk }): GidsImage => {
  return { lifeCycle, pin: user, puk, files: new Map(files.map((one) => [one.control.id, one])) };
});

/** Writes a card as it stands in a file. Keys and PINs are in it. */
export function savedGids({ files, lifeCycle, pin: user, puk }: GidsImage): GidsSource {
  return {
    lifeCycle,
    ...(user && { pin: savedPin(user) }),
    ...(puk && { puk: savedPin(puk) }),
    files: [...files.values()].map(savedFile),
  };
}

function savedPin(given: GidsPin): NonNullable<GidsSource["pin"]> {
  const { value, ...counters } = given.toImage();
  return { value: encodeHex(value), ...counters };
}

function savedFile(given: GidsFile): JsonOf<typeof fileMembers> {
  const { activated, afterIssuance, parameters } = given;
  const common = { parameters: encodeHex(parameters), activated, afterIssuance };
  if (given.kind === "key") return { ...common, ...(given.key && { key: savedKey(given.key) }) };
  const objects = [...given.objects].map(([tag, value]) => ({ tag: digits(tag), value: encodeHex(value) }));
  return { ...common, objects };
}

function digits(tag: number): string {
  const text = tag.toString(16).toUpperCase();
  return text.padStart(text.length + (text.length % 2), "0");
}

function savedKey(key: GidsKey): JsonOf<typeof keyParts> {
  switch (key.kind) {
    case "symmetric":
      return { symmetric: encodeHex(key.value) };
    case "curve":
      return { secret: encodeHex(key.secret) };
    case "rsa": {
      const { e, p, q } = key.rsa;
      return { prime1: encodeHex(p), prime2: encodeHex(q), exponent: encodeHex(e) };
    }
  }
}
