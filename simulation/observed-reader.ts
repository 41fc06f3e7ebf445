// SPDX-License-Identifier: MIT

import {
  type PowerAction,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  SmartCardError,
} from "../src/port/index.ts";
import type { DriverFailure } from "./events.ts";
import type { Oracle } from "./oracle.ts";
import { numberIn, type WatchedReader } from "./watched-reader.ts";

/** The driver's reports on the slot and the card in it. */
export type ReportedCardState = "absent" | "arrived" | "mute" | "unpowered" | "powered" | "negotiated" | "gone";

/**
 * A reader as the manager sees it: it records every state transition of a card, and every outcome of an operation. It passes
 * on the same promises, so that observing does not change the order of events. It can also fail once without a cause.
 */
export class ObservedReader implements Reader {
  readonly description: ReaderDescription;
  readonly eject?: (signal: AbortSignal) => Promise<void>;
  readonly #inner: WatchedReader;
  readonly #oracle: Oracle;
  #card: ReportedCardState = "absent";
  #protocol: Protocol | undefined;
  /** Counts cards that came and went, so that what an operation says of one is not taken for the next. */
  #cards = 0;
  #nextFailure: DriverFailure | undefined;

  constructor(inner: WatchedReader, oracle: Oracle) {
    this.#inner = inner;
    this.#oracle = oracle;
    this.description = inner.description;
    if (inner.eject !== undefined)
      this.eject = (signal) => this.#observe("eject", signal, () => inner.eject?.(signal) ?? Promise.resolve());
  }

  get card(): ReportedCardState {
    return this.#card;
  }

  /** What the card was last told to speak, and agreed to, since its last reset. */
  get protocol(): Protocol | undefined {
    return this.#protocol;
  }

  /** The next operation fails with this, without a cause; undefined: it does not. */
  failNext(how: DriverFailure | undefined): void {
    this.#nextFailure = how;
  }

  open(events: ReaderEvents): Promise<void> {
    return this.#inner.open({
      inserted: () => {
        this.#cards++;
        this.#becomes("arrived");
        events.inserted();
      },
      removed: () => {
        this.#cards++;
        this.#becomes("absent");
        events.removed();
      },
      lost: (reason) => {
        this.#cards++;
        this.#becomes("gone");
        events.lost(reason);
      },
    });
  }

  power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    const promise = this.#observe(action, signal, () => this.#inner.power(action, signal));
    const card = this.#cards;
    promise.then(
      (atr) => {
        if (card !== this.#cards) return;
        if (action === "power-down") this.#becomes("unpowered");
        // What a driver answers after it was told to stop comes too late: the card counts as mute until its next reset.
        else this.#becomes(!signal.aborted && atr.length >= 2 && atr.length <= 33 ? "powered" : "mute");
      },
      () => {
        if (card === this.#cards) this.#becomes(action === "power-down" ? "unpowered" : "mute");
      },
    );
    return promise;
  }

  setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void> {
    const promise = this.#observe("set-protocol", signal, () => this.#inner.setProtocol(protocol, signal));
    const card = this.#cards;
    promise.then(
      () => {
        if (card !== this.#cards) return;
        this.#becomes("negotiated");
        this.#protocol = protocol;
      },
      () => {},
    );
    return promise;
  }

  transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    return this.#observe("transmit", signal, () => this.#inner.transmit(command, protocol, signal));
  }

  control(code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#observe("control", signal, () => this.#inner.control(code, input, signal));
  }

  getAttribute(attribute: number): Uint8Array | undefined {
    return this.#inner.getAttribute(attribute);
  }

  setAttribute(attribute: number, value: Uint8Array): boolean {
    this.#oracle.reachesDriver(this.#inner.slot, numberIn(value), "set-attribute");
    return this.#inner.setAttribute(attribute, value);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #reached(what: string): void {
    this.#oracle.deps.reached(what);
  }

  #becomes(next: ReportedCardState): void {
    this.#reached(`card ${this.#card} -> ${next}`);
    this.#card = next;
    this.#protocol = undefined;
  }

  /** A power-down always works: its failure could not be observed. */
  #isOdd(operation: string): boolean {
    return this.#nextFailure !== undefined && operation !== "power-down";
  }

  /** Fails; a reset still resets the card, so that clients get the reset they are due. */
  async #oddly<T>(operation: string, run: () => Promise<T>): Promise<T> {
    const isAboutCard = operation === "transmit" || operation === "set-protocol";
    const odd = isAboutCard ? (this.#nextFailure ?? "comm-error") : "comm-error";
    this.#nextFailure = undefined;
    this.#reached(`driver ${operation} is odd`);
    if (operation.endsWith("reset")) await run();
    throw new SmartCardError(odd, "the driver is odd");
  }

  #observe<T>(operation: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const promise = this.#isOdd(operation) ? this.#oddly(operation, run) : run();
    promise.then(
      () => this.#reached(`driver ${operation} ${signal.aborted ? "ends after its abort" : "done"}`),
      () => this.#reached(`driver ${operation} ${signal.aborted ? `aborted: ${whyAborted(signal)}` : "failed"}`),
    );
    return promise;
  }
}

/** Why the manager abandoned an operation: by the code of the error for its caller. */
function whyAborted({ reason }: AbortSignal): string {
  const reasons: Readonly<Record<string, string>> = {
    "waited-too-long": "its ceiling",
    cancelled: "its program is gone",
    "removed-card": "the card is gone",
    "reader-unavailable": "the reader is gone",
  };
  return (reason instanceof SmartCardError ? reasons[reason.code] : undefined) ?? String(reason);
}
