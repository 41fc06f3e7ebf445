// SPDX-License-Identifier: MIT

import { VirtualReader } from "../src/entry/cards.ts";
import type { Reader, Runtime } from "../src/port/index.ts";
import { type BytePipeEvents, encodeFrame, FrameDecoder, VpcdReader } from "../src/readers/vpcd/index.ts";
import type { Dice } from "./dice.ts";
import { Pipe } from "./pipe.ts";
import type { PipePlan, ReaderPlan } from "./plan.ts";
import type { SimulatedCard } from "./simulated-card.ts";
import type { Glitch } from "./usb-place.ts";

/** What a place needs from the world. */
export interface PlaceDeps {
  readonly runtime: Runtime;
  readonly dice: Dice;
  readonly pipe: PipePlan;
  readonly number: number;
  readonly plan: ReaderPlan;
  /** Told of what must not happen between a driver and its reader. */
  readonly violated: (what: string) => void;
}

/** A reader, and the actions on it and its card. */
export interface Place {
  readonly reader: Reader;
  /** The card that is in. */
  readonly card: SimulatedCard | undefined;
  insert(card: SimulatedCard): void;
  remove(): void;
  mute(on: boolean): void;
  slow(delayMs: number): void;
  hang(on: boolean): void;
  /** The card sends unrequested bytes, where it can. */
  babble(): void;
  /** Another program connects as a card, though one is in, where the reader takes connections. */
  intrude(): void;
  /** Whether the driver must have noticed by now that the card came or went; where it is left out, it notices at once. */
  readonly noticesByNow?: boolean;
  /** Whether the driver has a device open, where it has one at all. */
  readonly isOpen?: boolean;
  /** Something goes wrong once on the way to a USB reader or its card; elsewhere nothing. */
  glitch?(glitch: Glitch): void;
  unplug(): void;
}

/** Makes the reader that a plan asks for. */
export function makePlace(deps: PlaceDeps, rename: boolean): Place {
  return deps.plan.kind === "vpcd" ? new VpcdPlace(deps) : new VirtualPlace(deps, rename);
}

class VirtualPlace implements Place {
  readonly reader: VirtualReader;
  #card: SimulatedCard | undefined;

  constructor({ number, plan, runtime }: PlaceDeps, rename: boolean) {
    const { clock } = runtime;
    // All readers say the same name, so that the manager has to make it unique; the id stays, or is another.
    const name = rename ? "Renamed" : "Reader";
    const id = rename ? `virtual:${number}:other` : `virtual:${number}`;
    this.reader = new VirtualReader({ name, id, canEject: plan.canEject, clock });
  }

  get card(): SimulatedCard | undefined {
    return this.reader.card === undefined ? undefined : this.#card;
  }

  insert(card: SimulatedCard): void {
    this.#card = card;
    this.reader.insert(card);
  }

  remove(): void {
    this.reader.remove();
  }

  mute(on: boolean): void {
    this.reader.mute(on);
  }

  slow(delayMs: number): void {
    this.reader.slow(delayMs);
  }

  hang(on: boolean): void {
    this.reader.hang(on);
  }

  babble(): void {}

  intrude(): void {}

  unplug(): void {
    this.reader.unplug();
  }
}

/** The card's end of a vpcd connection. */
class VpcdPeer {
  readonly card: SimulatedCard;
  readonly #decoder = new FrameDecoder();
  readonly #send: (frame: Uint8Array) => void;

  constructor(card: SimulatedCard, send: (frame: Uint8Array) => void) {
    this.card = card;
    this.#send = send;
  }

  received(bytes: Uint8Array): void {
    for (const frame of this.#decoder.decode(bytes)) {
      const answer = frame.length === 1 ? this.#control(frame[0]) : this.card.process(frame);
      if (answer !== undefined) this.#send(encodeFrame(answer));
    }
  }

  #control(code: number | undefined): Uint8Array | undefined {
    if (code === 0) this.card.powerOff();
    if (code !== 4) return undefined;
    return this.card.kind === "silent" ? new Uint8Array() : this.card.reset();
  }
}

class VpcdPlace implements Place {
  readonly reader: VpcdReader;
  readonly #deps: PlaceDeps;
  #peer:
    | { readonly peer: VpcdPeer; readonly events: BytePipeEvents; readonly pipes: readonly [Pipe, Pipe] }
    | undefined;
  #delayMs = 0;
  #silent = false;
  readonly #held: (() => void)[] = [];

  constructor(deps: PlaceDeps) {
    this.#deps = deps;
    const { clock, trace } = deps.runtime;
    const limits = { atrWaitMs: 1000, apduWaitMs: 4000 };
    this.reader = new VpcdReader({ host: "sim", port: 1 + deps.number, clock, trace, limits });
  }

  get card(): SimulatedCard | undefined {
    return this.#peer?.peer.card;
  }

  insert(card: SimulatedCard): void {
    this.remove();
    const { dice, pipe, runtime } = this.#deps;
    const { clock } = runtime;
    const toReader = new Pipe(clock, dice, pipe, (bytes) => events?.received(bytes));
    const peer = new VpcdPeer(card, (frame) => this.#answer(() => toReader.write(frame)));
    const toCard = new Pipe(clock, dice, pipe, (bytes) => peer.received(bytes));
    const events = this.reader.attach({ write: (bytes) => toCard.write(bytes), close: () => this.#closed(peer) });
    if (events !== undefined) this.#peer = { peer, events, pipes: [toReader, toCard] };
  }

  remove(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    this.#closed(peer.peer);
    peer.events.closed("the card went");
  }

  mute(on: boolean): void {
    this.hang(on);
  }

  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  hang(on: boolean): void {
    this.#silent = on;
    if (!on) for (const send of this.#held.splice(0)) send();
  }

  babble(): void {
    this.#peer?.pipes[0].write(Uint8Array.of(0x00, 0x02, 0x6f, 0x00));
  }

  intrude(): void {
    if (this.#peer !== undefined) this.reader.attach({ write: () => {}, close: () => {} });
  }

  unplug(): void {
    this.reader.lose("the cable was pulled");
  }

  #answer(send: () => void): void {
    if (this.#silent) this.#held.push(send);
    else if (this.#delayMs === 0) send();
    else this.#deps.runtime.clock.schedule(this.#delayMs, "slow vpcd card", send);
  }

  #closed(peer: VpcdPeer): void {
    if (this.#peer?.peer === peer) {
      for (const pipe of this.#peer.pipes) pipe.cut();
      this.#peer = undefined;
    }
    peer.card.powerOff();
  }
}
