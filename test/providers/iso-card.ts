// SPDX-License-Identifier: MIT

import { type CardImageSource, FileSystemCard, parseCardImage } from "../../src/entry/cards.ts";
import {
  CLSID_Iso7816Provider,
  type IByteBuffer,
  type ISCardManage,
  iso7816Provider,
} from "../../src/faces/providers/index.ts";
import { nodeBlockCipher } from "../../src/platform/node/runtime/index.ts";
import type { Random } from "../../src/port/index.ts";
import { codes } from "./codes.ts";
import { type World, world } from "./world.ts";

/** Keys of the card below. */
export const keys = {
  external: "101112131415161718191A1B1C1D1E1F",
  internal: "202122232425262728292A2B2C2D2E2F",
  mutual: "303132333435363738393A3B3C3D3E3F",
  mutualMac: "404142434445464748494A4B4C4D4E4F",
} as const;

/** An identity card of a club: an application with files of every kind, codes and keys. */
export const clubCard: CardImageSource = {
  name: "club card",
  atr: { protocols: ["t1"] },
  pins: [
    { reference: 1, value: { text: codes.global }, tries: 3, resettingCode: { value: { text: codes.resetting } } },
    { reference: 2, value: { text: codes.padded }, padTo: 12, canDisable: true, access: { reset: { pin: 1 } } },
    { reference: 129, value: { text: codes.local } },
  ],
  keys: [
    { reference: 1, algorithm: "aes", use: "external", value: keys.external },
    { reference: 2, algorithm: "aes", use: "internal", value: keys.internal },
    { reference: 3, algorithm: "aes", use: "mutual", value: keys.mutual, mac: keys.mutualMac },
  ],
  access: { createEf: { pin: 1 }, createDf: { pin: 1 }, deleteChild: { pin: 1 }, putData: { pin: 1 } },
  objects: [{ tag: "5F50", value: { text: "https://example.org" }, access: { read: "always", update: { pin: 1 } } }],
  files: [
    { type: "linear-variable", id: "2F00", sfi: 30, records: ["61074F05A000000001", "61084F06A00000000102"] },
    {
      type: "transparent",
      id: "2F02",
      sfi: 2,
      content: "5A089999000000000017",
    },
    {
      type: "df",
      id: "5100",
      name: "A000000001C1",
      label: "club",
      access: { createEf: { pin: 1 }, deleteChild: { pin: 1 } },
      files: [
        {
          type: "transparent",
          id: "0001",
          sfi: 1,
          content: { text: "Member since 2019" },
          size: 700,
          access: { update: { pin: 1 }, deactivate: { pin: 1 }, activate: { pin: 1 } },
        },
        {
          type: "linear-fixed",
          id: "0002",
          sfi: 3,
          records: ["010203", "040506"],
          maxRecords: 4,
          access: { update: { pin: 1 }, append: "always" },
        },
        { type: "cyclic", id: "0003", sfi: 4, recordSize: 2, maxRecords: 2, access: { append: "always" } },
        { type: "linear-variable", id: "0004", sfi: 5, recordSize: 8, maxRecords: 3, access: { append: "always" } },
        { type: "transparent", id: "0005", content: "01", access: { read: { pin: 129 } } },
        { type: "transparent", id: "0006", content: "02", access: { read: { key: 1 } } },
        { type: "transparent", id: "0007", size: 40000, content: "00", access: { read: "always", update: "always" } },
        { type: "df", id: "5200", files: [{ type: "transparent", id: "0001", content: "AA" }] },
      ],
    },
  ],
};

/** A program that is attached to a file system card by the ISO 7816-4 provider. */
export interface IsoWorld extends World {
  readonly card: FileSystemCard;
  readonly manage: ISCardManage;
}

export async function isoWorld(source: CardImageSource = clubCard): Promise<IsoWorld> {
  const image = parseCardImage(source);
  if (!image.ok) throw new Error(JSON.stringify(image.error));
  const around = await world({ card: new FileSystemCard(image.value, counter(), nodeBlockCipher) });
  const { factory } = around.program("program");
  factory.register(CLSID_Iso7816Provider, iso7816Provider);
  const manage = (await factory.createInstance(CLSID_Iso7816Provider)) as ISCardManage;
  await manage.AttachByIFD(around.name);
  return { ...around, manage };
}

/** 01 02 03 … */
function counter(): Random {
  let next = 0;
  return { bytes: (length) => Uint8Array.from({ length }, () => ++next & 0xff) };
}

/** The bytes of a text. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** What is in a buffer, as text. */
export function textOf(buffer: IByteBuffer): string {
  return new TextDecoder().decode(buffer.Read(buffer.Stat().cbSize)).replace(/\0+$/, "");
}
