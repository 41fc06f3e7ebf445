// SPDX-License-Identifier: MIT

import type { Clock } from "../../src/port/index.ts";
import type { FarmAnswer, FarmBus, FarmMessage } from "../../src/wire/farm/index.ts";

/** What a broker may do with a message: each copy that is returned is delivered. */
export type Meddler = (subject: string, data: Uint8Array) => readonly Uint8Array[];

interface Listener {
  readonly pattern: RegExp;
  readonly take: (message: FarmMessage) => void;
}

/** A broker in memory. Messages of one subject arrive in order, each a millisecond later; a test may meddle with them. */
export class MemoryBroker {
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  readonly #cut = new Set<string>();
  #inboxes = 0;
  /** All that was sent: a broker sees it. */
  readonly seen: { readonly subject: string; readonly data: Uint8Array }[] = [];
  meddle: Meddler = (_, data) => [data];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How one program reaches it. @param name for {@link cut} */
  bus(name: string): FarmBus {
    const isCut = (): boolean => this.#cut.has(name);
    const publish = (subject: string, data: Uint8Array, respond: (data: Uint8Array) => void = () => {}): number => {
      if (isCut()) return 0;
      return this.#publish(subject, data, respond);
    };
    const subscribe = async (subject: string, take: (message: FarmMessage) => void): Promise<() => void> => {
      const pattern = new RegExp(`^${subject.split("*").map(escaped).join("[^.]+")}$`);
      const listener = { pattern, take: (message: FarmMessage) => (isCut() ? undefined : take(message)) };
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    };
    return {
      publish: (subject, data) => void publish(subject, data),
      subscribe,
      request: (subject, data, timeoutMs) =>
        new Promise<FarmAnswer>((resolve) => {
          const inbox = `_INBOX.${++this.#inboxes}`;
          const done = (answer: FarmAnswer): void => {
            cancel();
            this.#listeners.delete(listener);
            resolve(answer);
          };
          const cancel = this.#clock.schedule(timeoutMs, "bus: answer", () => done({ kind: "late" }));
          const listener = {
            pattern: new RegExp(`^${escaped(inbox)}$`),
            take: (message: FarmMessage) => done({ kind: "answer", data: message.data }),
          };
          this.#listeners.add(listener);
          const listeners = publish(subject, data, (answer) => void this.#publish(inbox, answer, () => {}));
          if (listeners === 0 && !isCut()) done({ kind: "no-listener" });
        }),
    };
  }

  /** That program's messages are lost, in both directions, until `mend`. */
  cut(name: string): void {
    this.#cut.add(name);
  }

  mend(name: string): void {
    this.#cut.delete(name);
  }

  #publish(subject: string, data: Uint8Array, respond: (data: Uint8Array) => void): number {
    this.seen.push({ subject, data: data.slice() });
    const copies = this.meddle(subject, data.slice());
    const listeners = [...this.#listeners].filter(({ pattern }) => pattern.test(subject));
    for (const copy of copies) {
      this.#clock.schedule(1, "bus: message", () => {
        for (const listener of listeners) {
          if (this.#listeners.has(listener)) listener.take({ subject, data: copy.slice(), respond });
        }
      });
    }
    return listeners.length;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
