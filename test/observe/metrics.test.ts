// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Metrics } from "../../src/observe/metrics/index.ts";
import { observedCall, observedChange, observedExchange } from "./events.ts";
import { parseExposition } from "./exposition.ts";

const READ = observedExchange({ name: "READ BINARY" });
const T0 = 1_700_000_000_000;

const everything = {
  clients: 3,
  readers: 2,
  cards: 1,
  waiting: 0,
  eventLoopLag: { p50: 0.001, p99: 0.01, max: 0.02 },
  memory: { resident: 1e8, heap: 2e7, external: 1e6 },
  uptime: 12.5,
  auditDropped: 0,
};

function sample(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const samples = parseExposition(text).flatMap((family) => family.samples);
  return samples.find(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )?.value;
}

function transmit(metrics: Metrics, reader: string, tookMs = 2, waitedMs?: number): void {
  metrics.observed(observedCall({ operation: "transmit", reader, connection: 1, tookMs, waitedMs, exchange: READ }));
}

describe("the text of metrics", () => {
  it("follows the grammar of the text format, with every family", () => {
    const metrics = new Metrics();
    transmit(metrics, "Desk", 3, 1);
    metrics.observed(observedCall({ operation: "connect", outcome: "sharing-violation", reader: "Desk" }));
    metrics.observed(observedChange({ change: "reset", reader: "Desk", cause: "exit" }));
    const families = parseExposition(metrics.text(everything));
    expect(families.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "scard_apdu_duration_seconds",
        "scard_queue_wait_seconds",
        "scard_lock_held_seconds",
        "scard_calls_total",
        "scard_errors_total",
        "scard_card_resets_total",
        "scard_card_insertions_total",
        "scard_card_removals_total",
        "scard_clients",
        "scard_readers",
        "scard_cards",
        "scard_calls_waiting",
        "scard_uptime_seconds",
        "scard_audit_dropped_entries",
        "scard_event_loop_lag_seconds",
        "scard_memory_bytes",
      ]
    `);
    expect(families.every(({ help }) => help.length > 10)).toBe(true);
  });

  it("escapes what readers are called", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: "binary", minLength: 1 }), { minLength: 1, maxLength: 20 }),
        (names) => {
          const metrics = new Metrics({ readers: 100 });
          for (const name of names) transmit(metrics, name);
          const [family] = parseExposition(metrics.text());
          const read = family?.samples.filter(({ name }) => name.endsWith("_count")).map(({ labels }) => labels.reader);
          expect(read).toEqual([...new Set(names.map((name) => name.replace(/\p{Surrogate}/gu, "\u{FFFD}")))]);
        },
      ),
    );
    const metrics = new Metrics();
    transmit(metrics, 'a"b\\c\nd');
    expect(metrics.text()).toContain('reader="a\\"b\\\\c\\nd"');
  });

  it("says the same as the objects", () => {
    const metrics = new Metrics();
    transmit(metrics, "Desk");
    transmit(metrics, "Hall");
    metrics.observed(observedChange({ change: "inserted", reader: "Hall" }));
    const families = metrics
      .families(everything)
      .map(({ help, name, samples, type }) => ({ name, help, type, samples }));
    expect(parseExposition(metrics.text(everything))).toEqual(families);
  });
});

describe("what is counted", () => {
  it("is the time at the card, without the wait for the turn", () => {
    const metrics = new Metrics();
    transmit(metrics, "Desk", 120, 100);
    const text = metrics.text();
    expect(sample(text, "scard_apdu_duration_seconds_sum", { reader: "Desk" })).toBeCloseTo(0.02);
    expect(sample(text, "scard_apdu_duration_seconds_bucket", { reader: "Desk", le: "0.01" })).toBe(0);
    expect(sample(text, "scard_apdu_duration_seconds_bucket", { reader: "Desk", le: "0.025" })).toBe(1);
    expect(sample(text, "scard_queue_wait_seconds_sum")).toBeCloseTo(0.1);
  });

  it("is no APDU where the command did not reach the card", () => {
    const metrics = new Metrics();
    const exchange = observedExchange({ name: "VERIFY", response: undefined, statusWord: undefined });
    metrics.observed(observedCall({ operation: "transmit", reader: "Desk", outcome: "security-violation", exchange }));
    expect(sample(metrics.text(), "scard_apdu_duration_seconds_count", { reader: "Desk" })).toBeUndefined();
    expect(sample(metrics.text(), "scard_errors_total", { code: "security-violation" })).toBe(1);
  });

  it("is how long a lock was held, nested or ended by a disconnect or the end of the context", () => {
    const metrics = new Metrics();
    const at = (ms: number, operation: "begin-transaction" | "end-transaction" | "disconnect", connection = 1): void =>
      metrics.observed(observedCall({ operation, connection, context: 7, reader: "Desk", time: T0 + ms, tookMs: 0 }));
    at(0, "begin-transaction");
    at(10, "begin-transaction");
    at(20, "end-transaction");
    expect(sample(metrics.text(), "scard_lock_held_seconds_count")).toBe(0);
    at(500, "end-transaction");
    expect(sample(metrics.text(), "scard_lock_held_seconds_sum")).toBeCloseTo(0.5);
    at(1000, "begin-transaction");
    at(3000, "disconnect");
    at(4000, "begin-transaction", 2);
    metrics.observed(observedCall({ operation: "release-context", context: 7, time: T0 + 5000 }));
    expect(sample(metrics.text(), "scard_lock_held_seconds_count")).toBe(3);
    expect(sample(metrics.text(), "scard_lock_held_seconds_sum")).toBeCloseTo(3.5);
  });

  it("bounds the readers: the rest is 'other', and one that has gone makes room", () => {
    const metrics = new Metrics({ readers: 2 });
    for (const name of ["A", "B", "C", "D"]) transmit(metrics, name);
    const count = (reader: string) => sample(metrics.text(), "scard_apdu_duration_seconds_count", { reader });
    expect([count("A"), count("B"), count("C"), count("other")]).toEqual([1, 1, undefined, 2]);
    metrics.observed(observedChange({ change: "reader-removed", reader: "A" }));
    transmit(metrics, "E");
    expect([count("A"), count("E")]).toEqual([undefined, 1]);
  });

  it("refuses options that it does not have", () => {
    expect(() => new Metrics({ readers: 0 })).toThrow(RangeError);
    expect(() => new Metrics({ reader: 1 } as never)).toThrow(TypeError);
  });
});

describe("the dashboard for Grafana", () => {
  const dashboard = readFileSync(new URL("../../docs/grafana/scard.json", import.meta.url), "utf8");
  const metrics = new Metrics();
  const families = metrics.families(everything);
  const known = new Set(
    families.flatMap(({ name, type }) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  const used = [...new Set(dashboard.match(/\bscard_[a-z_]+/g))];

  it("asks for metrics that there are", () => {
    expect(used.length).toBeGreaterThan(8);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  it("shows every family", () => {
    const bases = families.map(({ name }) => name).filter((name) => !used.some((one) => one.startsWith(name)));
    expect(bases).toEqual([]);
  });

  it("has panels that do not overlap, each with a title", () => {
    const { panels } = JSON.parse(dashboard) as {
      panels: { title: string; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    const cells = panels.flatMap(({ gridPos: { h, w, x, y }, title }) => {
      expect(title).not.toBe("");
      return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });
});
