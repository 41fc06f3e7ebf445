// SPDX-License-Identifier: MIT

import { checkMembers, checkWhole } from "../../base/binary/index.ts";
import type { CallOutcome, ObservedCardEvent, ObservedOutcome } from "../calls/index.ts";
import { Counter, Gauge, Histogram, type MetricFamily } from "./instruments.ts";

/** What is known at the moment of a scrape, beside what was observed. Members that are left out are not told. */
export interface MetricsNow {
  /** Programs that are connected to the service. */
  readonly clients?: number;
  readonly readers?: number;
  /** Cards that are in a reader. */
  readonly cards?: number;
  /** Calls that wait for their turn at a reader. */
  readonly waiting?: number;
  /** Delay of the event loop since the last scrape, in seconds. */
  readonly eventLoopLag?: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Memory of the process, in bytes. */
  readonly memory?: { readonly resident: number; readonly heap: number; readonly external: number };
  /** For how long the service has run, in seconds. */
  readonly uptime?: number;
  /** Entries of the audit log that were dropped because they came faster than they could be written. */
  readonly auditDropped?: number;
}

/** How {@link Metrics} counts. */
export interface MetricsOptions {
  /** So many readers have series of their own, 1 to 10,000; all further ones share `reader="other"`. @default 1024 */
  readonly readers?: number;
}

const DEFAULT_READERS = 1024;
const MOST_READERS = 10_000;
/** Codes of errors, operations and causes are closed sets that are smaller than this. */
const MOST_WORDS = 128;
/** So many locks are timed at once. */
const MOST_LOCKS = 4096;

/** Upper ends of the buckets, in seconds: a card answers in 1 ms to some seconds, and a key of RSA is made in many. */
const apduBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];
const lockBounds = [0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/** A lock that is held, by the number of its connection. */
interface HeldLock {
  readonly since: number;
  readonly context: number;
  depth: number;
}

/**
 * Counts what an observer tells, and writes it in the text format of Prometheus. Memory is bounded: so many readers have
 * series of their own, and the other labels are words of the port.
 *
 * @example
 * const metrics = new Metrics();
 * observer.listenToOutcomes((event) => metrics.observed(event));
 * response.end(metrics.text({ clients: 3 }));
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4)
 */
export class Metrics {
  readonly #apdu: Histogram;
  readonly #wait = new Histogram({
    name: "scard_queue_wait_seconds",
    help: "How long calls waited for their turn at a reader.",
    bounds: lockBounds,
  });
  readonly #held = new Histogram({
    name: "scard_lock_held_seconds",
    help: "How long transactions were held.",
    bounds: lockBounds,
  });
  readonly #calls = words("scard_calls_total", "Calls of clients that have ended.", "operation");
  readonly #errors = words("scard_errors_total", "Calls that failed, by the code of their error.", "code");
  readonly #resets = words("scard_card_resets_total", "Resets of cards, by their cause.", "cause");
  readonly #insertions: Counter;
  readonly #removals: Counter;
  readonly #locks = new Map<number, HeldLock>();
  readonly #now = {
    clients: new Gauge({ name: "scard_clients", help: "Programs that are connected to the service." }),
    readers: new Gauge({ name: "scard_readers", help: "Readers that are there." }),
    cards: new Gauge({ name: "scard_cards", help: "Cards that are in a reader." }),
    waiting: new Gauge({ name: "scard_calls_waiting", help: "Calls that wait for their turn at a reader." }),
    lag: new Gauge({
      name: "scard_event_loop_lag_seconds",
      help: "Delay of the event loop since the scrape before.",
      label: "quantile",
      limit: 3,
    }),
    memory: new Gauge({
      name: "scard_memory_bytes",
      help: "Memory of the service: resident set, used heap, and memory of buffers.",
      label: "kind",
      limit: 3,
    }),
    uptime: new Gauge({ name: "scard_uptime_seconds", help: "For how long the service has run." }),
    auditDropped: new Gauge({
      name: "scard_audit_dropped_entries",
      help: "Entries of the audit log that were dropped since the start.",
    }),
  };

  /** @throws TypeError, RangeError (an option that is not as described) */
  constructor(options: MetricsOptions = {}) {
    checkMembers(options, ["readers"], "Metrics: options");
    const { readers = DEFAULT_READERS } = options;
    checkWhole(readers, 1, MOST_READERS, "Metrics: options.readers");
    const byReader = { label: "reader", limit: readers };
    this.#apdu = new Histogram({
      name: "scard_apdu_duration_seconds",
      help: "How long commands took at the card, without the wait for their turn.",
      ...byReader,
      bounds: apduBounds,
    });
    this.#insertions = new Counter({
      name: "scard_card_insertions_total",
      help: "Cards that were inserted.",
      ...byReader,
    });
    this.#removals = new Counter({ name: "scard_card_removals_total", help: "Cards that were removed.", ...byReader });
  }

  /** Takes an event of an observer. Never throws. */
  observed(event: ObservedOutcome): void {
    if (event.kind === "call") this.#called(event);
    else this.#changed(event);
  }

  /** All of it in the text format of Prometheus, version 0.0.4. */
  text(now: MetricsNow = {}): string {
    const lines: string[] = [];
    for (const instrument of this.#instruments(now)) instrument.write(lines);
    return lines.join("");
  }

  /** The same as objects. */
  families(now: MetricsNow = {}): readonly MetricFamily[] {
    return this.#instruments(now).map((instrument) => instrument.family());
  }

  #instruments(now: MetricsNow): readonly (Histogram | Counter | Gauge)[] {
    const observed = [this.#apdu, this.#wait, this.#held, this.#calls, this.#errors, this.#resets];
    return [...observed, this.#insertions, this.#removals, ...this.#gauges(now)];
  }

  /** The gauges of what is known. */
  #gauges(now: MetricsNow): readonly Gauge[] {
    const gauges: Gauge[] = [];
    const { lag, memory, ...plain } = this.#now;
    for (const key of ["clients", "readers", "cards", "waiting", "uptime", "auditDropped"] as const) {
      const value = now[key];
      if (value === undefined) continue;
      plain[key].set(value);
      gauges.push(plain[key]);
    }
    if (now.eventLoopLag !== undefined) {
      const { max, p50, p99 } = now.eventLoopLag;
      lag.set(p50, "0.5");
      lag.set(p99, "0.99");
      lag.set(max, "1");
      gauges.push(lag);
    }
    if (now.memory !== undefined) {
      for (const [kind, bytes] of Object.entries(now.memory)) memory.set(bytes, kind);
      gauges.push(memory);
    }
    return gauges;
  }

  #called(call: CallOutcome): void {
    const { exchange, operation, outcome, reader, tookMs, waitedMs } = call;
    this.#calls.add(operation);
    if (outcome !== "success") this.#errors.add(outcome);
    if (waitedMs !== undefined) this.#wait.observe(seconds(waitedMs));
    // What was refused, or found no card, has not been at the card.
    if (exchange?.response !== undefined && reader !== undefined)
      this.#apdu.observe(seconds(tookMs - (waitedMs ?? 0)), reader);
    this.#follow(call);
  }

  /** Times locks, from the call that took one to the call that gave it back. */
  #follow({ connection, context, operation, outcome, time, tookMs }: CallOutcome): void {
    if (operation === "release-context") {
      for (const [number, held] of this.#locks) if (held.context === context) this.#end(number, time);
    }
    if (connection === undefined) return;
    const held = this.#locks.get(connection);
    if (operation === "begin-transaction" && outcome === "success") {
      if (held !== undefined) held.depth++;
      else if (this.#locks.size < MOST_LOCKS) this.#locks.set(connection, { since: time + tookMs, context, depth: 1 });
    } else if (operation === "end-transaction" && held !== undefined) {
      held.depth--;
      if (held.depth <= 0 || outcome !== "success") this.#end(connection, time);
    } else if ((operation === "disconnect" || operation === "reconnect") && outcome === "success") {
      this.#end(connection, time);
    }
  }

  #end(connection: number, time: number): void {
    const held = this.#locks.get(connection);
    if (held === undefined) return;
    this.#locks.delete(connection);
    this.#held.observe(seconds(time - held.since));
  }

  #changed({ cause, change, reader }: ObservedCardEvent): void {
    if (change === "inserted") this.#insertions.add(reader);
    else if (change === "removed") this.#removals.add(reader);
    else if (change === "reset") this.#resets.add(cause ?? "unknown");
    else if (change === "reader-removed") this.#forget(reader);
  }

  /** A reader that has gone makes room for another: its counts begin at 0 when it is back, as after a restart. */
  #forget(reader: string): void {
    for (const instrument of [this.#apdu, this.#insertions, this.#removals]) instrument.forget(reader);
  }
}

function words(name: string, help: string, label: string): Counter {
  return new Counter({ name, help, label, limit: MOST_WORDS });
}

/** A clock that was set back must not make a negative time. */
function seconds(milliseconds: number): number {
  return Math.max(0, milliseconds) / 1000;
}
