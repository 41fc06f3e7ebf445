// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import type { ObservedEvent, ObservedListener } from "./events.ts";

/** The most listeners of one observer: each costs every call some time. */
export const MAX_LISTENERS = 256;

/** Where events go that more than one part of a program may want: a channel of `node:diagnostics_channel` has this form. */
export interface ObservedChannel {
  readonly hasSubscribers: boolean;
  publish(event: ObservedEvent): void;
}

interface Listener {
  readonly tell: ObservedListener;
  readonly raw: boolean;
}

/** Those who are told of events. What one of them throws stops neither the others nor the call that is told. */
export class Listeners {
  readonly #channel: ObservedChannel | undefined;
  readonly #failed: (error: unknown) => void;
  /** Made anew with each change, so that an event goes to those who were there when it happened. */
  #listeners: readonly Listener[] = [];

  constructor(channel: ObservedChannel | undefined, failed: (error: unknown) => void) {
    this.#channel = channel;
    this.#failed = failed;
  }

  /** Whether one of them gets the bytes as they are. */
  get wantRaw(): boolean {
    return this.#listeners.some(({ raw }) => raw);
  }

  get areThere(): boolean {
    return this.#listeners.length > 0 || this.#channel?.hasSubscribers === true;
  }

  /** @returns ends it; a second call has no effect @throws no-memory (there are 256 already) */
  add(tell: ObservedListener, raw: boolean): () => void {
    if (this.#listeners.length >= MAX_LISTENERS) {
      const message = `there are ${MAX_LISTENERS} listeners, the limit: end one of them first`;
      throw new SmartCardError("no-memory", message, { operation: "listen" });
    }
    // The same function may listen twice.
    const own: Listener = { tell, raw };
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((one) => one !== own);
    };
  }

  /** @param raw the event with the bytes as they are, for those who get them */
  tell(event: ObservedEvent, raw: ObservedEvent = event): void {
    for (const listener of this.#listeners) this.#safely(listener.tell, listener.raw ? raw : event);
    const channel = this.#channel;
    if (channel?.hasSubscribers) this.#safely((one) => channel.publish(one), event);
  }

  #safely(listener: ObservedListener, event: ObservedEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#failed(error);
    }
  }
}
