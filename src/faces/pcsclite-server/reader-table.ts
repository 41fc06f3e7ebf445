// SPDX-License-Identifier: MIT

import { cardStates, MAX_ATR_BYTES, protocols, type ReaderSnapshot, type ReaderTable } from "../../port/index.ts";
import {
  FIXED_READERS,
  type ReaderStateEntry,
  readerStateStruct,
  unusedReaderState,
} from "../../wire/pcsclite/index.ts";

const unusedEntry = readerStateStruct.encode(unusedReaderState);

const { absent, negotiable, powered, present, swallowed } = cardStates;

/**
 * The readers as clients get them, encoded once for all sessions until something changes.
 *
 * Clients up to 4:5 were compiled for a number of readers, 16 as a rule, and are given so many. Later ones ask for the number of entries first; a
 * client library gives up when that number becomes smaller, so it never does.
 */
export class ServerReaderTable {
  readonly #table: ReaderTable;
  readonly #stopWatching: () => void;
  readonly #listeners = new Set<() => void>();
  #encoded: Uint8Array | undefined;
  #capacity = FIXED_READERS;

  constructor(table: ReaderTable) {
    this.#table = table;
    this.#stopWatching = table.watchReaders(() => {
      this.#encoded = undefined;
      for (const changed of [...this.#listeners]) changed();
    });
  }

  /** Readers that came or went so far. */
  get readerEvents(): number {
    return this.#table.readerEvents;
  }

  get readerCount(): number {
    return this.#table.readers().length;
  }

  /** How many entries the whole table has, empty ones included: 16 or more. */
  get capacity(): number {
    this.#capacity = Math.max(this.#capacity, this.#table.readers().length);
    return this.#capacity;
  }

  /** The table with that many entries. It is not to be changed. */
  encode(entries: number): Uint8Array {
    const { size } = readerStateStruct;
    if (this.#encoded === undefined || this.#encoded.length < entries * size) {
      const encoded = new Uint8Array(Math.max(entries, this.capacity) * size);
      const readers = this.#table.readers();
      for (let index = 0; index < encoded.length / size; index++) {
        const reader = readers[index];
        encoded.set(reader === undefined ? unusedEntry : readerStateStruct.encode(entryOf(reader)), index * size);
      }
      this.#encoded = encoded;
    }
    return this.#encoded.subarray(0, entries * size);
  }

  /** Calls `changed` at every change, until the function that is returned is called. */
  listen(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  close(): void {
    this.#stopWatching();
    this.#listeners.clear();
  }
}

function entryOf(reader: ReaderSnapshot): ReaderStateEntry {
  const { card } = reader;
  const cardAtr = new Uint8Array(MAX_ATR_BYTES);
  if (card !== undefined) cardAtr.set(card.atr);
  return {
    readerName: reader.name,
    eventCounter: reader.eventCount,
    readerState: stateBits(card),
    readerSharing: reader.exclusive ? -1 : reader.connections,
    cardAtr,
    cardAtrLength: card?.atr.length ?? 0,
    cardProtocol: card?.protocol === undefined ? 0 : (protocols[card.protocol].pcsclite ?? 0),
  };
}

/** The combinations that pcscd shows. */
function stateBits(card: ReaderSnapshot["card"]): number {
  if (card === undefined) return absent.pcsclite;
  if (card.mute) return present.pcsclite | swallowed.pcsclite;
  if (!card.powered) return present.pcsclite;
  return present.pcsclite | powered.pcsclite | negotiable.pcsclite;
}
