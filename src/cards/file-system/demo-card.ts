// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex } from "../../base/binary/index.ts";
import { encodeBerTlv } from "../../base/iso7816/index.ts";
import { assert, type Random } from "../../port/index.ts";
import { FileSystemCard } from "./file-system-card.ts";
import type { CardImageSource } from "./parse-card-image.ts";
import { parseCardImage } from "./parse-card-image.ts";

const ascii = new TextEncoder();
const LABEL = "scard demo";
/**
 * F0 and `scard.demo`: an identifier of the proprietary category, which is not registered. ISO/IEC 7816-4:2005, 8.2.1.2.
 */
const applicationId = concatBytes(Uint8Array.of(0xf0), ascii.encode("scard.demo"));

/** One application template: identifier and label. ISO/IEC 7816-4:2005, 8.2.1.3. */
const directory = encodeBerTlv([
  {
    tag: 0x61,
    children: [
      { tag: 0x4f, value: applicationId },
      { tag: 0x50, value: ascii.encode(LABEL) },
    ],
  },
]);

/**
 * What EF.ATR says: card service data, card capabilities, and the largest command (65,544 bytes) and response (65,538)
 * with extended length fields. ISO/IEC 7816-4:2013, 12.7.1 and 12.8.
 */
const cardInformation = encodeBerTlv([
  { tag: 0x43, value: Uint8Array.of(0xf8) },
  { tag: 0x47, value: Uint8Array.of(0xf7, 0x21, 0x60) },
  {
    tag: 0x7f66,
    children: [
      { tag: 0x02, value: Uint8Array.of(0x01, 0x00, 0x08) },
      { tag: 0x02, value: Uint8Array.of(0x01, 0x00, 0x02) },
    ],
  },
]);

/** A serial number under tag 5A: 99 99 belongs to no issuer. */
const serialNumber = encodeBerTlv([{ tag: 0x5a, value: Uint8Array.of(0x99, 0x99, 0, 0, 0, 0, 0, 0, 0, 0x01) }]);

/**
 * The description of the demo card, as one would write it in a JSON file. Its PIN 1 is 1234, with three tries.
 *
 * ```
 * 3F00 master file
 *   2F00 EF.DIR   which applications there are (short identifier 30)
 *   2F01 EF.ATR   what the card can do         (short identifier 29)
 *   2F02 EF.GDO   serial number                (short identifier 2)
 *   7F10 application F0 "scard.demo"
 *     0001 greeting  text; readable by all, writable after PIN 1       (short identifier 1)
 *     0002 notes     records of up to 64 bytes; the same               (short identifier 2)
 *     0003 secret    text; readable and writable after PIN 1           (short identifier 3)
 *     0004 visits    cyclic, the last five of 16 bytes; open to all    (short identifier 4)
 * ```
 */
export const demoCardImage: CardImageSource = {
  name: "scard demo card",
  // EF.DIR, EF.ATR and extended length fields: see card-atr.ts for the rest. Then the card's name, for those who list
  // ATRs.
  atr: { protocols: ["t0", "t1"], historicalBytes: "80 31F8 73F72160 65 7363617264" },
  challengeBytes: 256,
  pins: [{ reference: 1, value: { text: "1234" }, tries: 3 }],
  files: [
    { type: "transparent", id: "2F00", sfi: 30, content: encodeHex(directory) },
    { type: "transparent", id: "2F01", sfi: 29, content: encodeHex(cardInformation) },
    { type: "transparent", id: "2F02", sfi: 2, content: encodeHex(serialNumber) },
    {
      type: "df",
      id: "7F10",
      name: encodeHex(applicationId),
      label: LABEL,
      files: [
        {
          type: "transparent",
          id: "0001",
          sfi: 1,
          content: { text: "Hello from a card that is made of software." },
          access: { update: { pin: 1 } },
        },
        {
          type: "linear-variable",
          id: "0002",
          sfi: 2,
          records: [
            { text: "Record 1: cards answer, they never ask." },
            { text: "Record 2: the reader always speaks first." },
          ],
          recordSize: 64,
          maxRecords: 8,
          access: { update: { pin: 1 } },
        },
        {
          type: "transparent",
          id: "0003",
          sfi: 3,
          content: { text: "Only those who know the PIN read this." },
          access: { read: { pin: 1 }, update: { pin: 1 } },
        },
        {
          type: "cyclic",
          id: "0004",
          sfi: 4,
          recordSize: 16,
          maxRecords: 5,
          access: { update: "always" },
        },
      ],
    },
  ],
};

/** A new demo card, as `demoCardImage` describes it. */
export function demoCard(random: Random): FileSystemCard {
  const image = parseCardImage(demoCardImage);
  assert(image.ok, "the demo card's description is a good one");
  return new FileSystemCard(image.value, random);
}
