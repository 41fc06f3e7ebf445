// SPDX-License-Identifier: MIT

import {
  type ClientIdentity,
  type Clock,
  type ErrorCode,
  readerKey,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import type { CallPolicy, ObservedCall, ObservedCardEvent, ObservedExchange, ObservedOperation } from "./events.ts";
import type { Listeners } from "./listeners.ts";
import { ReaderSession } from "./reader-session.ts";

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
type Ending = Pick<ObservedCall, "outcome"> &
  Partial<Pick<ObservedCall, "exchange" | "protocol" | "connection" | "pinPad">> & {
    readonly raw?: ObservedExchange["raw"];
  };

/** What observed managers, contexts and connections share: the numbers, the clock, who listens. */
export class Observation {
  readonly clock: Clock;
  readonly policy: CallPolicy | undefined;
  readonly #raw: boolean;
  readonly #listeners: Listeners;
  readonly #sessions = new Map<string, ReaderSession>();
  #hasMissed = false;
  #events = 0;
  #contexts = 0;
  #connections = 0;

  constructor(deps: {
    readonly clock: Clock;
    readonly listeners: Listeners;
    readonly raw: boolean;
    readonly policy: CallPolicy | undefined;
  }) {
    this.clock = deps.clock;
    this.#raw = deps.raw;
    this.policy = deps.policy;
    this.#listeners = deps.listeners;
  }

  /** Whether calls are told. */
  get isActive(): boolean {
    return this.#listeners.areThere;
  }

  /** Whether the bytes of commands and responses go with events. */
  get wantsRaw(): boolean {
    return this.#raw || this.#listeners.wantRaw;
  }

  nextContext(): number {
    return ++this.#contexts;
  }

  nextConnection(): number {
    return ++this.#connections;
  }

  /** A command is sent that nothing is told of: what is selected afterwards is not known. */
  missed(): void {
    this.#hasMissed = true;
  }

  /** What is known of the card in a reader. */
  session(reader: string): ReaderSession {
    if (this.#hasMissed) this.forget();
    this.#hasMissed = false;
    const key = readerKey(reader);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const made = new ReaderSession();
    if (this.#sessions.size < MAX_SESSIONS) this.#sessions.set(key, made);
    return made;
  }

  /** Forgets what was selected on the card in a reader, or in all. */
  forget(reader?: string): void {
    if (reader === undefined) this.#sessions.clear();
    else this.#sessions.get(readerKey(reader))?.forget();
  }

  /** The reader is gone. */
  forgetReader(reader: string): void {
    this.#sessions.delete(readerKey(reader));
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
    const { client, context, operation } = facts;
    const event: ObservedCall = {
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
      exchange: ending.exchange,
      code: facts.code,
      ...(ending.pinPad !== undefined && { pinPad: ending.pinPad }),
    };
    const { raw } = ending;
    const { exchange } = event;
    if (raw === undefined || exchange === undefined) this.#listeners.tell(event);
    else {
      const withRaw = { ...event, exchange: { ...exchange, raw } };
      this.#listeners.tell(this.#raw ? withRaw : event, withRaw);
    }
  }

  card(event: Omit<ObservedCardEvent, "kind" | "number" | "time">): void {
    if (!this.isActive) return;
    this.#listeners.tell({ kind: "card", number: ++this.#events, time: this.clock.wallTime(), ...event });
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
