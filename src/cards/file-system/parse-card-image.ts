// SPDX-License-Identifier: MIT

import type { Result } from "../../base/binary/index.ts";
import { decodeAtr, MASTER_FILE_ID } from "../../base/iso7816/index.ts";
import type { JsonNote, JsonOf, JsonPlace, JsonProblem, Shape, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byType, list, object } from "../../base/json/index.ts";
import { documentMembers } from "../software-card/index.ts";
import { usedKeys, usedPins } from "./access-shape.ts";
import { buildCardAtr, defaultHistoricalBytes } from "./card-atr.ts";
import { cardLimits } from "./card-limits.ts";
import {
  checkSiblings,
  contentsImage,
  describedBytes,
  describedFiles,
  dfNames,
  directoryMembers,
  lifeCycle,
} from "./file-shapes.ts";
import type { CardImage } from "./file-system-image.ts";
import { keyImage, keys, pinImage, pins } from "./secret-shapes.ts";

const atrParts = object({
  protocols: list(is.words("t0", "t1"), 2)
    .check((protocols, place) => {
      if (protocols.length === 0) place.problem('should hold "t0", "t1" or both; leave it out for both');
      if (new Set(protocols).size < protocols.length) place.problem("names a protocol twice");
    })
    .keywords({ minItems: 1, uniqueItems: true })
    .optional(["t0", "t1"]),
  historicalBytes: is
    .bytes(0, 15, "Default: what the card can do, as ISO/IEC 7816-4:2005, 8.1.1 codes it.")
    .optional(defaultHistoricalBytes),
});

/** What an ATR is built from. */
export type AtrSource = JsonOf<typeof atrParts>;

const wholeAtr = is.hexadecimal(2, 33).check((atr, place) => {
  const decoded = decodeAtr(atr);
  if (!decoded.ok) place.problem(`is no ATR: ${decoded.error.message}; leave it out for a good one`);
});

const card = object({
  name: is.text(cardLimits.nameCharacters, "The card's name, for people."),
  atr: byType(atrParts.expected, {
    string: wholeAtr,
    object: atrParts.as(({ historicalBytes, protocols }) => buildCardAtr(protocols, historicalBytes)),
  })
    .about("The ATR in hexadecimal, or what to build it from. Default: T=0 and T=1, and what the card can do.")
    .optional(buildCardAtr(["t0", "t1"], defaultHistoricalBytes)),
  challengeBytes: is.whole(1, cardLimits.challengeBytes, "Most bytes of one GET CHALLENGE.").optional(256),
  pins: pins.optional([]),
  keys: keys.optional([]),
  ...directoryMembers,
  lifeCycle,
  kind: is.words("filesystem").about("What card it is.").optional("filesystem"),
  ...documentMembers,
}).check((given, place) => {
  checkSiblings({ id: MASTER_FILE_ID, files: given.files }, place);
  checkReferences(usedPins, given.pins, place, "is no PIN of this card: add it to $.pins");
  checkReferences(usedKeys, given.keys, place, "is no key of this card: add it to $.keys");
  checkNames(place);
  checkSize(place);
});

/**
 * The plain JSON description of a file-system card, as people write it and `FileSystemCard.toImage` does;
 * `parseCardImage` checks it. docs/guide/software-cards.md explains it with an example.
 */
export type CardImageSource = JsonOf<typeof card>;

function checkReferences(
  used: JsonNote<number>,
  known: readonly ({ readonly reference?: number | undefined } | undefined)[] | undefined,
  card: JsonPlace,
  message: string,
): void {
  const references = new Set(known?.map((one) => one?.reference));
  // One that could not be read may be the one that is used.
  if (known === undefined || references.has(undefined)) return;
  for (const { place, value } of card.notes(used)) if (!references.has(value)) place.problem(message);
}

function checkNames(card: JsonPlace): void {
  const names = new Set<string>();
  for (const { place, value } of card.notes(dfNames)) {
    if (names.has(value)) place.problem("is the name of another DF: names are unique in a card");
    names.add(value);
  }
}

function checkSize(card: JsonPlace): void {
  const tooMany = card.notes(describedFiles)[cardLimits.files];
  tooMany?.place.problem(`is one file too many: a card has ${cardLimits.files}`);
  let left = cardLimits.contentBytes;
  for (const { place, value } of card.notes(describedBytes)) {
    if (left >= 0 && value > left) place.problem(`makes the card larger than ${cardLimits.contentBytes} bytes`);
    left -= value;
  }
}

/**
 * Checks the JSON description of a file-system card, and fills in what it leaves out. All problems are found at once;
 * each names its place and says what to write there. No message repeats a value from the description, as it may be a
 * PIN or a key.
 *
 * @param json what `JSON.parse` returned, or an object written in a program; see `CardImageSource`
 */
export function parseCardImage(json: unknown): Result<CardImage, readonly JsonProblem[]> {
  return is.parseShape(cardImage, json);
}

/** A card image, and what its document says of keeping it and of its reader. */
export interface CardDocument extends Pick<ValueOf<typeof card>, "keep" | "reader"> {
  readonly image: CardImage;
}

/** The shape of a card image, with what its document says beside. */
export const cardDocument: Shape<CardDocument, CardImageSource> = card
  .about("A software card: docs/guide/software-cards.md of scard.")
  .as(
    ({ atr, challengeBytes, keep, keys: ownKeys, kind: _, name, pins: ownPins, reader, version: __, ...contents }) => {
      const masterFile = { type: "df", id: MASTER_FILE_ID, name: undefined, label: undefined } as const;
      const image: CardImage = {
        name,
        atr,
        challengeBytes,
        pins: ownPins.map(pinImage),
        keys: ownKeys.map(keyImage),
        masterFile: { ...masterFile, ...contentsImage(contents) },
      };
      return { image, keep, ...(reader !== undefined && { reader }) };
    },
  );

/** The shape of a card image. */
export const cardImage: Shape<CardImage, CardImageSource> = cardDocument.as(({ image }) => image);
