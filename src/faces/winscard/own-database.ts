// SPDX-License-Identifier: MIT

import { type CardTypes, checkCardType, matchesAtr, type ReaderNames, sameName } from "../../database/index.ts";
import {
  type AtrMask,
  type AuditedVerification,
  type Context,
  type ContextCache,
  type ContextDatabase,
  type FoundReader,
  type NewCardType,
  type ProviderKind,
  type ReaderDevice,
  type ReaderType,
  type SearchedReader,
  SmartCardError,
} from "../../port/index.ts";
import {
  SCARD_READER_TYPE_EMBEDDEDSE,
  SCARD_READER_TYPE_NFC,
  SCARD_READER_TYPE_SERIAL,
  SCARD_READER_TYPE_USB,
  SCARD_READER_TYPE_VENDOR,
  SCARD_STATE_ATRMATCH,
  SCARD_STATE_PRESENT,
} from "./constants.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import { readerIcon } from "./reader-icons.ts";
import { describeAll, ReaderNaming } from "./reader-naming.ts";

const typeIds: Readonly<Record<ReaderType, number>> = {
  serial: SCARD_READER_TYPE_SERIAL,
  usb: SCARD_READER_TYPE_USB,
  nfc: SCARD_READER_TYPE_NFC,
  "embedded-se": SCARD_READER_TYPE_EMBEDDEDSE,
  vendor: SCARD_READER_TYPE_VENDOR,
};

/** Looks at readers once. */
export type Look = (context: SCARDCONTEXT, readers: readonly SearchedReader[]) => Promise<FoundReader[]>;

/** The names of readers in a database, and the attached readers. */
interface NamedReaders {
  readonly readers: ReaderNames;
  readonly opened: Context;
  readonly attached: readonly string[];
}

/** The database of this package, and what it makes of the manager's readers, in one context. */
export class OwnDatabase implements ContextDatabase {
  readonly #foundation: Foundation;
  readonly #context: SCARDCONTEXT | null;
  readonly #look: Look;
  readonly #naming: ReaderNaming;

  /** @param context null for the user's database, which includes the system's entries */
  constructor(foundation: Foundation, context: SCARDCONTEXT | null, look: Look) {
    this.#foundation = foundation;
    this.#context = context;
    this.#look = look;
    this.#naming = new ReaderNaming(foundation);
  }

  async introduceCardType({ interfaces, name, pattern, primaryProvider }: NewCardType): Promise<void> {
    const cardTypes = await this.#cardTypes();
    cardTypes.introduce({ name, primaryProvider, interfaces, atrs: pattern === undefined ? [] : [pattern] });
  }

  async forgetCardType(name: string): Promise<void> {
    (await this.#cardTypes()).forget(name);
  }

  async setProvider(card: string, kind: ProviderKind, provider: string): Promise<void> {
    (await this.#cardTypes()).setProvider(card, kind, provider);
  }

  async provider(card: string, kind: ProviderKind): Promise<string> {
    return (await this.#cardTypes()).provider(card, kind);
  }

  async interfaces(card: string): Promise<string[]> {
    return [...(await this.#cardTypes()).get(card).interfaces];
  }

  async cards(atr: Uint8Array | undefined, interfaces: readonly string[] | undefined): Promise<string[]> {
    return (await this.#cardTypes()).find({ atr, interfaces }).map(({ name }) => name);
  }

  async introduceReader(name: string, device: string): Promise<void> {
    const { attached, opened, readers } = await this.#named();
    readers.introduce(name, await this.#naming.ofSystemName(opened, attached, device), attached);
  }

  async forgetReader(name: string): Promise<void> {
    const { attached, opened, readers } = await this.#named();
    const known = readers.list(attached).some((reader) => sameName(reader.name, name));
    readers.forget(known ? name : await this.#naming.ofSystemName(opened, attached, name), attached);
  }

  async introduceReaderGroup(group: string): Promise<void> {
    (await this.#foundation.databaseOf(this.#context)).readers.introduceGroup(group);
  }

  async forgetReaderGroup(group: string): Promise<void> {
    (await this.#named()).readers.forgetGroup(group);
  }

  async addReaderToGroup(reader: string, group: string): Promise<void> {
    const { attached, readers } = await this.#named();
    readers.addToGroup(reader, group, attached);
  }

  async removeReaderFromGroup(reader: string, group: string): Promise<void> {
    const { attached, readers } = await this.#named();
    readers.removeFromGroup(reader, group, attached);
  }

  async locateCards(cards: readonly string[], readers: readonly SearchedReader[]): Promise<FoundReader[]> {
    const cardTypes = await this.#cardTypes();
    const masks = cards.flatMap((name) => cardTypes.get(name).atrs);
    return this.locateCardsByAtr(masks, readers);
  }

  async locateCardsByAtr(masks: readonly AtrMask[], readers: readonly SearchedReader[]): Promise<FoundReader[]> {
    const { atrs } = checkCardType({ name: "ATR", atrs: masks });
    const states = await this.#look(this.#required, readers);
    return states.map((state) => {
      const isPresent = (state.eventState & SCARD_STATE_PRESENT) !== 0;
      const isFound = isPresent && atrs.some((pattern) => matchesAtr(pattern, state.atr));
      return isFound ? { ...state, eventState: (state.eventState | SCARD_STATE_ATRMATCH) >>> 0 } : state;
    });
  }

  async deviceType(readerName: string): Promise<number> {
    const { channelId, reader, type } = await this.#describe(readerName);
    if (type !== undefined) return typeIds[type];
    // The kind of channel, in the high word, has the numbers of the reader types, but for vendors', 0xF0 to 0xFF.
    const kind = (channelId ?? 0) >>> 16;
    if (kind === 0) {
      const message = `how "${reader}" is attached is not known`;
      throw new SmartCardError("not-supported", message, { reader, operation: "get device type" });
    }
    return (kind & 0xf0) === SCARD_READER_TYPE_VENDOR ? SCARD_READER_TYPE_VENDOR : kind;
  }

  async deviceInstance(reader: string): Promise<string> {
    return (await this.#describe(reader)).instanceId;
  }

  async readersOfInstance(instance: string): Promise<string[]> {
    const opened = this.#opened;
    const devices = await describeAll(opened, await opened.listReaders());
    const readers: string[] = [];
    for (const { instanceId, reader } of devices) {
      if (instanceId === instance) readers.push(...(await this.#naming.namesOf(opened, reader)));
    }
    if (readers.length > 0) return readers;
    throw new SmartCardError("no-readers-available", `no reader has the device instance id ${instance}`, {
      operation: "list readers",
    });
  }

  async readerIcon(reader: string): Promise<Uint8Array> {
    return readerIcon((await this.#describe(reader)).type);
  }

  get cache(): ContextCache {
    return this.#foundation.cacheOf(this.#required);
  }

  async audit({ card, reader, succeeded }: AuditedVerification): Promise<void> {
    const database = await this.#foundation.databaseOf(this.#context);
    database.audit.append({
      time: this.#foundation.clock("audit").wallTime(),
      event: succeeded ? "chv-success" : "chv-failure",
      reader,
      card,
      who: this.#foundation.program,
    });
  }

  /** Null becomes 0, which is never a valid handle. */
  get #required(): SCARDCONTEXT {
    return this.#context === null ? (0 as SCARDCONTEXT) : this.#context;
  }

  get #opened(): Context {
    return this.#foundation.handles.context(this.#required);
  }

  async #cardTypes(): Promise<CardTypes> {
    return (await this.#foundation.databaseOf(this.#context)).cardTypes;
  }

  async #named(): Promise<NamedReaders> {
    const opened = this.#opened;
    const { readers } = await this.#foundation.database(opened.scope);
    return { readers, opened, attached: await opened.listReaders() };
  }

  async #describe(readerName: string): Promise<ReaderDevice> {
    const opened = this.#opened;
    return await opened.describeReader(await this.#naming.resolve(opened, readerName));
  }
}
