// SPDX-License-Identifier: MIT

import type { OpenCard, OpenCardOptions } from "../faces/modules/index.ts";
import type { AgentCards } from "../faces/ssh-agent/index.ts";
import { type Context, type ReaderStateReport, type ResourceManager, SmartCardError } from "../port/index.ts";
import { openCard } from "./modules.ts";

/** How cards are opened. */
export interface OpenCardsOptions extends Pick<OpenCardOptions, "pin" | "pinCache"> {
  readonly manager: ResourceManager;
  /** Readers to look into. @default all */
  readonly readers?: readonly string[] | undefined;
  /** Told why a card cannot be used: no module takes it, or another program has it for itself. */
  readonly leftOut?: ((reader: string, error: SmartCardError) => void) | undefined;
}

/** A card that was opened, or was found to have no module; the number of the event tells whether it is still the same card. */
interface Entry {
  readonly eventCount: number;
  readonly card: OpenCard | undefined;
}

/** The cards in the readers of a manager, kept open with their cached PINs as long as they are there. */
export class OpenCards implements AgentCards, AsyncDisposable {
  readonly #options: OpenCardsOptions;
  readonly #entries = new Map<string, Entry>();
  #context: Context | undefined;
  /** Looks are one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: OpenCardsOptions) {
    this.#options = options;
  }

  get opened(): readonly OpenCard[] {
    return [...this.#entries.values()].flatMap(({ card }) => (card === undefined ? [] : [card]));
  }

  open(signal: AbortSignal): Promise<readonly OpenCard[]> {
    const look = async (): Promise<readonly OpenCard[]> => {
      await this.#look(signal);
      return this.opened;
    };
    const looked = this.#last.then(look, look);
    this.#last = looked.catch(() => {});
    return looked;
  }

  async drop(card: OpenCard): Promise<void> {
    for (const [reader, entry] of this.#entries) if (entry.card === card) this.#entries.delete(reader);
    await card.close();
  }

  /** Closes all cards: cached PINs are cleared. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    for (const card of this.opened) await this.drop(card);
    await this.#context?.release().catch(() => {});
  }

  async #look(signal: AbortSignal): Promise<void> {
    const reports = await this.#reports(signal);
    for (const [reader, { card, eventCount }] of this.#entries) {
      const report = reports.find((one) => one.reader === reader);
      if (report?.flags.present === true && report.eventCount === eventCount) continue;
      this.#entries.delete(reader);
      await card?.close();
    }
    for (const { eventCount, flags, reader } of reports) {
      if (!flags.present || flags.mute || this.#entries.has(reader)) continue;
      const card = await this.#openIn(reader, signal);
      if (card !== "busy") this.#entries.set(reader, { eventCount, card });
    }
  }

  /** What is in the readers. A context that its service has ended is replaced once. */
  async #reports(signal: AbortSignal): Promise<readonly ReaderStateReport[]> {
    try {
      return await this.#ask(signal);
    } catch (error) {
      if (!(error instanceof SmartCardError) || this.#context === undefined) throw error;
      const old = this.#context;
      this.#context = undefined;
      await old.release().catch(() => {});
      return this.#ask(signal);
    }
  }

  async #ask(signal: AbortSignal): Promise<readonly ReaderStateReport[]> {
    this.#context ??= await this.#options.manager.establishContext();
    const { readers: wanted } = this.#options;
    const readers = wanted ?? (await this.#context.listReaders());
    if (readers.length === 0) return [];
    return this.#context.getStatusChange(
      readers.map((reader) => ({ reader })),
      { signal },
    );
  }

  /** Undefined for a card that no module takes; "busy" where it may be one the next time: another program has it for itself, say. */
  async #openIn(reader: string, signal: AbortSignal): Promise<OpenCard | "busy" | undefined> {
    const { manager, pin, pinCache } = this.#options;
    try {
      return await openCard({ manager, reader }, { signal, pin, pinCache });
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code === "cancelled") throw error;
      this.#options.leftOut?.(reader, error);
      return error.code === "card-unsupported" ? undefined : "busy";
    }
  }
}
