// SPDX-License-Identifier: MIT

import { type Members, optional, optionsOf } from "./check.ts";
import type { ErrorCode } from "./codes.ts";
import { SmartCardError } from "./error.ts";
import { GrowingPause } from "./growing-pause.ts";
import { pause } from "./pause.ts";
import { KnownReaders, type ReaderEvent } from "./reader-events.ts";
import type { Context, ReaderStateQuery, ReaderStateReport, ResourceManager } from "./resource-manager.ts";
import type { CancelTimer, Clock } from "./runtime.ts";
import { abortSignal, having } from "./value-checks.ts";
import { PNP_NOTIFICATION } from "./vocabulary.ts";

/** Limits of a watch. */
export const watchLimits = {
  /** The pause before a missing service is tried again: the first one, and the longest one. */
  firstTryMs: 50,
  lastTryMs: 5_000,
  /** The most events queued for a slow consumer; then the manager is not queried until it has taken some. */
  maxEvents: 256,
  /** Interval of the timer that keeps a watching program alive; it does nothing else. */
  keepAliveMs: 3_600_000,
} as const;

/** How to watch. */
export interface WatchReadersOptions {
  /** Ends every iteration. */
  readonly signal?: AbortSignal | undefined;
  /** The clock for the waits for a missing service. @default the manager's own */
  readonly clock?: Clock | undefined;
}

/**
 * A watch on the readers of a manager. The first `for await` over it is this watch; each further one is a separate watch, with
 * the state first.
 */
export interface ReaderWatch extends AsyncIterableIterator<ReaderEvent> {
  /** This watch, the first time; then a separate one. */
  [Symbol.asyncIterator](): ReaderWatch;
  /** Ends the watch, and a `next` that waits. */
  return(): Promise<IteratorResult<ReaderEvent, undefined>>;
}

const members: Members<WatchReadersOptions> = {
  signal: optional(abortSignal),
  clock: optional(having<Clock>(["now", "schedule"], "a clock")),
};
const watchOptions = optionsOf(members);

/**
 * Reports the readers and cards of a manager: the state first (`reader-arrived` for each reader, `card-inserted` with the
 * ATR for each card that is in, then `state-complete`), then every change.
 *
 * ```ts
 * for await (const event of watchReaders(manager, { signal })) {
 *   if (event.kind === "card-inserted") console.log(event.reader, event.atr);
 * }
 * ```
 *
 * When the service stops, its cards and readers are reported as removed (`card-removed`, `reader-gone`), then `service-lost`
 * gives the reason, once. The watch retries after 50 ms, then less and less often, up to every 5 s. Then come `service-back`
 * and the state again. So arrivals and removals always balance: each card is removed before the next is inserted.
 *
 * A slow loop misses no card that stays: up to 256 events are queued for it, and later changes are reported as the difference.
 * A card that was swapped meanwhile is a removal and an insertion; one that was inserted and removed is not reported.
 *
 * The iteration ends when the signal is aborted, the loop is left, or the manager is closed; it keeps the program alive
 * until then.
 *
 * @throws invalid-parameter; in the iteration errors that waiting cannot cure: security-violation, no-access, no-memory
 */
export function watchReaders(manager: ResourceManager, options: WatchReadersOptions = {}): ReaderWatch {
  const operation = "watch readers";
  const checked = having<ResourceManager>(["establishContext"], "a manager")(manager, { operation, path: "manager" });
  const { clock = checked.clock, signal } = watchOptions(options, { operation, path: "options" });
  if (clock === undefined) {
    const message = "watch readers: the manager names no clock; pass one: { clock: nodeRuntime().clock }";
    throw new SmartCardError("invalid-parameter", message, { operation });
  }
  return new Watch(checked, clock, signal);
}

interface Consumer {
  readonly resolve: (result: IteratorResult<ReaderEvent, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const end: IteratorResult<ReaderEvent, undefined> = { done: true, value: undefined };

class Watch implements ReaderWatch {
  readonly #manager: ResourceManager;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #queue: ReaderEvent[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #stop = new AbortController();
  #isIterated = false;
  #running: Promise<void> | undefined;
  /** The end of the iteration once the queue is empty; undefined while it continues. */
  #outcome: { readonly error?: unknown } | undefined;
  /** Resumes the query that waits for room in the queue. */
  #roomMade: (() => void) | undefined;
  #cancelKeepAlive: CancelTimer = () => {};

  constructor(manager: ResourceManager, clock: Clock, signal: AbortSignal | undefined) {
    this.#manager = manager;
    this.#clock = clock;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): ReaderWatch {
    if (this.#isIterated) return new Watch(this.#manager, this.#clock, this.#signal);
    this.#isIterated = true;
    return this;
  }

  next(): Promise<IteratorResult<ReaderEvent, undefined>> {
    this.#start();
    const event = this.#queue.shift();
    if (event !== undefined) {
      this.#roomMade?.();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#outcome === undefined) {
      return new Promise((resolve, reject) => this.#consumers.push({ resolve, reject }));
    }
    const { error } = this.#outcome;
    this.#outcome = {};
    return error === undefined ? Promise.resolve(end) : Promise.reject(error);
  }

  async return(): Promise<IteratorResult<ReaderEvent, undefined>> {
    this.#abandon();
    await this.#running;
    return end;
  }

  #start(): void {
    if (this.#running !== undefined || this.#outcome !== undefined) return;
    if (this.#signal?.aborted) {
      this.#outcome = {};
      return;
    }
    this.#signal?.addEventListener("abort", this.#abandon);
    this.#keepAlive();
    this.#running = this.#run().then(
      () => this.#finish({}),
      (error: unknown) => this.#finish({ error }),
    );
  }

  /** Queued events are dropped. */
  readonly #abandon = (): void => {
    this.#queue.length = 0;
    this.#finish({});
  };

  #finish(outcome: { readonly error?: unknown }): void {
    this.#signal?.removeEventListener("abort", this.#abandon);
    this.#cancelKeepAlive();
    this.#cancelKeepAlive = () => {};
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#stop.abort();
    this.#roomMade?.();
    for (const { reject, resolve } of this.#consumers.splice(0)) {
      if (this.#outcome.error === undefined) resolve(end);
      else {
        reject(this.#outcome.error);
        this.#outcome = {};
      }
    }
  }

  /** With an embedded manager a wait alone does not keep the program alive. */
  #keepAlive(): void {
    this.#cancelKeepAlive = this.#clock.schedule(watchLimits.keepAliveMs, "watch readers", () => this.#keepAlive());
  }

  #tell(event: ReaderEvent): void {
    if (this.#isOver) return;
    const consumer = this.#consumers.shift();
    if (consumer === undefined) this.#queue.push(event);
    else consumer.resolve({ done: false, value: event });
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    let isLost = false;
    const pauses = new GrowingPause(watchLimits.firstTryMs, watchLimits.lastTryMs);
    while (!this.#isOver && !this.#manager.isClosed) {
      const known = new KnownReaders();
      try {
        const context = await this.#open();
        if (context === undefined) return;
        try {
          if (isLost) this.#tell({ kind: "service-back" });
          isLost = false;
          await this.#watch(context, known, () => pauses.restart());
        } finally {
          // A context ends with its service.
          await context.release().catch(() => {});
        }
      } catch (error) {
        if (this.#isOver || this.#manager.isClosed) return;
        if (!(error instanceof SmartCardError) || !passing.has(error.code)) throw error;
        for (const event of known.keepOnly([])) this.#tell(event);
        if (!isLost) this.#tell({ kind: "service-lost", error });
        isLost = true;
      }
      // Pause before retrying a service that stops at once.
      await this.#pause(pauses.next());
    }
  }

  /** Opens a context; undefined where the watch ends first. A context that opens later is released. */
  #open(): Promise<Context | undefined> {
    return new Promise((resolve, reject) => {
      const given = (): void => resolve(undefined);
      this.#stop.signal.addEventListener("abort", given, { once: true });
      this.#manager
        .establishContext()
        .then((context) => {
          if (!this.#isOver) resolve(context);
          else context.release().catch(() => {});
        }, reject)
        .finally(() => this.#stop.signal.removeEventListener("abort", given));
    });
  }

  async #watch(context: Context, known: KnownReaders, served: () => void): Promise<never> {
    // A change after this count ends the next wait at once, so the readers are listed after it.
    let pnp = await lookAtPnp(context);
    let isComplete = false;
    for (;;) {
      const names = await context.listReaders();
      for (const event of known.keepOnly(names)) this.#tell(event);
      // Without a reader there is nothing to wait for before the state is known.
      if (names.length > 0 || isComplete) {
        const queries = [pnp, ...names.map((reader) => known.get(reader) ?? { reader })];
        const reports = await this.#reports(context, queries);
        if (reports === undefined) continue;
        for (const report of reports) {
          if (report.reader === PNP_NOTIFICATION) pnp = { reader: PNP_NOTIFICATION, eventCount: report.eventCount };
          else for (const event of known.take(report, !isComplete)) this.#tell(event);
        }
      }
      served();
      if (!isComplete) this.#tell({ kind: "state-complete" });
      isComplete = true;
      await this.#room();
    }
  }

  /** The next reports; undefined where a reader was removed since they were listed. */
  async #reports(
    context: Context,
    queries: readonly ReaderStateQuery[],
  ): Promise<readonly ReaderStateReport[] | undefined> {
    try {
      return await context.getStatusChange(queries.map(queryOf), { signal: this.#stop.signal });
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "unknown-reader") throw error;
      // The next list will not have it. Pause for a manager that lists readers it does not know.
      await this.#pause(watchLimits.firstTryMs);
      return undefined;
    }
  }

  /** Waits until the consumer has room: meanwhile the manager counts events. */
  async #room(): Promise<void> {
    while (this.#queue.length >= watchLimits.maxEvents && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
    }
    this.#roomMade = undefined;
  }

  async #pause(delayMs: number): Promise<void> {
    await pause(this.#clock, delayMs, "watch readers: next try", { signal: this.#stop.signal });
  }
}

/** Failures that may pass by themselves. */
const passing: ReadonlySet<ErrorCode> = new Set([
  "no-service",
  "service-stopped",
  "server-too-busy",
  "comm-error",
  "invalid-context",
  "shutdown",
  "system-cancelled",
]);

function queryOf({ reader, flags, eventCount }: ReaderStateQuery): ReaderStateQuery {
  return { reader, ...(flags !== undefined && { flags }), ...(eventCount !== undefined && { eventCount }) };
}

async function lookAtPnp(context: Context): Promise<ReaderStateQuery> {
  try {
    const [report] = await context.getStatusChange([{ reader: PNP_NOTIFICATION }], { timeoutMs: 0 });
    return { reader: PNP_NOTIFICATION, eventCount: report?.eventCount ?? 0 };
  } catch (error) {
    if (!(error instanceof SmartCardError) || error.code !== "timeout") throw error;
    return { reader: PNP_NOTIFICATION, eventCount: error.details.readerStates?.[0]?.eventCount ?? 0 };
  }
}
