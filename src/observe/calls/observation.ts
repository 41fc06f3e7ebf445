// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  type ClientIdentity,
  type Clock,
  type ErrorCode,
  readerKey,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import { Backlog, defaultBacklogLimits, type LaterWork } from "./backlog.ts";
import type { CallPolicy, ObservedCall, ObservedCardEvent, ObservedEvent, ObservedOperation } from "./events.ts";
import type { Listener, Listeners } from "./listeners.ts";
import { type EndedCommand, outcomeOfExchange, ReaderSession } from "./reader-session.ts";
import { UnseenCalls } from "./unseen-calls.ts";

/** The most readers whose selections are remembered; of others less is shown. */
const MAX_SESSIONS = 4096;

/** What is known of a call before it is made. */
export interface CallFacts {
  readonly operation: ObservedOperation;
  readonly client: ClientIdentity;
  readonly context: number;
  readonly connection?: number | undefined;
  readonly reader?: string | undefined;
  readonly shareMode?: ObservedCall["shareMode"];
  readonly disposition?: ObservedCall["disposition"];
  readonly code?: number | undefined;
}

/** What is known of a call when it has ended. */
type Ending = Pick<ObservedCall, "outcome"> & Partial<Pick<ObservedCall, "protocol" | "connection" | "pinPad">>;

/** What observed managers, contexts and connections share: the numbers, the clock, who listens. */
export class Observation {
  readonly clock: Clock;
  readonly policy: CallPolicy | undefined;
  readonly #raw: boolean;
  readonly #listeners: Listeners;
  readonly #backlog: Backlog;
  readonly #unseen = new UnseenCalls();
  readonly #sessions = new Map<string, ReaderSession>();
  #events = 0;
  #contexts = 0;
  #connections = 0;

  constructor(deps: {
    readonly clock: Clock;
    readonly listeners: Listeners;
    readonly raw: boolean;
    readonly policy: CallPolicy | undefined;
    readonly keptEvents: number | undefined;
  }) {
    this.clock = deps.clock;
    this.#raw = deps.raw;
    this.policy = deps.policy;
    this.#listeners = deps.listeners;
    const { listeners } = deps;
    const { keptEvents: works = defaultBacklogLimits.works } = deps;
    const limits = { ...defaultBacklogLimits, works };
    this.#backlog = new Backlog(
      deps.clock,
      limits,
      () => listeners.dropped(),
      () => listeners.done(),
    );
  }

  /** Whether calls are told. */
  get isActive(): boolean {
    return this.#listeners.areThere;
  }

  nextContext(): number {
    return ++this.#contexts;
  }

  nextConnection(): number {
    return ++this.#connections;
  }

  /** Adds a listener: it is told of what ends from now on. @returns ends it @throws no-memory */
  listen(listener: Listener): () => void {
    this.#backlog.drain();
    const end = this.#listeners.add(listener);
    return () => {
      end();
      if (!this.#listeners.areThere) this.#backlog.clear();
    };
  }

  /** Tells at once what was to be told later. */
  flush(): void {
    this.#backlog.drain();
  }

  /** A call goes through that nothing is told of: until it has ended, what is selected is not known. */
  passes<T>(promise: Promise<T>): Promise<T> {
    return this.#unseen.passes(promise);
  }

  /** Where a command stands that is about to be made, among those that nothing is told of. */
  get moment(): number {
    return this.#unseen.moment;
  }

  /** Forgets what was selected on the card in a reader, or in all. */
  forget(reader?: string): void {
    this.#inOrder(() => {
      if (reader === undefined) this.#sessions.clear();
      else this.#sessions.get(readerKey(reader))?.forget();
    });
  }

  /** The reader is gone. */
  forgetReader(reader: string): void {
    this.#inOrder(() => this.#sessions.delete(readerKey(reader)));
  }

  /** Makes a call and tells it. */
  async tell<T>(
    facts: CallFacts,
    wait: WaitOptions | undefined,
    run: (wait: WaitOptions | undefined) => Promise<T>,
    more?: (result: T) => Partial<Ending>,
  ): Promise<T> {
    const timing = new CallTiming(this.clock);
    try {
      const result = await run(timing.watch(wait));
      this.told(facts, timing, { outcome: "success", ...more?.(result) });
      return result;
    } catch (error) {
      this.told(facts, timing, { outcome: outcomeOf(error) });
      throw error;
    }
  }

  /** Tells a call that has ended. */
  told(facts: CallFacts, timing: CallTiming, ending: Ending): void {
    if (!this.isActive) return;
    const event = this.#event(facts, timing, ending, undefined);
    this.#listeners.tellOutcome(event);
    this.#tellInOrder(event);
  }

  /**
   * Tells a command that has ended.
   *
   * @param moment the moment before it was sent
   * @returns whether it keeps `command`, and clears it when it has been told
   */
  transmitted(
    facts: CallFacts & { readonly reader: string },
    timing: CallTiming,
    moment: number,
    { outcome, ...ended }: EndedCommand & Pick<Ending, "outcome">,
  ): boolean {
    if (!this.isActive) {
      this.#unseen.missed();
      return false;
    }
    const isKnown = this.#unseen.isKnown(moment);
    if (this.#unseen.hasMissed()) this.forget();
    const event = this.#event(facts, timing, { outcome }, undefined);
    const listeners = this.#listeners;
    if (listeners.wantOutcomes) listeners.tellOutcome({ ...event, exchange: outcomeOfExchange(ended) });
    const { reader } = facts;
    if (listeners.wantNow) {
      this.#backlog.drain();
      this.#exchanged(event, reader, ended, isKnown);
      return false;
    }
    if (!listeners.wantLater) {
      this.#unseen.missed();
      return false;
    }
    // The caller may clear its response as soon as it has it.
    const response = ended.response && copyBytes(ended.response);
    this.#backlog.add(this.#later(event, reader, { ...ended, response }, isKnown));
    return true;
  }

  card(event: Omit<ObservedCardEvent, "kind" | "number" | "time">): void {
    if (!this.isActive) return;
    const told = { kind: "card", number: ++this.#events, time: this.clock.wallTime(), ...event } as const;
    this.#listeners.tellOutcome(told);
    this.#tellInOrder(told);
  }

  /** A command that is told when the answers are out. */
  #later(event: ObservedCall, reader: string, ended: EndedCommand, isKnown: boolean): LaterWork {
    const { command, response } = ended;
    const clear = (): void => {
      zeroBytes(command);
      if (response !== undefined) zeroBytes(response);
    };
    return {
      bytes: command.length + (response?.length ?? 0),
      tells: true,
      run: () => {
        try {
          this.#exchanged(event, reader, ended, isKnown);
        } finally {
          clear();
        }
      },
      drop: () => {
        // It may have selected another file.
        this.#sessions.get(readerKey(reader))?.forget();
        clear();
      },
    };
  }

  /** Redacts and names a command, and tells it. */
  #exchanged(event: ObservedCall, reader: string, ended: EndedCommand, isKnown: boolean): void {
    const session = this.#session(reader);
    if (!isKnown) session.forget();
    const exchange = session.exchange(ended);
    if (!isKnown) session.forget();
    const told = { ...event, exchange };
    if (!this.#raw && !this.#listeners.wantRaw) {
      this.#listeners.tell(told);
      return;
    }
    const { command, response } = ended;
    const raw = { command: copyBytes(command), response: response && copyBytes(response) };
    const withRaw = { ...event, exchange: { ...exchange, raw } };
    this.#listeners.tell(this.#raw ? withRaw : told, withRaw);
  }

  #event(
    facts: CallFacts,
    timing: CallTiming,
    ending: Ending,
    exchange: undefined,
  ): ObservedCall & { exchange: undefined } {
    const { client, context, operation } = facts;
    return {
      kind: "call",
      number: ++this.#events,
      time: timing.time,
      tookMs: this.clock.now() - timing.begun,
      waitedMs: timing.waitedMs,
      client,
      context,
      connection: ending.connection ?? facts.connection,
      reader: facts.reader,
      operation,
      outcome: ending.outcome,
      shareMode: facts.shareMode,
      protocol: ending.protocol,
      disposition: facts.disposition,
      exchange,
      code: facts.code,
      ...(ending.pinPad !== undefined && { pinPad: ending.pinPad }),
    };
  }

  #tellInOrder(event: ObservedEvent): void {
    const listeners = this.#listeners;
    if (listeners.wantNow) {
      this.#backlog.drain();
      listeners.tell(event);
    } else if (listeners.wantLater) {
      this.#backlog.add({ bytes: 0, tells: true, run: () => listeners.tell(event), drop: () => {} });
    }
  }

  /** Does something behind all that waits to be told. */
  #inOrder(run: () => void): void {
    if (this.#backlog.size === 0) run();
    else this.#backlog.add({ bytes: 0, tells: false, run, drop: run });
  }

  /** What is known of the card in a reader. */
  #session(reader: string): ReaderSession {
    const key = readerKey(reader);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const made = new ReaderSession();
    if (this.#sessions.size < MAX_SESSIONS) this.#sessions.set(key, made);
    return made;
  }
}

/** When a call was made, and when its turn came. */
export class CallTiming {
  readonly time: number;
  readonly begun: number;
  readonly #clock: Clock;
  #turn: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.time = clock.wallTime();
    this.begun = clock.now();
  }

  get waitedMs(): number | undefined {
    return this.#turn === undefined ? undefined : this.#turn - this.begun;
  }

  /** The options of a call, with a look at when its turn comes. The manager refuses anything but a plain object. */
  watch<W extends WaitOptions>(options: W | undefined): W | undefined {
    if (options !== undefined && !isPlain(options)) return options;
    const own = options?.onTurn;
    const onTurn = (): void => {
      this.#turn ??= this.#clock.now();
      own?.();
    };
    return { ...options, onTurn } as W;
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

export function outcomeOf(error: unknown): ErrorCode | "failed" {
  return error instanceof SmartCardError ? error.code : "failed";
}
