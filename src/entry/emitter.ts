// SPDX-License-Identifier: MIT

/** An emitter of events as programs see it: `EventEmitter` of Node, without a need for its types. */
export interface Emitter<Events extends { readonly [E in keyof Events]: readonly unknown[] }> {
  on<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  once<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  off<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  addListener<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  removeListener<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  prependListener<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  prependOnceListener<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): this;
  removeAllListeners(event?: keyof Events & string): this;
  emit<E extends keyof Events & string>(event: E, ...args: Events[E]): boolean;
  listenerCount(event: keyof Events & string): number;
  listeners(event: keyof Events & string): ((...args: never[]) => unknown)[];
  rawListeners(event: keyof Events & string): ((...args: never[]) => unknown)[];
  eventNames(): (string | symbol)[];
  getMaxListeners(): number;
  setMaxListeners(most: number): this;
}

/** `Buffer` where a program has the types of Node, and the Uint8Array that it is elsewhere. */
export type NodeBuffer = typeof globalThis extends {
  Buffer: { isBuffer(value: unknown): value is infer B extends Uint8Array };
}
  ? B
  : Uint8Array;
