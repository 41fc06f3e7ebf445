// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import { applicationIdentifiers } from "../../base/iso7816/index.ts";

/** The application identifier: version 2.0, and a byte that is free. */
export const gidsAid: Uint8Array = hexBytes(`${applicationIdentifiers.gids2}01`);

/** What P1 and P2 of GET DATA and PUT DATA name beside files. GIDS 2.0, 4.2. */
export const fileIds = {
  current: 0x0000,
  directory: 0x2f00,
  answerToReset: 0x2f01,
  masterFile: 0x3f00,
  application: 0x3fff,
} as const;

/** No file can have these. GIDS 2.0, 13.2. */
export const reservedFileIds: ReadonlySet<number> = new Set([...Object.values(fileIds), 0xffff]);

/** Where a key of this reference is. The minidriver of Windows and OpenSC agree on it; the specification leaves it open. */
export function keyFileId(reference: number): number {
  return 0xb000 | reference;
}

/** Reference data, P2 of the commands. GIDS 2.0, tables 40 and 73. */
export const references = {
  globalPin: 0x00,
  pin: 0x80,
  puk: 0x81,
  /** Not a secret: VERIFY with it ends all that was verified. */
  securityStatus: 0x82,
} as const;

/** Tags of data objects in more than one command. */
export const tags = {
  tagList: 0x5c,
  dynamicAuthentication: 0x7c,
  challenge: 0x81,
  response: 0x82,
  keyUsage: 0x70,
  keyReference: 0x84,
  keyValue: 0xa5,
  publicKey: 0x7f49,
} as const;
