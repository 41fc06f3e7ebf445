// SPDX-License-Identifier: MIT

import type { Result } from "../../base/binary/index.ts";
import { bigEndianNumber, encodeHex } from "../../base/binary/index.ts";
import type { JsonProblem, Shape } from "../../base/json/index.ts";
import { byTag, parseShape, withMember } from "../../base/json/index.ts";
import { demoCardImage } from "../file-system/index.ts";
import type { MifareClassicSize } from "../mifare-classic/index.ts";
import { FORMAT_VERSION } from "../software-card/index.ts";
import type { NtagProduct } from "../type2/index.ts";
import { applicationCard } from "./application-cards.ts";
import { applicationKinds } from "./application-kinds.ts";
import type { CardPlan, CardSurroundings, Keep } from "./card-plan.ts";
import type { cardKindNames } from "./constants.ts";
import { classicPlan, ndefPlan, tagPlan } from "./contactless-plans.ts";
import { fileSystemPlan } from "./file-system-card-plan.ts";
import { savedToken, type TokenValue } from "./token-shape.ts";

/** The word that names a kind of card. */
export type CardKindName = (typeof cardKindNames)[number];

/** How a new card is made. */
interface NewCardOptions {
  /** Where its changes go. @default memory */
  readonly keep?: Keep | undefined;
}

/** A kind of card: how it is described, and what a new one is. */
interface CardKind {
  /** What it is, in a few words. */
  readonly about: string;
  readonly shape: Shape<CardPlan, object>;
  /** The description of a new card, as JSON has it. */
  create(surroundings: CardSurroundings): Promise<object>;
}

type ApplicationName = keyof typeof applicationKinds;

/** A card with one or several applications, of which the first is the main one. */
function applications(
  kind: string,
  about: string,
  [main, ...others]: readonly [ApplicationName, ...ApplicationName[]],
  isToken: boolean,
): CardKind {
  return {
    about,
    shape: applicationCard(kind, main, applicationKinds),
    async create(surroundings) {
      const library = await surroundings.crypto();
      const token = isToken ? newToken(library.randomBytes(4)) : undefined;
      const made: Record<string, object> = {};
      for (const name of [main, ...others]) made[name] = await applicationKinds[name].create(library, token);
      return { ...(token && { token: savedToken(token) }), applications: made };
    },
  };
}

/** The kinds of cards, by the word that names them. */
const cardKinds: Readonly<Record<CardKindName, CardKind>> = {
  piv: applications("piv", "a YubiKey with PIV (NIST SP 800-73)", ["piv"], true),
  openpgp: applications("openpgp", "an OpenPGP card 3.4", ["openpgp"], false),
  gids: applications("gids", "a GIDS card, which Windows has a module for", ["gids"], false),
  yubikey: applications("yubikey", "a YubiKey with PIV and OpenPGP", ["piv", "openpgp"], true),
  filesystem: {
    about: "a card with files of ISO/IEC 7816-4",
    shape: fileSystemPlan,
    create: async () => ({ ...demoCardImage }),
  },
  ultralight: tag("ultralight", "a MIFARE Ultralight"),
  ntag213: tag("ntag213", "an NTAG 213", "ntag213"),
  ntag215: tag("ntag215", "an NTAG 215", "ntag215"),
  ntag216: tag("ntag216", "an NTAG 216", "ntag216"),
  "mifare-classic-1k": classic("mifare-classic-1k", "a MIFARE Classic 1K", "1k"),
  "mifare-classic-4k": classic("mifare-classic-4k", "a MIFARE Classic 4K", "4k"),
  ndef: {
    about: "an NFC Forum Type 4 tag with an NDEF message",
    shape: ndefPlan("ndef", "NDEF"),
    create: async ({ random }) => ({ uid: newTagUid(random), message: "" }),
  },
};

function tag(kind: CardKindName, about: string, product?: NtagProduct): CardKind {
  const shape = tagPlan(kind, product === undefined ? "MIFARE Ultralight" : `NTAG ${product.slice(4)}`, product);
  return { about, shape, create: async ({ random }) => ({ uid: newTagUid(random) }) };
}

function classic(kind: CardKindName, about: string, size: MifareClassicSize): CardKind {
  const shape = classicPlan(kind, `MIFARE Classic ${size.toUpperCase()}`, size);
  return { about, shape, create: async ({ random }) => ({ uid: encodeHex(random.bytes(4)) }) };
}

/** An identifier of NXP's, who makes the tags: 04 and six bytes. ISO/IEC 14443-3, 6.5.4 */
function newTagUid(random: CardSurroundings["random"]): string {
  return encodeHex(Uint8Array.of(0x04, ...random.bytes(6)));
}

const tagged = byTag("kind", Object.fromEntries(Object.entries(cardKinds).map(([kind, { shape }]) => [kind, shape])));

/** The shape of any card's description. One without `kind` is a card image of a file-system card. */
export const cardDescription: Shape<CardPlan, object> = withMember("kind", tagged, fileSystemPlan);

/**
 * Checks the JSON description of a card. All problems are found at once; each names its place and says what to write there.
 * No message repeats a value from the description, as it may be a PIN or a key.
 */
export function parseCard(json: unknown): Result<CardPlan, readonly JsonProblem[]> {
  return parseShape(cardDescription, json);
}

/** The description of a new card, for `JSON.stringify`, with the PINs and keys that it has from the factory. */
export async function newCard(
  kind: CardKindName,
  surroundings: CardSurroundings,
  { keep = "memory" }: NewCardOptions = {},
): Promise<object> {
  return { kind, version: FORMAT_VERSION, keep, ...(await cardKinds[kind].create(surroundings)) };
}

/** The firmware of a new YubiKey: Yubico's tools of the last years know it. */
const firmware = [5, 7, 2] as const;
const FIRST_SERIAL_NUMBER = 10_000_000;
const SERIAL_NUMBERS = 20_000_000;

/** A YubiKey with a serial number of eight digits. */
function newToken(random: Uint8Array): TokenValue {
  return { firmware, serialNumber: FIRST_SERIAL_NUMBER + (bigEndianNumber(random) % SERIAL_NUMBERS) };
}
