// SPDX-License-Identifier: MIT

import { checkObject, checkWhole, concatBytes, equalBytes, hexBytes, hexWord, shown } from "../binary/index.ts";
import { applicationProviders } from "./application-identifiers.ts";
import { contactlessCardNames, contactlessStandards } from "./contactless-card-names.ts";

/**
 * Contents of a contactless card's ATR. Such cards have no ATR: the reader composes one as PC/SC part 3 says.
 *
 * - `storage-card`: a card without a processor. The reader answers READ BINARY, UPDATE BINARY and so on for it.
 * - `processor-card`: an ISO/IEC 14443-4 card. A card with contacts that offers T=0 and T=1 and nothing more has the
 *   same ATR, so this is a guess, not a proof.
 */
export type ContactlessCard =
  | {
      readonly kind: "storage-card";
      /** SS, 0 to 255. */
      readonly standard: number;
      /** Name of the standard; undefined where SS is 00 (not given) or reserved. */
      readonly standardName: string | undefined;
      /** NN NN, 0 to 0xFFFF. */
      readonly card: number;
      /** Name of the card: `MIFARE Ultralight`; undefined where it has no name. */
      readonly cardName: string | undefined;
      /**
       * SAK of a card that a reader around NXP's PN532 could not name: NN NN is FF and the SAK then, and `cardName`
       * is undefined.
       */
      readonly selectAcknowledge: number | undefined;
    }
  | {
      readonly kind: "processor-card";
      /** The historical bytes: those of the ATS for type A, {@link TypeBInformation} for type B. */
      readonly historicalBytes: Uint8Array;
      /** The eight historical bytes decoded as type B; the ATR does not say which type the card has. */
      readonly ifTypeB: TypeBInformation | undefined;
    };

/** What a reader puts into the historical bytes for a type B card. PC/SC part 3, 3.1.3.2.3. */
export interface TypeBInformation {
  /** Application data of the ATQB, 4 bytes. */
  readonly applicationData: Uint8Array;
  /** Protocol information of the ATQB, 3 bytes. */
  readonly protocolInformation: Uint8Array;
  /** Maximum buffer length index of the answer to ATTRIB, 0 to 15. */
  readonly bufferLengthIndex: number;
}

/** After T0, both kinds say "T=0, then T=1" with no other interface byte: TD1 is 80, TD2 is 01. */
const td = Uint8Array.of(0x80, 0x01);
/** Category 80, tag 4F, and the length that PC/SC gives it: an identifier of 8 bytes and 4 reserved ones. */
const applicationHeader = Uint8Array.of(0x80, 0x4f, 0x0c);
const pcscProvider = hexBytes(applicationProviders.pcscWorkgroup);

/**
 * Tells whether interface and historical bytes are those that a PC/SC reader gives to a contactless card.
 *
 * @param interfaceBytes everything between T0 and the historical bytes.
 * @see PC/SC part 3, 3.1.3.2.3, and its supplemental document
 */
export function decodeContactless(
  ts: number,
  interfaceBytes: Uint8Array,
  historicalBytes: Uint8Array,
): ContactlessCard | undefined {
  if (ts !== 0x3b || !equalBytes(interfaceBytes, td)) return undefined;
  return decodeStorageCard(historicalBytes) ?? describeProcessorCard(historicalBytes);
}

function decodeStorageCard(historicalBytes: Uint8Array): ContactlessCard | undefined {
  const start = concatBytes(applicationHeader, pcscProvider);
  if (historicalBytes.length !== 15 || !equalBytes(historicalBytes.subarray(0, 8), start)) return undefined;
  const [standard = 0, high = 0, low = 0] = historicalBytes.subarray(8, 11);
  const card = (high << 8) | low;
  const cardName = contactlessCardNames[card];
  return {
    kind: "storage-card",
    standard,
    standardName: contactlessStandards[standard],
    card,
    cardName,
    selectAcknowledge: high === 0xff && cardName === undefined ? low : undefined,
  };
}

function describeProcessorCard(historicalBytes: Uint8Array): ContactlessCard {
  const last = historicalBytes[7];
  return {
    kind: "processor-card",
    historicalBytes,
    ifTypeB:
      historicalBytes.length === 8 && last !== undefined
        ? {
            applicationData: historicalBytes.slice(0, 4),
            protocolInformation: historicalBytes.slice(4, 7),
            bufferLengthIndex: last >> 4,
          }
        : undefined,
  };
}

/** Describes a contactless ATR: `PC/SC contactless storage card, MIFARE Ultralight`. */
export function describeContactless(card: ContactlessCard): string {
  checkContactless(card);
  if (card.kind === "processor-card") return "contactless processor card (ISO/IEC 14443-4), or one with contacts";
  const number = hexWord(card.card);
  return `PC/SC contactless storage card, ${card.cardName ?? `card name ${number}`}`;
}

/**
 * The historical bytes of a storage card, for a software reader that holds one; give them to `buildAtr` together
 * with the protocols 0 and 1.
 *
 * @param standard SS, 0 to 255.
 * @param card NN NN, 0 to 0xFFFF.
 * @throws RangeError for a number outside its range.
 */
export function storageCardHistoricalBytes(standard: number, card: number): Uint8Array {
  checkWhole(standard, 0, 0xff, "the standard of a storage card");
  checkWhole(card, 0, 0xffff, "the name of a storage card");
  const name = Uint8Array.of(standard, card >> 8, card & 0xff, 0, 0, 0, 0);
  return concatBytes(applicationHeader, pcscProvider, name);
}

function checkContactless(value: unknown): asserts value is ContactlessCard {
  const remedy = "pass what decodeAtr() gives as contactless";
  checkObject(value, "describeContactless: card", remedy);
  const { card, kind }: { kind?: unknown; card?: unknown } = value;
  if (kind === "processor-card") return;
  if (kind !== "storage-card") throw new TypeError(`describeContactless: card.kind is ${shown(kind)}; ${remedy}`);
  checkWhole(card, 0, 0xffff, "describeContactless: card.card");
}
