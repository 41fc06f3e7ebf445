// SPDX-License-Identifier: MIT

import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  applicationIdentifiers,
  type BerTlv,
  decodeBerTlv,
  findBerTlv,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import type { ModuleHost } from "./card-module.ts";

/** The tag of the identifiers, which is Windows' own. */
const TAG_IDENTIFIERS = 0x7f68;
const fileIds = { masterFile: "3F00", atr: "2F01" } as const;
const tags = { sequence: 0x30, octetString: 0x04 } as const;
const GUID_BYTES = 16;
const READ_BYTES = 256;

/**
 * The identifiers that a card tells Windows' Plug and Play, the one that counts first, 32 hexadecimal digits each: of its Plug and
 * Play application, of whatever application is selected, or of its file EF.ATR.
 *
 * @see Microsoft, "Smart Card Discovery Process", step 2 and 4, and "Windows Smart Card Framework Card Identifier"
 */
export async function cardIdentifiers(host: ModuleHost): Promise<readonly string[]> {
  // GET DATA follows whether the card has the application or not.
  await host.send({
    cla: 0,
    ins: 0xa4,
    p1: 0x04,
    p2: 0x00,
    data: hexBytes(applicationIdentifiers.plugAndPlay),
    le: READ_BYTES,
  });
  const [p1, p2] = [TAG_IDENTIFIERS >> 8, TAG_IDENTIFIERS & 0xff];
  const answer = await host.send({ cla: 0, ins: 0xca, p1, p2, le: READ_BYTES });
  const told = answer.sw === sw.success ? identifiersIn(answer.data) : [];
  return told.length > 0 ? told : identifiersIn(await readAtrFile(host));
}

async function readAtrFile(host: ModuleHost): Promise<Uint8Array> {
  for (const id of Object.values(fileIds)) {
    const { sw: word } = await host.send({ cla: 0, ins: 0xa4, p1: 0x00, p2: 0x0c, data: hexBytes(id) });
    if (word !== sw.success) return new Uint8Array(0);
  }
  const { data } = await host.send({ cla: 0, ins: 0xb0, p1: 0x00, p2: 0x00, le: READ_BYTES });
  return data;
}

/** The GUIDs of a CardID, bare or in its tag: a SEQUENCE whose last SEQUENCE has OCTET STRINGs of 16 bytes. */
function identifiersIn(bytes: Uint8Array): readonly string[] {
  const decoded = decodeBerTlv(bytes);
  if (!decoded.ok) return [];
  const inTag = findBerTlv(decoded.value, TAG_IDENTIFIERS)?.children;
  const objects: readonly BerTlv[] = inTag ?? decoded.value;
  const cardId = objects.find(({ tag }) => tag === tags.sequence)?.children ?? objects;
  const list = cardId.filter(({ tag }) => tag === tags.sequence).at(-1)?.children ?? [];
  return list
    .filter(({ tag, value }) => tag === tags.octetString && value.length === GUID_BYTES)
    .map(({ value }) => encodeHex(value).toUpperCase());
}
