// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import {
  type Check,
  type ClientIdentity,
  callback,
  checkIdentity,
  clockObject,
  having,
  managerObject,
  optional,
  optionsOf,
  partsOf,
  type ReaderEvent,
  type ResourceManager,
  type Runtime,
  type Trace,
  type TraceEvent,
  truth,
  watchReaders,
  wholeNumber,
} from "../../port/index.ts";
import { DEFAULT_KEPT_EVENTS, EventQueue, type ObservedEvents } from "./event-queue.ts";
import type { CallPolicy, ObservedCardEvent, ObservedListener, OutcomeListener } from "./events.ts";
import { Listeners, type ObservedChannel } from "./listeners.ts";
import { Observation } from "./observation.ts";
import { ObservedContext } from "./observed-context.ts";

/** What an observer works with. */
export interface ObserverOptions {
  readonly runtime: Pick<Runtime, "clock">;
  /** Whether events hold the bytes of commands and responses as they are, with PINs and keys. For the owner of the cards. @default false */
  readonly raw?: boolean;
  /** Events that are kept for those who listen later, 1 to 1,000,000; of more, the oldest are dropped. @default 8192 */
  readonly keptEvents?: number;
  /** Is asked before each command. */
  readonly policy?: CallPolicy;
  /** Gets the events too, while it has subscribers: a channel of `node:diagnostics_channel`. */
  readonly channel?: ObservedChannel;
  /** The ATR of the card in a reader, for the events of cards. */
  readonly atrOf?: (reader: string) => Uint8Array | undefined;
  /** Is told what a listener throws. */
  readonly failed?: (error: unknown) => void;
}

/** How a listener listens. */
export interface ListenOptions {
  /**
   * Whether this listener gets the bytes of commands and responses as they are, with PINs and keys. For the owner of the cards.
   *
   * @default false
   */
  readonly raw?: boolean;
}

/** How a listener listens that is told when the answers are out. */
export interface ListenLaterOptions extends ListenOptions {
  /** Is called for each event that was dropped, before the next one is told. */
  readonly dropped?: () => void;
  /** Is called when no more events wait to be told. */
  readonly done?: () => void;
}

/** How events are read. */
export interface ObservedEventsOptions extends ListenOptions {
  /** Ends the loop when aborted, after the events that are there. */
  readonly signal?: AbortSignal;
  /** Events that are kept for a slow loop, 1 to 1,000,000; of more, the oldest are dropped and counted. @default 10000 */
  readonly limit?: number;
}

const observerOptions = partsOf<ObserverOptions>(
  {
    runtime: partsOf<Pick<Runtime, "clock">>({ clock: clockObject }, "an object with a clock"),
    raw: optional(truth),
    keptEvents: optional(wholeNumber(1, 1_000_000)),
    policy: optional(having<CallPolicy>(["before", "after"], "an object with before and after")),
    channel: optional(having<ObservedChannel>(["publish"], "a channel of node:diagnostics_channel")),
    atrOf: optional(callback<(reader: string) => Uint8Array | undefined>("a function that takes a reader's name")),
    failed: optional(callback<(error: unknown) => void>("a function that takes errors")),
  },
  "an object with runtime",
);
const signalObject = having<AbortSignal>(["addEventListener", "removeEventListener"], "an AbortSignal");
const listenOptions = optionsOf<ListenOptions>({ raw: optional(truth) });
const listenLaterOptions = optionsOf<ListenLaterOptions>({
  raw: optional(truth),
  dropped: optional(callback<() => void>("a function")),
  done: optional(callback<() => void>("a function")),
});
const eventsOptions = optionsOf<ObservedEventsOptions>({
  raw: optional(truth),
  signal: optional(signalObject),
  limit: optional(wholeNumber(1, 1_000_000)),
});
const listenerFunction: Check<ObservedListener> = callback<ObservedListener>("a function that takes events");
const outcomeFunction: Check<OutcomeListener> = callback<OutcomeListener>("a function that takes outcomes");

/** What the kinds of a manager's trace tell of cards. */
const changes: Readonly<Record<string, ObservedCardEvent["change"]>> = {
  "reader-added": "reader-added",
  "reader-lost": "reader-removed",
  "card-inserted": "inserted",
  "card-removed": "removed",
  "card-reset": "reset",
  "card-unpowered": "unpowered",
};

/** What a watch tells of them. */
const watchedChanges: Readonly<Partial<Record<ReaderEvent["kind"], ObservedCardEvent["change"]>>> = {
  "reader-arrived": "reader-added",
  "reader-gone": "reader-removed",
  "card-inserted": "inserted",
  "card-removed": "removed",
};

/**
 * Stands in front of a manager and tells the calls of its clients, and what becomes of cards. Data is shown only where it is known
 * to hold no secret ({@link ExchangeRedactor}).
 *
 * Without a listener and a policy a call goes straight through: the promise of the manager is returned. All managers that one
 * observer observes are clients of the same service, since a card is known by the name of its reader.
 */
export class Observer {
  readonly #observation: Observation;
  readonly #atrOf: ((reader: string) => Uint8Array | undefined) | undefined;

  /** @throws invalid-parameter */
  constructor(options: ObserverOptions) {
    const checked = observerOptions(options, { operation: "Observer", path: "options" });
    const { atrOf, channel, failed = () => {}, keptEvents, policy, raw = false, runtime } = checked;
    const listeners = new Listeners(channel, failed);
    this.#observation = new Observation({ clock: runtime.clock, listeners, raw, policy, keptEvents });
    this.#atrOf = atrOf;
  }

  /** Whether there are listeners. */
  get isActive(): boolean {
    return this.#observation.isActive;
  }

  /**
   * The same manager, whose calls are observed. Its other members are those of `manager`; where it has `end`, as the client of a daemon's
   * manager, that is observed too: contexts that were not released end with it.
   *
   * @param client whose calls they are
   * @throws invalid-parameter
   */
  observe<M extends ResourceManager>(manager: M, client: ClientIdentity): M {
    managerObject(manager, { operation: "observe", path: "manager" });
    checkIdentity(client);
    const observation = this.#observation;
    const contexts = new Set<ObservedContext>();
    const establishContext: ResourceManager["establishContext"] = async (options) => {
      const number = observation.nextContext();
      const facts = { operation: "establish-context", client, context: number } as const;
      const context = observation.isActive
        ? await observation.tell(facts, undefined, () => manager.establishContext(options))
        : await manager.establishContext(options);
      const observed: ObservedContext = new ObservedContext(context, observation, client, number, () => {
        contexts.delete(observed);
      });
      contexts.add(observed);
      return observed;
    };
    const ending: unknown = Reflect.get(manager, "end");
    const end = async (): Promise<void> => {
      const left = [...contexts];
      contexts.clear();
      const ended = Promise.resolve(typeof ending === "function" ? ending.call(manager) : undefined);
      await Promise.all([ended, ...left.map((context) => context.exited(ended))]);
    };
    return inFrontOf(manager, { establishContext, ...(typeof ending === "function" && { end }) });
  }

  /**
   * Tells the listener each event when it happens. It must be quick: calls wait for it. What it throws goes to `failed` of the options.
   *
   * @returns ends it
   * @throws invalid-parameter (no function), no-memory (256 listen already)
   */
  listen(listener: ObservedListener, options: ListenOptions = {}): () => void {
    const { raw = false } = listenOptions(options, { operation: "listen", path: "options" });
    const tell = listenerFunction(listener, { operation: "listen", path: "listener" });
    return this.#observation.listen({ when: "now", tell, raw });
  }

  /**
   * Tells the listener each event when the answers are out, up to 50 ms later: so it costs the calls less than {@link listen}. Commands are
   * kept until then, in 4 MiB at most. Of more the oldest are dropped, and `dropped` is called for each.
   *
   * @param options.done is called when no more events wait to be told
   * @returns ends it: what was not told yet is not told
   * @throws invalid-parameter, no-memory (256 listen already)
   */
  listenLater(listener: ObservedListener, options: ListenLaterOptions = {}): () => void {
    const place = { operation: "listenLater", path: "options" };
    const { done = () => {}, dropped = () => {}, raw = false } = listenLaterOptions(options, place);
    const tell = listenerFunction(listener, { operation: "listenLater", path: "listener" });
    return this.#observation.listen({ when: "later", tell, raw, dropped, done });
  }

  /** Tells those who listen later what waits to be told, at once: as before the end of a program, or of a listener that wants all of it. */
  flush(): void {
    this.#observation.flush();
  }

  /**
   * Tells the listener what comes of each call, when it happens, without what the bytes of commands say: they need not be decoded for those
   * who count.
   *
   * @returns ends it
   * @throws invalid-parameter (no function), no-memory (256 listen already)
   */
  listenToOutcomes(listener: OutcomeListener): () => void {
    const tell = outcomeFunction(listener, { operation: "listenToOutcomes", path: "listener" });
    return this.#observation.listen({ when: "outcomes", tell });
  }

  /**
   * The events from now on, for a `for await` loop. Of more than `limit` events that wait for a slow loop the oldest are dropped.
   *
   * @throws invalid-parameter, no-memory (256 listen already)
   */
  events(options: ObservedEventsOptions = {}): ObservedEvents {
    const {
      limit = DEFAULT_KEPT_EVENTS,
      raw = false,
      signal,
    } = eventsOptions(options, { operation: "events", path: "options" });
    const over = (): void => queue.end();
    const queue: EventQueue = new EventQueue(limit, () => {
      stop();
      signal?.removeEventListener("abort", over);
    });
    const stop = this.listen((event) => queue.add(event), { raw });
    if (signal?.aborted) over();
    else signal?.addEventListener("abort", over, { once: true });
    return {
      get dropped() {
        return queue.dropped;
      },
      [Symbol.asyncIterator]: () => queue,
    };
  }

  /** Takes the trace of an embedded manager, which tells of cards and readers. Other events of it are left out. */
  readonly trace: Trace = (event: TraceEvent) => {
    const { by, cause, kind, reader } = event;
    const change = changes[kind];
    if (change === undefined || reader === undefined) return;
    if (change === "reader-removed") this.#observation.forgetReader(reader);
    else if (change !== "reader-added") this.#observation.forget(reader);
    if (!this.isActive) return;
    const atr = this.#atrOf?.(reader);
    this.#observation.card({ reader, change, atr: atr === undefined ? "" : encodeHex(atr), client: by, cause });
  };

  /**
   * Tells of cards and readers as {@link watchReaders} sees them, for managers that have no trace: until the signal is aborted.
   * It does not see who resets a card.
   *
   * @param manager the manager itself: its calls are not told
   * @throws what the watch fails with: security-violation, no-access, no-memory, invalid-parameter
   */
  async watchCards(manager: ResourceManager, signal: AbortSignal): Promise<void> {
    for await (const event of watchReaders(manager, { signal })) {
      const change = watchedChanges[event.kind];
      if (change === undefined || !("reader" in event) || ("initial" in event && event.initial)) continue;
      const { reader } = event;
      if (change === "reader-removed") this.#observation.forgetReader(reader);
      else this.#observation.forget(reader);
      const atr = "atr" in event ? encodeHex(event.atr) : "";
      this.#observation.card({ reader, change, atr, client: undefined, cause: undefined });
    }
  }
}

/** An object with members of its own, and all others of the one behind it. */
function inFrontOf<M extends object>(behind: M, own: Partial<Record<PropertyKey, unknown>>): M {
  return new Proxy(behind, {
    get: (target, name) => {
      if (Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
