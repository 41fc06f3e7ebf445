// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import type { ObservedEvent, ObservedListener, ObservedOutcome, OutcomeListener } from "./events.ts";

/** The most listeners of one observer: each costs every call some time. */
export const MAX_LISTENERS = 256;

/** Where events go that more than one part of a program may want: a channel of `node:diagnostics_channel` has this form. */
export interface ObservedChannel {
  readonly hasSubscribers: boolean;
  publish(event: ObservedEvent): void;
}

/**
 * Who listens: `now` is told when a call has ended, before its client has the answer; `later` when the answers are out;
 * `outcomes` at once, of what came of calls, and not what their bytes say.
 */
export type Listener =
  | { readonly when: "now"; readonly tell: ObservedListener; readonly raw: boolean }
  | {
      readonly when: "later";
      readonly tell: ObservedListener;
      readonly raw: boolean;
      readonly dropped: () => void;
      readonly done: () => void;
    }
  | { readonly when: "outcomes"; readonly tell: OutcomeListener };

/** Those who are told of events. What one of them throws stops neither the others nor the call that is told. */
export class Listeners {
  readonly #channel: ObservedChannel | undefined;
  readonly failed: (error: unknown) => void;
  /** Made anew with each change, so that an event goes to those who were there when it happened. */
  #listeners: readonly Listener[] = [];
  #wantRaw = false;
  #wantNow = false;
  #wantLater = false;
  #wantOutcomes = false;

  constructor(channel: ObservedChannel | undefined, failed: (error: unknown) => void) {
    this.#channel = channel;
    this.failed = failed;
  }

  /** Whether one of them gets the bytes as they are. */
  get wantRaw(): boolean {
    return this.#wantRaw;
  }

  /** Whether one of them is to be told before the client has its answer. */
  get wantNow(): boolean {
    return this.#wantNow || this.#channel?.hasSubscribers === true;
  }

  get wantLater(): boolean {
    return this.#wantLater;
  }

  get wantOutcomes(): boolean {
    return this.#wantOutcomes;
  }

  get areThere(): boolean {
    return this.#listeners.length > 0 || this.#channel?.hasSubscribers === true;
  }

  /** @returns ends it; a second call has no effect @throws no-memory (there are 256 already) */
  add(listener: Listener): () => void {
    if (this.#listeners.length >= MAX_LISTENERS) {
      const message = `there are ${MAX_LISTENERS} listeners, the limit: end one of them first`;
      throw new SmartCardError("no-memory", message, { operation: "listen" });
    }
    // The same function may listen twice.
    const own = { ...listener };
    this.#become([...this.#listeners, own]);
    return () => this.#become(this.#listeners.filter((one) => one !== own));
  }

  /** @param raw the event with the bytes as they are, for those who get them */
  tell(event: ObservedEvent, raw: ObservedEvent = event): void {
    for (const listener of this.#listeners) {
      if (listener.when !== "outcomes") this.#safely(() => listener.tell(listener.raw ? raw : event));
    }
    const channel = this.#channel;
    if (channel?.hasSubscribers) this.#safely(() => channel.publish(event));
  }

  tellOutcome(event: ObservedOutcome): void {
    for (const listener of this.#listeners) {
      if (listener.when === "outcomes") this.#safely(() => listener.tell(event));
    }
  }

  /** An event was dropped before it was told. */
  dropped(): void {
    for (const listener of this.#listeners) if (listener.when === "later") this.#safely(listener.dropped);
  }

  /** No more events for the moment. */
  done(): void {
    for (const listener of this.#listeners) if (listener.when === "later") this.#safely(listener.done);
  }

  #become(listeners: readonly Listener[]): void {
    this.#listeners = listeners;
    this.#wantRaw = listeners.some((one) => one.when !== "outcomes" && one.raw);
    this.#wantNow = listeners.some(({ when }) => when === "now");
    this.#wantLater = listeners.some(({ when }) => when === "later");
    this.#wantOutcomes = listeners.some(({ when }) => when === "outcomes");
  }

  #safely(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.failed(error);
    }
  }
}
