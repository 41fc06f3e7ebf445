// SPDX-License-Identifier: MIT

import { hexDword } from "../../../base/binary/index.ts";
import { providerKinds } from "../../../database/index.ts";
import {
  type AtrMask,
  type AuditedVerification,
  type ContextCache,
  type ContextDatabase,
  type FoundReader,
  GUID_BYTES,
  MAX_ATR_BYTES,
  type NewCardType,
  normalizeGuid,
  type ProviderKind,
  type SearchedReader,
  SmartCardError,
} from "../../../port/index.ts";
import { decodeMultiString, encodeMultiString, encodeText } from "./abi.ts";
import { decodeGuid, encodeGuid } from "./database-abi.ts";
import type { DatabaseCalls } from "./database-calls.ts";
import { codeOf } from "./failures.ts";

/** What the calls go through. */
export interface SystemDatabaseDeps {
  /** Makes one call after the other. @throws the error that the context has ended with */
  readonly run: <T>(call: (calls: DatabaseCalls, context: bigint) => Promise<T>) => Promise<T>;
  readonly calls: DatabaseCalls;
}

/** Windows' own smart card database, and what else only winscard.dll has. It knows the readers by its own names. */
export class SystemDatabase implements ContextDatabase {
  readonly cache: ContextCache;
  readonly #deps: SystemDatabaseDeps;

  constructor(deps: SystemDatabaseDeps) {
    this.#deps = deps;
    this.cache = { read: (...item) => this.#readCache(...item), write: (...item) => this.#writeCache(...item) };
  }

  async introduceCardType({ interfaces, name, pattern, primaryProvider }: NewCardType): Promise<void> {
    const { atr = new Uint8Array(), mask = new Uint8Array(atr.length).fill(0xff) } = pattern ?? {};
    const guids = guidsOf(interfaces);
    const provider = primaryProvider === undefined ? null : encodeGuid(normalizeGuid(primaryProvider));
    const [atrs, masks] = pattern === undefined ? [null, null] : [copy(atr), copy(mask)];
    const args = [this.#text(name), provider, guids, interfaces.length, atrs, masks, atr.length];
    await this.#call("introduce card type", "SCardIntroduceCardTypeW", args);
  }

  async forgetCardType(name: string): Promise<void> {
    await this.#call("forget card type", "SCardForgetCardTypeW", [this.#text(name)]);
  }

  async setProvider(card: string, kind: ProviderKind, provider: string): Promise<void> {
    const args = [this.#text(card), providerKinds[kind].number, this.#text(provider)];
    await this.#call("set card type provider name", "SCardSetCardTypeProviderNameW", args);
  }

  async provider(card: string, kind: ProviderKind): Promise<string> {
    const args = [this.#text(card), providerKinds[kind].number];
    const operation = "get card type provider name";
    const provider = await this.#textOf(operation, "SCardGetCardTypeProviderNameW", args);
    return kind === "primary" ? normalizeGuid(provider) : provider;
  }

  async interfaces(card: string): Promise<string[]> {
    const guids = await this.#bytesOf("list interfaces", "SCardListInterfacesW", [this.#text(card)], GUID_BYTES);
    return Array.from({ length: guids.length / GUID_BYTES }, (_, at) =>
      decodeGuid(guids.subarray(at * GUID_BYTES, (at + 1) * GUID_BYTES)),
    );
  }

  async cards(atr: Uint8Array | undefined, interfaces: readonly string[] | undefined): Promise<string[]> {
    const guids = interfaces === undefined ? null : guidsOf(interfaces);
    const args = [atr === undefined ? null : this.#paddedAtr(atr), guids, interfaces?.length ?? 0];
    return this.#textsOf("list cards", "SCardListCardsW", args);
  }

  async introduceReader(name: string, device: string): Promise<void> {
    await this.#call("introduce reader", "SCardIntroduceReaderW", [this.#text(name), this.#text(device)]);
  }

  async forgetReader(name: string): Promise<void> {
    await this.#call("forget reader", "SCardForgetReaderW", [this.#text(name)]);
  }

  async introduceReaderGroup(group: string): Promise<void> {
    await this.#call("introduce reader group", "SCardIntroduceReaderGroupW", [this.#text(group)]);
  }

  async forgetReaderGroup(group: string): Promise<void> {
    await this.#call("forget reader group", "SCardForgetReaderGroupW", [this.#text(group)]);
  }

  async addReaderToGroup(reader: string, group: string): Promise<void> {
    await this.#call("add reader to group", "SCardAddReaderToGroupW", [this.#text(reader), this.#text(group)]);
  }

  async removeReaderFromGroup(reader: string, group: string): Promise<void> {
    const args = [this.#text(reader), this.#text(group)];
    await this.#call("remove reader from group", "SCardRemoveReaderFromGroupW", args);
  }

  async locateCards(cards: readonly string[], readers: readonly SearchedReader[]): Promise<FoundReader[]> {
    const names = encodeMultiString(this.#deps.calls.abi, cards);
    return this.#located("SCardLocateCardsW", [names], readers);
  }

  async locateCardsByAtr(masks: readonly AtrMask[], readers: readonly SearchedReader[]): Promise<FoundReader[]> {
    const memory = this.#deps.calls.atrMasks(masks);
    return this.#located("SCardLocateCardsByATRW", [memory, masks.length], readers);
  }

  async deviceType(reader: string): Promise<number> {
    const operation = "get device type";
    const name = this.#text(reader);
    const answer = await this.#deps.run((calls, context) => calls.number("SCardGetDeviceTypeIdW", [context, name]));
    this.#check(answer.rv, operation);
    return answer.value;
  }

  async deviceInstance(reader: string): Promise<string> {
    const operation = "get device instance id";
    return this.#textOf(operation, "SCardGetReaderDeviceInstanceIdW", [this.#text(reader)]);
  }

  async readersOfInstance(instance: string): Promise<string[]> {
    return this.#textsOf("list readers", "SCardListReadersWithDeviceInstanceIdW", [this.#text(instance)]);
  }

  async readerIcon(reader: string): Promise<Uint8Array> {
    return this.#bytesOf("get reader icon", "SCardGetReaderIconW", [this.#text(reader)], 1);
  }

  async audit({ succeeded }: AuditedVerification): Promise<void> {
    await this.#call("audit", "SCardAudit", [succeeded ? 1 : 0]);
  }

  async #readCache(card: string, freshness: number, name: string): Promise<Uint8Array> {
    const item = [encodeGuid(normalizeGuid(card)), freshness, this.#text(name)];
    const answer = await this.#deps.run((calls, context) => calls.sized("SCardReadCacheW", [context, ...item]));
    this.#check(answer.rv, "read cache");
    return answer.value;
  }

  async #writeCache(card: string, freshness: number, name: string, data: Uint8Array): Promise<void> {
    const item = [encodeGuid(normalizeGuid(card)), freshness, this.#text(name), copy(data), data.length];
    await this.#call("write cache", "SCardWriteCacheW", item);
  }

  async #located(
    name: "SCardLocateCardsW" | "SCardLocateCardsByATRW",
    sought: readonly (Uint8Array | number)[],
    readers: readonly SearchedReader[],
  ): Promise<FoundReader[]> {
    const asked = readers.map(({ currentState, reader }) => ({ name: reader, state: currentState }));
    const answer = await this.#deps.run((calls, context) => calls.states(name, [context, ...sought], asked));
    this.#check(answer.rv, "locate");
    return answer.states.map(({ atr, state }) => ({ eventState: state, atr }));
  }

  async #call(operation: string, ...[name, args]: CallOf<"code">): Promise<void> {
    this.#check((await this.#deps.run((calls, context) => calls.code(name, [context, ...args]))).rv, operation);
  }

  async #bytesOf(operation: string, ...[name, args, unit]: [...CallOf<"allocated">, number]): Promise<Uint8Array> {
    const answer = await this.#deps.run((calls, context) => calls.allocated(name, context, args, unit));
    this.#check(answer.rv, operation);
    return answer.value;
  }

  async #textsOf(operation: string, ...[name, args]: CallOf<"allocated">): Promise<string[]> {
    const { abi } = this.#deps.calls;
    return decodeMultiString(abi, await this.#bytesOf(operation, name, args, abi.characterBytes));
  }

  async #textOf(operation: string, ...[name, args]: CallOf<"allocated">): Promise<string> {
    const [text = ""] = await this.#textsOf(operation, name, args);
    return text;
  }

  /** Windows finds the length of an ATR by reading it: behind it there are zeros. */
  #paddedAtr(atr: Uint8Array): Uint8Array {
    if (atr.length < 1 || atr.length > MAX_ATR_BYTES) {
      throw new SmartCardError("invalid-atr", `an ATR has 1 to ${MAX_ATR_BYTES} bytes, not ${atr.length}`);
    }
    const padded = new Uint8Array(this.#deps.calls.abi.atrBytes);
    padded.set(atr);
    return padded;
  }

  #text(text: string): Uint8Array {
    return encodeText(this.#deps.calls.abi, text);
  }

  #check(rv: number, operation: string): void {
    if (rv === 0) return;
    const message = `${operation}: Windows' smart card database answers ${hexDword(rv)}`;
    throw new SmartCardError(codeOf(this.#deps.calls.abi, rv), message, { operation });
  }
}

type CallOf<K extends "code" | "allocated"> = K extends "code"
  ? [Parameters<DatabaseCalls["code"]>[0], readonly (Uint8Array | number | null)[]]
  : [Parameters<DatabaseCalls["allocated"]>[0], readonly (Uint8Array | number | null)[]];

/** GUIDs one behind the other; none is no memory. */
function guidsOf(texts: readonly string[]): Uint8Array | null {
  if (texts.length === 0) return null;
  const memory = new Uint8Array(texts.length * GUID_BYTES);
  for (const [at, text] of texts.entries()) memory.set(encodeGuid(normalizeGuid(text)), at * GUID_BYTES);
  return memory;
}

/** The caller may change its bytes while the call lasts. */
function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
