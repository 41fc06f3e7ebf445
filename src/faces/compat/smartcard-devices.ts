// SPDX-License-Identifier: MIT

import { readerStateBits } from "../../port/index.ts";
import type { SmartcardHost } from "./host.ts";
import type { SmartcardCard } from "./smartcard-card.ts";
import { SmartcardContext, type SmartcardReader } from "./smartcard-context.ts";
import { type PCSCError, smartcardError } from "./smartcard-error.ts";
import { type MonitorEvent, SmartcardMonitor } from "./smartcard-monitor.ts";
import { defaults } from "./terms.ts";

/** A reader as events tell it. */
export interface ReaderEventInfo<B extends Uint8Array> {
  readonly name: string;
  readonly state?: number;
  readonly atr?: B | null;
}

/** The events of `Devices`, with the arguments of their listeners. */
export interface DeviceEvents<B extends Uint8Array> {
  "reader-attached": [reader: ReaderEventInfo<B>];
  "reader-detached": [reader: ReaderEventInfo<B>];
  "card-inserted": [event: { readonly reader: ReaderEventInfo<B>; readonly card: SmartcardCard<B> }];
  "card-removed": [event: { readonly reader: ReaderEventInfo<B>; readonly card: SmartcardCard<B> | null }];
  error: [error: PCSCError];
}

/** Emits one event, and never throws. */
export type EmitDeviceEvent<B extends Uint8Array> = <E extends keyof DeviceEvents<B>>(
  event: E,
  ...args: DeviceEvents<B>[E]
) => void;

const present = readerStateBits.present.windows;
/** SCARD_PROTOCOL_T0. */
const T0 = 1;

/**
 * Implements the `Devices` of `smartcard`: it watches the readers, and connects to each inserted card, shared, with T=0 or
 * T=1. Events are processed one after the other, in order.
 */
export class SmartcardDevices<B extends Uint8Array> {
  readonly #host: SmartcardHost<B>;
  readonly #emit: EmitDeviceEvent<B>;
  /** The readers that are there, each with its card once it is connected; undefined between `stop` and `start`. */
  #run: { context: SmartcardContext<B>; monitor: SmartcardMonitor<B>; cards: Map<string, CardSlot<B>> } | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(host: SmartcardHost<B>, emit: EmitDeviceEvent<B>) {
    this.#host = host;
    this.#emit = emit;
  }

  /** Begins to watch; when it does already, nothing happens. Without a service it emits `error`, and waits for one. */
  start(): void {
    if (this.#run !== undefined) return;
    const run = {
      context: new SmartcardContext(this.#host),
      monitor: new SmartcardMonitor(this.#host),
      cards: new Map<string, CardSlot<B>>(),
    };
    this.#run = run;
    run.monitor.start((event) => {
      this.#queue = this.#queue.then(() => (this.#run === run ? this.#handle(event) : undefined));
    });
  }

  /** Ends it: cards are disconnected, and nothing more is emitted. */
  stop(): void {
    const run = this.#run;
    this.#run = undefined;
    run?.monitor.stop();
    for (const { card } of run?.cards.values() ?? []) card?.disconnect();
    run?.context.close();
  }

  /** The readers, as {@link SmartcardContext.listReaders} has them; none between `stop` and `start`. */
  listReaders(): SmartcardReader<B>[] {
    try {
      return this.#run?.context.listReaders() ?? [];
    } catch {
      return [];
    }
  }

  /** The connected cards, by the names of their readers. */
  getCards(): ReadonlyMap<string, SmartcardCard<B>> {
    const cards = new Map<string, SmartcardCard<B>>();
    for (const [reader, { card }] of this.#run?.cards ?? []) if (card !== null) cards.set(reader, card);
    return cards;
  }

  /** The connected card in a reader, or null. */
  getCard(reader: string): SmartcardCard<B> | null {
    return this.#run?.cards.get(reader)?.card ?? null;
  }

  async #handle(event: MonitorEvent<B>): Promise<void> {
    const { reader: name, state, atr } = event;
    switch (event.type) {
      case "reader-attached":
        this.#run?.cards.set(name, { hasCard: false, card: null });
        this.#emit("reader-attached", { name, state, atr });
        if ((state & present) !== 0) await this.#cardInserted({ name, state, atr });
        return;
      case "reader-detached":
        if (this.#run?.cards.get(name)?.hasCard) this.#cardRemoved(name);
        this.#run?.cards.delete(name);
        this.#emit("reader-detached", { name });
        return;
      case "card-inserted":
        return this.#cardInserted({ name, state, atr });
      case "card-removed":
        this.#cardRemoved(name);
        return;
      case "error":
        if (event.error !== undefined) this.#emit("error", event.error);
        return;
    }
  }

  async #cardInserted(reader: ReaderEventInfo<B>): Promise<void> {
    const run = this.#run;
    const slot = run?.cards.get(reader.name);
    if (run === undefined || slot === undefined) return;
    slot.hasCard = true;
    try {
      const card = await this.#connect(run.context, reader.name);
      if (this.#run !== run) card.disconnect();
      else {
        slot.card = card;
        this.#emit("card-inserted", { reader, card });
      }
    } catch (error) {
      if (this.#run === run) this.#emit("error", smartcardError(error));
    }
  }

  /** A card that does not answer when both protocols are offered may answer to T=0 alone. */
  async #connect(context: SmartcardContext<B>, reader: string): Promise<SmartcardCard<B>> {
    try {
      return await context.connect(reader, defaults.shareMode, defaults.protocols);
    } catch (error) {
      if (!/unresponsive/.test(smartcardError(error).message)) throw error;
      return context.connect(reader, defaults.shareMode, T0);
    }
  }

  #cardRemoved(reader: string): void {
    const slot = this.#run?.cards.get(reader);
    if (slot === undefined) return;
    const { card } = slot;
    slot.hasCard = false;
    slot.card = null;
    card?.disconnect();
    this.#emit("card-removed", { reader: { name: reader }, card });
  }
}

/** The state of one reader. */
interface CardSlot<B extends Uint8Array> {
  /** Whether a card is in, connected or not. */
  hasCard: boolean;
  card: SmartcardCard<B> | null;
}
