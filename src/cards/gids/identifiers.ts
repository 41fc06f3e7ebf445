// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import { gidsFileIds } from "../../base/card-applications/index.ts";
import { applicationIdentifiers } from "../../base/iso7816/index.ts";

/** The application identifier: version 2.0, and a byte that is free. */
export const gidsAid: Uint8Array = hexBytes(`${applicationIdentifiers.gids2}01`);

/** No file can have these. GIDS 2.0, 13.2. */
export const reservedFileIds: ReadonlySet<number> = new Set([...Object.values(gidsFileIds), 0xffff]);

/** Where a key of this reference is. The minidriver of Windows and OpenSC agree on it; the specification leaves it open. */
export function keyFileId(reference: number): number {
  return 0xb000 | reference;
}

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
