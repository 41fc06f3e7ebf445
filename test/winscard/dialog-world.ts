// SPDX-License-Identifier: MIT

import { hexBytes } from "../../src/base/binary/index.ts";
import { Database, MemoryStore } from "../../src/database/index.ts";
import { demoCard, VirtualReader } from "../../src/entry/cards.ts";
import {
  type CardPicker,
  type CardPickerReader,
  type CardPickerRequest,
  SCARD_SCOPE_USER,
  type SCARDCONTEXT,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { ResourceManager } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";

/** A picker that a test plays: what it is shown is kept, and what it answers comes from the test. */
export class PlayedPicker implements CardPicker {
  /** What the dialog showed, step after step. */
  readonly shown: (readonly CardPickerReader[])[] = [];
  request: CardPickerRequest | undefined;
  signal: AbortSignal | undefined;
  /** Settles when there is nothing more to show. */
  streamEnded: Promise<void> = Promise.resolve();
  #answer: ((reader: string | undefined) => void) | undefined;
  #fail: ((error: unknown) => void) | undefined;

  pick(request: CardPickerRequest, signal: AbortSignal): Promise<string | undefined> {
    this.request = request;
    this.signal = signal;
    const follow = async (): Promise<void> => {
      for await (const readers of request.readers) this.shown.push(readers);
    };
    this.streamEnded = follow();
    return new Promise<string | undefined>((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }

  get isOpen(): boolean {
    return this.request !== undefined;
  }

  /** What the dialog shows now: a line for each reader. */
  get lines(): string[] {
    return (this.shown.at(-1) ?? []).map(({ cards, mismatch, reader }) => {
      return `${reader}: ${mismatch ?? "fits"}${cards.length > 0 ? ` (${cards.join(", ")})` : ""}`;
    });
  }

  choose(reader: string | undefined): void {
    this.#answer?.(reader);
  }

  fail(error: unknown): void {
    this.#fail?.(error);
  }
}

/** An embedded manager on simulated time with two readers, a database that knows the demo card, and the dialogs. */
export interface DialogWorld {
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly database: Database;
  readonly desk: VirtualReader;
  readonly door: VirtualReader;
  readonly api: WinSCard;
  readonly context: SCARDCONTEXT;
  readonly picker: PlayedPicker;
  /** Puts a demo card in. */
  insert(reader: VirtualReader): Promise<void>;
}

/** Makes a world. The readers are called Desk and Door, and are empty. */
export async function dialogWorld(): Promise<DialogWorld> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const manager = new EmbeddedManager({ runtime });
  const desk = new VirtualReader({ name: "Desk", id: "desk", clock: runtime.clock });
  const door = new VirtualReader({ name: "Door", id: "door", clock: runtime.clock });
  await manager.addReader(desk);
  await manager.addReader(door);
  const database = new Database(new MemoryStore());
  database.cardTypes.introduce({ name: "Demo", atrs: [{ atr: demoAtr }], interfaces: [DEMO_INTERFACE] });
  database.cardTypes.introduce({ name: "Purse", atrs: [{ atr: Uint8Array.of(0x3b, 0x00) }] });
  const picker = new PlayedPicker();
  const defaultManager = (): ResourceManager => manager.client({ name: "dialog" });
  const api = new WinSCard({ defaultManager, database: () => database, picker });
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
  const insert = async (reader: VirtualReader): Promise<void> => {
    reader.insert(demoCard(runtime.random));
    await runtime.settle();
  };
  return { runtime, manager, database, desk, door, api, context, picker, insert };
}

/** The demo card's ATR. */
export const demoAtr: Uint8Array = hexBytes("3B8D8011FE8031F873F721606573636172646C");

/** An interface that the demo card's type is introduced with. */
export const DEMO_INTERFACE = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
