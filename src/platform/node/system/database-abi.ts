// SPDX-License-Identifier: MIT

import { bytes, type Field, type Struct, struct } from "../../../base/binary/index.ts";
import { type Abi, dword, type ParameterKind } from "./abi.ts";

/** A function of winscard.dll on its database, its readers as devices, its cache or its log, by its name there. */
export type DatabaseFunction = keyof typeof databaseSignatures;

/** The arguments of each, in their order; all of them answer with a LONG. No other system's library has them. */
export const databaseSignatures = {
  /** context, name, primary provider, interfaces, their count, ATR, mask, bytes of both */
  SCardIntroduceCardTypeW: ["handle", "pointer", "pointer", "pointer", "dword", "pointer", "pointer", "dword"],
  SCardForgetCardTypeW: ["handle", "pointer"],
  /** context, card, kind of provider, provider */
  SCardSetCardTypeProviderNameW: ["handle", "pointer", "dword", "pointer"],
  /** context, card, kind of provider, provider, its characters */
  SCardGetCardTypeProviderNameW: ["handle", "pointer", "dword", "pointer", "pointer"],
  /** context, card, interfaces, their count */
  SCardListInterfacesW: ["handle", "pointer", "pointer", "pointer"],
  /** context, ATR, interfaces, their count, cards, characters of those */
  SCardListCardsW: ["handle", "pointer", "pointer", "dword", "pointer", "pointer"],
  /** context, name, device */
  SCardIntroduceReaderW: ["handle", "pointer", "pointer"],
  SCardForgetReaderW: ["handle", "pointer"],
  SCardIntroduceReaderGroupW: ["handle", "pointer"],
  SCardForgetReaderGroupW: ["handle", "pointer"],
  /** context, reader, group */
  SCardAddReaderToGroupW: ["handle", "pointer", "pointer"],
  SCardRemoveReaderFromGroupW: ["handle", "pointer", "pointer"],
  /** context, cards, states, count of the states */
  SCardLocateCardsW: ["handle", "pointer", "pointer", "dword"],
  /** context, masks, their count, states, their count */
  SCardLocateCardsByATRW: ["handle", "pointer", "dword", "pointer", "dword"],
  /** context, reader, type */
  SCardGetDeviceTypeIdW: ["handle", "pointer", "pointer"],
  /** context, reader, instance, its characters */
  SCardGetReaderDeviceInstanceIdW: ["handle", "pointer", "pointer", "pointer"],
  /** context, instance, readers, characters of those */
  SCardListReadersWithDeviceInstanceIdW: ["handle", "pointer", "pointer", "pointer"],
  /** context, reader, icon, its bytes */
  SCardGetReaderIconW: ["handle", "pointer", "pointer", "pointer"],
  /** context, card, freshness, name, data, its bytes */
  SCardReadCacheW: ["handle", "pointer", "dword", "pointer", "pointer", "pointer"],
  SCardWriteCacheW: ["handle", "pointer", "dword", "pointer", "pointer", "dword"],
  /** context, event */
  SCardAudit: ["handle", "dword"],
  /** context, the memory, which is passed as the address that it is */
  SCardFreeMemory: ["handle", "handle"],
} as const satisfies Readonly<Record<string, readonly ParameterKind[]>>;

/** SCARD_AUTOALLOCATE: the library makes room for the value, and gives its address. */
export const AUTOALLOCATE = 0xffff_ffff;

// The first three numbers of a GUID have their least significant byte first.
const guidOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** A GUID in memory. @param text with or without braces */
export function encodeGuid(text: string): Uint8Array {
  const digits = text.replaceAll(/[{}-]/g, "");
  return Uint8Array.from(guidOrder, (at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

/** Its text in braces and upper case. */
export function decodeGuid(memory: Uint8Array): string {
  const hex = guidOrder.map((at) => (memory[at] ?? 0).toString(16).padStart(2, "0").toUpperCase());
  const part = (from: number, to: number): string => hex.slice(from, to).join("");
  return `{${part(0, 4)}-${part(4, 6)}-${part(6, 8)}-${part(8, 10)}-${part(10, 16)}}`;
}

/** SCARD_ATRMASK, whose fields are named as in winscard.h. */
export function atrMaskStruct(abi: Abi): Struct<{
  readonly cbAtr: Field<number>;
  readonly rgbAtr: Field<Uint8Array>;
  readonly rgbMask: Field<Uint8Array>;
}> {
  return struct("SCARD_ATRMASK", { cbAtr: dword(abi), rgbAtr: bytes(abi.atrBytes), rgbMask: bytes(abi.atrBytes) });
}
