// SPDX-License-Identifier: MIT

// Each function of winscard.dll, from the parts that the DLL sends to those that it gives its caller.

import type { ReaderStateAnswer, SCARDCONTEXT, SCARDHANDLE, WinSCard } from "../../src/faces/winscard/index.ts";
import { encodeReaderState, type ReaderStateReport } from "../../src/port/index.ts";

/** What the DLL sends, part by part. */
export interface Parts {
  number(): number;
  bytes(): Uint8Array;
  /** UTF-16 without its NUL, or names of functions. */
  text(encoding?: "utf16le" | "latin1"): string;
}

/** A part of an answer: a number, or bytes. */
export type Out = number | Uint8Array;

type Served = (calls: WinSCard, parts: Parts) => Promise<readonly Out[]>;

const context = (parts: Parts): SCARDCONTEXT => parts.number() as SCARDCONTEXT;
const card = (parts: Parts): SCARDHANDLE => parts.number() as SCARDHANDLE;
/** 0 where the caller has none. */
const anyContext = (parts: Parts): SCARDCONTEXT | null => context(parts) || null;

/** UTF-16 with its NUL. */
function wide(text: string): Uint8Array {
  return Buffer.from(`${text}\0`, "utf16le");
}

function multiString(strings: readonly string[]): Uint8Array {
  return wide(strings.map((text) => `${text}\0`).join(""));
}

function stringsIn(text: string): string[] {
  return text.split("\0").filter((one) => one !== "");
}

function statesOut(states: readonly Pick<ReaderStateAnswer, "eventState" | "atr">[]): Out[] {
  return states.flatMap(({ atr, eventState }) => [eventState, atr]);
}

/** The states at the end of a wait that timed out. */
export function reportsOut(reports: readonly ReaderStateReport[]): Out[] {
  return reports.flatMap(({ atr, eventCount, flags }) => [encodeReaderState(flags, eventCount), atr]);
}

const functions: Readonly<Record<string, Served>> = {
  SCardEstablishContext: async (calls, parts) => [(await calls.SCardEstablishContext(parts.number())).context],
  SCardReleaseContext: async (calls, parts) => none(calls.SCardReleaseContext(context(parts))),
  SCardIsValidContext: async (calls, parts) => none(calls.SCardIsValidContext(context(parts))),
  SCardCancel: async (calls, parts) => none(calls.SCardCancel(context(parts))),
  SCardListReadersW: async (calls, parts) => {
    const [handle, groups] = [anyContext(parts), stringsIn(parts.text())];
    return [multiString((await calls.SCardListReaders(handle, groups)).readers)];
  },
  SCardListReaderGroupsW: async (calls, parts) => {
    return [multiString((await calls.SCardListReaderGroups(anyContext(parts))).groups)];
  },
  SCardGetStatusChangeW: async (calls, parts) => {
    const [handle, timeout, count] = [context(parts), parts.number(), parts.number()];
    return statesOut((await calls.SCardGetStatusChange(handle, timeout, statesIn(parts, count))).readerStates);
  },
  SCardConnectW: async (calls, parts) => {
    const [handle, reader, mode, protocols] = [context(parts), parts.text(), parts.number(), parts.number()];
    const connected = await calls.SCardConnect(handle, reader, mode, protocols);
    return [connected.card, connected.activeProtocol];
  },
  SCardReconnect: async (calls, parts) => {
    const [handle, mode, protocols, initialization] = [card(parts), parts.number(), parts.number(), parts.number()];
    return [(await calls.SCardReconnect(handle, mode, protocols, initialization)).activeProtocol];
  },
  SCardDisconnect: async (calls, parts) => none(calls.SCardDisconnect(card(parts), parts.number())),
  SCardBeginTransaction: async (calls, parts) => none(calls.SCardBeginTransaction(card(parts))),
  SCardEndTransaction: async (calls, parts) => none(calls.SCardEndTransaction(card(parts), parts.number())),
  SCardStatusW: async (calls, parts) => {
    const { atr, protocol, readerNames, state } = await calls.SCardStatus(card(parts));
    return [state, protocol, multiString(readerNames), atr];
  },
  SCardTransmit: async (calls, parts) => {
    const [handle, protocol, command] = [card(parts), parts.number(), parts.bytes()];
    return [(await calls.SCardTransmit(handle, { protocol, pciLength: 8 }, command)).response];
  },
  SCardControl: async (calls, parts) => {
    const [handle, code, input] = [card(parts), parts.number(), parts.bytes()];
    return [(await calls.SCardControl(handle, code, input)).output];
  },
  SCardGetAttrib: async (calls, parts) => [(await calls.SCardGetAttrib(card(parts), parts.number())).attribute],
  SCardSetAttrib: async (calls, parts) => {
    const [handle, attribute, value] = [card(parts), parts.number(), parts.bytes()];
    return none(calls.SCardSetAttrib(handle, attribute, value));
  },
  SCardGetTransmitCount: async (calls, parts) => [(await calls.SCardGetTransmitCount(card(parts))).transmitCount],
};

/** The functions on card types, and on names and groups of readers. */
const databaseFunctions: Readonly<Record<string, Served>> = {
  SCardIntroduceCardTypeW: async (calls, parts) => {
    const [handle, name, provider, interfaces] = [context(parts), parts.text(), guids(parts)[0], guids(parts)];
    const [atr, mask] = [parts.bytes(), parts.bytes()];
    const pattern = [atr.length > 0 ? atr : null, mask.length > 0 ? mask : null] as const;
    return none(calls.SCardIntroduceCardType(handle, name, provider ?? null, interfaces, ...pattern));
  },
  SCardForgetCardTypeW: async (calls, parts) => none(calls.SCardForgetCardType(context(parts), parts.text())),
  SCardSetCardTypeProviderNameW: async (calls, parts) => {
    const [handle, card, kind, provider] = [anyContext(parts), parts.text(), parts.number(), parts.text()];
    return none(calls.SCardSetCardTypeProviderName(handle, card, kind, provider));
  },
  SCardGetCardTypeProviderNameW: async (calls, parts) => {
    const [handle, card, kind] = [anyContext(parts), parts.text(), parts.number()];
    return [wide((await calls.SCardGetCardTypeProviderName(handle, card, kind)).provider)];
  },
  SCardListInterfacesW: async (calls, parts) => {
    const { interfaces } = await calls.SCardListInterfaces(anyContext(parts), parts.text());
    return [Buffer.concat(interfaces.map(guidBytes))];
  },
  SCardListCardsW: async (calls, parts) => {
    const [handle, atr, interfaces] = [anyContext(parts), parts.bytes(), guids(parts)];
    const asked = [atr.length > 0 ? atr : null, interfaces.length > 0 ? interfaces : null] as const;
    return [multiString((await calls.SCardListCards(handle, ...asked)).cards)];
  },
  SCardIntroduceReaderW: async (calls, parts) => {
    return none(calls.SCardIntroduceReader(context(parts), parts.text(), parts.text()));
  },
  SCardForgetReaderW: async (calls, parts) => none(calls.SCardForgetReader(context(parts), parts.text())),
  SCardIntroduceReaderGroupW: async (calls, parts) => {
    return none(calls.SCardIntroduceReaderGroup(anyContext(parts), parts.text()));
  },
  SCardForgetReaderGroupW: async (calls, parts) => none(calls.SCardForgetReaderGroup(context(parts), parts.text())),
  SCardAddReaderToGroupW: async (calls, parts) => {
    return none(calls.SCardAddReaderToGroup(context(parts), parts.text(), parts.text()));
  },
  SCardRemoveReaderFromGroupW: async (calls, parts) => {
    return none(calls.SCardRemoveReaderFromGroup(context(parts), parts.text(), parts.text()));
  },
};

/** The functions that look for cards, and those on readers as devices, on the cache and on the log. */
const deviceFunctions: Readonly<Record<string, Served>> = {
  SCardLocateCardsW: async (calls, parts) => {
    const [handle, cards, count] = [context(parts), stringsIn(parts.text()), parts.number()];
    return statesOut((await calls.SCardLocateCards(handle, cards, statesIn(parts, count))).readerStates);
  },
  SCardLocateCardsByATRW: async (calls, parts) => {
    const handle = context(parts);
    const masks = Array.from({ length: parts.number() }, () => ({ atr: parts.bytes(), mask: parts.bytes() }));
    const asked = statesIn(parts, parts.number());
    return statesOut((await calls.SCardLocateCardsByATR(handle, masks, asked)).readerStates);
  },
  SCardGetDeviceTypeIdW: async (calls, parts) => {
    return [(await calls.SCardGetDeviceTypeId(context(parts), parts.text())).deviceTypeId];
  },
  SCardGetReaderDeviceInstanceIdW: async (calls, parts) => {
    return [wide((await calls.SCardGetReaderDeviceInstanceId(context(parts), parts.text())).deviceInstanceId)];
  },
  SCardListReadersWithDeviceInstanceIdW: async (calls, parts) => {
    return [multiString((await calls.SCardListReadersWithDeviceInstanceId(context(parts), parts.text())).readers)];
  },
  SCardGetReaderIconW: async (calls, parts) => [(await calls.SCardGetReaderIcon(context(parts), parts.text())).icon],
  SCardReadCacheW: async (calls, parts) => {
    const [handle, card, freshness, name] = [context(parts), parts.bytes(), parts.number(), parts.text()];
    return [(await calls.SCardReadCache(handle, card, freshness, name)).data];
  },
  SCardWriteCacheW: async (calls, parts) => {
    const [handle, card, freshness, name] = [context(parts), parts.bytes(), parts.number(), parts.text()];
    return none(calls.SCardWriteCache(handle, card, freshness, name, parts.bytes()));
  },
  SCardAudit: async (calls, parts) => none(calls.SCardAudit(context(parts), parts.number())),
};

/** @throws SmartCardError, whose number the DLL returns */
export function serveFunction(calls: WinSCard, name: string, parts: Parts): Promise<readonly Out[]> {
  const served = { ...functions, ...databaseFunctions, ...deviceFunctions }[name];
  if (served === undefined) throw new Error(`the server has no ${name}`);
  return served(calls, parts);
}

function statesIn(parts: Parts, count: number): { readonly reader: string; readonly currentState: number }[] {
  return Array.from({ length: count }, () => ({ reader: parts.text(), currentState: parts.number() }));
}

// The first three numbers of a GUID have their least significant byte first in memory.
const guidParts = [
  [3, 2, 1, 0],
  [5, 4],
  [7, 6],
  [8, 9],
  [10, 11, 12, 13, 14, 15],
];

function guids(parts: Parts): string[] {
  const memory = Buffer.from(parts.bytes());
  return Array.from({ length: memory.length / 16 }, (_, index) => {
    const guid = memory.subarray(16 * index, 16 * index + 16);
    return guidParts.map((part) => Buffer.from(part.map((at) => guid.readUInt8(at))).toString("hex")).join("-");
  });
}

function guidBytes(text: string): Uint8Array {
  const memory = Buffer.from(text.replaceAll(/[{}-]/g, ""), "hex");
  return Uint8Array.from(guidParts.flat(), (at) => memory.readUInt8(at));
}

async function none(work: Promise<void>): Promise<readonly Out[]> {
  await work;
  return [];
}
