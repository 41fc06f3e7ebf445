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

/** @throws SmartCardError, whose number the DLL returns */
export function serveFunction(calls: WinSCard, name: string, parts: Parts): Promise<readonly Out[]> {
  const served = functions[name];
  if (served === undefined) throw new Error(`the server has no ${name}`);
  return served(calls, parts);
}

function statesIn(parts: Parts, count: number): { readonly reader: string; readonly currentState: number }[] {
  return Array.from({ length: count }, () => ({ reader: parts.text(), currentState: parts.number() }));
}

async function none(work: Promise<void>): Promise<readonly Out[]> {
  await work;
  return [];
}
