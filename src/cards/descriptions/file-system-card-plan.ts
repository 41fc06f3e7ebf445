// SPDX-License-Identifier: MIT

import { instructions as ins } from "../../base/iso7816/index.ts";
import type { Shape } from "../../base/json/index.ts";
import { type CardImage, type CardImageSource, cardDocument, FileSystemCard } from "../file-system/index.ts";
import { FORMAT_VERSION } from "../software-card/index.ts";
import type { Fact } from "./application-kind.ts";
import type { CardPlan } from "./card-plan.ts";
import { watchedCard } from "./watched-card.ts";

/** A card with files. Its description is the card image, and needs no `kind`. */
export const fileSystemPlan: Shape<CardPlan, CardImageSource> = cardDocument.as(({ image, keep, reader }): CardPlan => {
  return {
    kind: "filesystem",
    keep,
    reader,
    contents: [{ member: undefined, name: "files", facts: factsOf(image), provision: undefined }],
    async open({ createCipher, random }, changed) {
      const card = new FileSystemCard(image, random, createCipher);
      const document = { kind: "filesystem", version: FORMAT_VERSION, keep, ...(reader !== undefined && { reader }) };
      const describe = (): object => ({ ...document, ...card.toImage() });
      return { card: keep === "file" ? watchedCard(card, () => card.toImage(), changed, mayChange) : card, describe };
    },
  };
});

function factsOf({ keys, masterFile, pins }: CardImage): readonly Fact[] {
  return [
    ["files in the master file", String(masterFile.files.length)],
    ...pins.map(({ reference, tries, triesLeft }): Fact => [`PIN ${reference}`, `${triesLeft} of ${tries} tries left`]),
    ...keys.map(({ algorithm, reference, use }): Fact => [`key ${reference}`, `${algorithm}, ${use}`]),
  ];
}

/** Commands that change nothing that lasts; all others may, those that compare a secret too. */
const readingInstructions: ReadonlySet<number> = new Set([
  ins.MANAGE_CHANNEL,
  ins.GET_CHALLENGE,
  ins.SEARCH_RECORD,
  ins.SELECT,
  ins.READ_BINARY,
  ins.READ_BINARY + 1,
  ins.READ_RECORD,
  ins.GET_RESPONSE,
  ins.GET_DATA,
]);

function mayChange(command: Uint8Array): boolean {
  return !readingInstructions.has(command[1] ?? 0);
}
