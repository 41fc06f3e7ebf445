// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { buildAtr } from "../../base/iso7816/index.ts";
import type { Shape } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { object } from "../../base/json/index.ts";
import { ApplicationCard } from "../applications/index.ts";
import { ContactlessCard } from "../contactless/index.ts";
import { MifareClassicCard, type MifareClassicSize } from "../mifare-classic/index.ts";
import { documentMembers, FORMAT_VERSION, type SoftwareCard } from "../software-card/index.ts";
import { type NtagProduct, Type2Tag } from "../type2/index.ts";
import { NdefApplication } from "../type4/index.ts";
import { type CardPlan, contactlessProtocols, type PlannedCard } from "./card-plan.ts";
import { watchedCard } from "./watched-card.ts";

/** A card that was made, and the members of its description that it has changed. */
interface Made {
  readonly card: SoftwareCard;
  state(): object;
}

/** What the description of any contactless card has. */
interface Described {
  readonly keep: CardPlan["keep"];
  readonly reader?: string | undefined;
}

/** A card in the field of a contactless reader: what changes is its memory. */
function plan(kind: string, content: string, given: Described, make: () => Made, changes: () => object): CardPlan {
  const { keep, reader } = given;
  return {
    kind,
    keep,
    reader,
    readerProtocols: contactlessProtocols,
    contents: [{ member: undefined, name: content, facts: [], provision: undefined }],
    async open(_surroundings, changed): Promise<PlannedCard> {
      const { card, state } = make();
      const describe = (): object => ({
        kind,
        version: FORMAT_VERSION,
        keep,
        ...(reader !== undefined && { reader }),
        ...changes(),
        ...state(),
      });
      return { card: keep === "file" ? watchedCard(card, state, changed) : card, describe };
    },
  };
}

const none = (): object => ({});

const MAX_MESSAGE_BYTES = 0x7ffd;
const MAX_TAG_MESSAGE_BYTES = 1024;
const TAG_UID_BYTES = 7;
const MAX_COUNTER = 0xff_ffff;

const tagMembers = {
  ...documentMembers,
  uid: is.hexadecimal(TAG_UID_BYTES, TAG_UID_BYTES).about("The identifier, 7 bytes in hexadecimal.").optional(),
  ndef: is
    .hexadecimal(0, MAX_TAG_MESSAGE_BYTES)
    .about("The NDEF message that it holds, without its TLV, in hexadecimal.")
    .optional(),
  memory: is
    .hexadecimal(64, 1024)
    .about("All pages in hexadecimal, passwords too; uid and ndef do not count then.")
    .optional(),
  reads: is.whole(0, MAX_COUNTER, "Readings that its counter has counted.").optional(0),
  wrongPasswords: is.whole(0, 0xff, "Wrong passwords since the last right one.").optional(0),
};

/** A Type 2 tag: an NTAG, or a MIFARE Ultralight without a product. */
export function tagPlan(kind: string, name: string, product?: NtagProduct): Shape<CardPlan, object> {
  return object({ ...tagMembers, kind: is.words(kind) }).as((given, place): CardPlan | undefined => {
    const { memory, ndef, reads, uid, wrongPasswords } = given;
    const make = (): Type2Tag =>
      new Type2Tag({
        ...(product !== undefined && { product }),
        ...(uid !== undefined && { uid }),
        ...(ndef !== undefined && { ndef }),
        ...(memory !== undefined && { memory }),
        counters: { reads, wrongPasswords },
      });
    const problem = problemOf(make);
    if (problem !== undefined) return place.problem(problem);
    return memoryPlan(kind, name, given, make, (card) => card.counters);
  });
}

/** A card whose memory is what it keeps. @param more what it keeps beside it */
function memoryPlan<C extends SoftwareCard & { readonly memory: Uint8Array }>(
  kind: string,
  name: string,
  given: Described,
  make: () => C,
  more: (card: C) => object = () => ({}),
): CardPlan {
  const open = (): Made => {
    const card = make();
    return { card, state: () => ({ memory: encodeHex(card.memory), ...more(card) }) };
  };
  return plan(kind, name, given, open, none);
}

/** A MIFARE Classic. */
export function classicPlan(kind: string, name: string, size: MifareClassicSize): Shape<CardPlan, object> {
  const members = {
    ...documentMembers,
    uid: is.hexadecimal(4, 4).about("The identifier, 4 bytes in hexadecimal.").optional(),
    memory: is
      .hexadecimal(1024, 4096)
      .about("All blocks in hexadecimal, keys too; uid does not count then.")
      .optional(),
  };
  return object({ ...members, kind: is.words(kind) }).as((given, place): CardPlan | undefined => {
    const { memory, uid } = given;
    const make = (): MifareClassicCard =>
      new MifareClassicCard({ size, ...(uid !== undefined && { uid }), ...(memory !== undefined && { memory }) });
    const problem = problemOf(make);
    if (problem !== undefined) return place.problem(problem);
    return memoryPlan(kind, name, given, make);
  });
}

/** A Type 4 tag: an NDEF message in a file. */
export function ndefPlan(kind: string, name: string): Shape<CardPlan, object> {
  const members = {
    ...documentMembers,
    uid: is.hexadecimal(TAG_UID_BYTES, TAG_UID_BYTES).about("The identifier, 7 bytes in hexadecimal.").optional(),
    message: is.hexadecimal(0, MAX_MESSAGE_BYTES).about("The NDEF message in hexadecimal.").optional(),
    fileBytes: is.whole(5, 0x7fff, "Bytes of the file, with the two that hold the message's length.").optional(),
    readOnly: is.truth.about("Whether the message cannot be written.").optional(false),
  };
  return object({ ...members, kind: is.words(kind) }).as((given, place): CardPlan | undefined => {
    const { fileBytes, message, readOnly, uid } = given;
    const make = (): NdefApplication =>
      new NdefApplication({
        ...(message !== undefined && { message }),
        ...(fileBytes !== undefined && { fileBytes }),
        readOnly,
      });
    const problem = problemOf(make);
    if (problem !== undefined) return place.problem(problem);
    const fixed = {
      ...(uid !== undefined && { uid: encodeHex(uid) }),
      ...(fileBytes !== undefined && { fileBytes }),
      readOnly,
    };
    return plan(
      kind,
      name,
      given,
      () => {
        const application = make();
        const atr = buildAtr({ protocols: [0, 1] });
        const card = new ApplicationCard({ applications: [application], atr, interface: "contactless" });
        const state = (): object => ({ message: encodeHex(application.message) });
        return { card: new ContactlessCard({ card, ...(uid !== undefined && { uid }) }), state };
      },
      () => fixed,
    );
  });
}

/** What is wrong with a card's parts together: a message that does not fit, a memory of another size. */
function problemOf(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    return `is no such card: ${error instanceof Error && "reason" in error ? String(error.reason) : "its parts do not fit"}`;
  }
}
