// SPDX-License-Identifier: MIT

import { cpus } from "node:os";
import { type Crowd, type Kind, kinds, type Tally } from "./crowd.ts";
import { callsOf, type DaemonRecord, type Director, type Faults } from "./director.ts";
import type { Trends } from "./ending.ts";
import type { MemorySample, Trend } from "./memory.ts";

/** What is told in the end. */
export interface Report {
  readonly seed: number;
  readonly seconds: number;
  readonly clients: number;
  readonly machine: string;
  /** Empty when all is well. */
  readonly violations: readonly { readonly check: string; readonly what: string }[];
  readonly calls: number;
  /** Transactions that a card of vpcd's kind saw from begin to end. */
  readonly turns: number;
  /** Commands that such cards answered. */
  readonly commands: number;
  readonly started: number;
  readonly faults: Faults;
  readonly results: Record<Kind, Tally>;
  readonly longestMs: Crowd["longest"];
  readonly fds: { readonly start: number; readonly end: number };
  /** Samples and trends of each daemon; a trend is absent where its life was too short. */
  readonly daemons: readonly (DaemonRecord & { readonly trends: Trends | undefined })[];
}

/** What a report is made of. */
export interface ReportParts extends Pick<Report, "seed" | "seconds" | "clients" | "violations" | "fds"> {
  readonly crowd: Crowd;
  readonly director: Director;
  readonly trends: readonly Trends[];
}

export function reportOf(parts: ReportParts): Report {
  const { crowd, director, trends, ...same } = parts;
  const processors = cpus();
  return {
    ...same,
    machine: `${processors.length} × ${processors[0]?.model.trim() ?? "processor"}, Node ${process.version}`,
    calls: callsOf(crowd),
    turns: director.cards.reduce((sum, card) => sum + card.turns, 0),
    commands: director.cards.reduce((sum, card) => sum + card.answered, 0),
    started: crowd.started,
    faults: director.faults,
    results: crowd.tallies,
    longestMs: crowd.longest,
    daemons: director.daemons.map((record, index) => ({ ...record, trends: trends[index] })),
  };
}

/** The report for people. */
export function textOf(report: Report): string {
  const { calls, clients, commands, daemons, faults, fds, seconds, seed, started, turns, violations } = report;
  const { kills, pulls, restarts, stops } = faults;
  const restarted = restarts.map(
    ({ at, downMs, signal }) => `${signal} after ${inSeconds(at)} s, away for ${downMs} ms`,
  );
  return [
    `seed ${seed}, ${seconds} s, ${clients} clients at a time, ${started} in all; ${report.machine}`,
    `${calls} calls (${Math.round(calls / seconds)} a second); the vpcd cards saw ${commands} commands, ${turns} whole transactions`,
    `faults: ${kills} kills, ${stops} stops, ${pulls} cards pulled, restarts: ${restarted.join("; ") || "none"}`,
    "",
    ...callTable(report),
    "",
    `file descriptors of the daemon: ${fds.start} before the first client, ${fds.end} after the last`,
    ...daemons.flatMap(memoryLines),
    "",
    ...(violations.length === 0 ? ["all is well"] : violations.map(({ check, what }) => `VIOLATED ${check}: ${what}`)),
  ].join("\n");
}

function callTable({ longestMs, results }: Report): string[] {
  const names = [...new Set(kinds.flatMap((kind) => Object.keys(results[kind])))];
  const rows = names.map((name) => {
    const counts = kinds.map((kind) => sum(Object.values(results[kind][name] ?? {})));
    const failures = new Map<string, number>();
    for (const kind of kinds) {
      for (const [result, count] of Object.entries(results[kind][name] ?? {})) {
        if (result !== "00000000") failures.set(result, (failures.get(result) ?? 0) + count);
      }
    }
    const failed = [...failures].map(([result, count]) => `${result} ${count}`).join(", ");
    return `| ${name} | ${counts.join(" | ")} | ${longestMs[name]?.ms ?? ""} | ${failed} |`;
  });
  return [
    `| call | ${kinds.join(" | ")} | longest, ms | failures |`,
    "| --- | ---: | ---: | ---: | ---: | --- |",
    ...rows,
  ];
}

function memoryLines({ fds, heap, resident, trends }: Report["daemons"][number], index: number): string[] {
  const line = (what: string, samples: readonly MemorySample[], trend: Trend | undefined): string => {
    const steps = [0, 0.25, 0.5, 0.75, 1].map((part) => samples[Math.round(part * (samples.length - 1))]?.kiB ?? 0);
    const slope =
      trend === undefined ? "too few for a trend" : `${trend.slopeKiB.toFixed(1)} KiB per 1000 calls when warm`;
    return `${what} of daemon ${index + 1}: ${samples.length} samples, by quarters ${steps.map(inMB).join(", ")} MB; ${slope}`;
  };
  return [
    line("resident memory", resident, trends?.resident),
    line("heap after full collections", heap, trends?.heap),
    `file descriptors of daemon ${index + 1}: at most ${fds.reduce((most, count) => Math.max(most, count), 0)}`,
  ];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const inMB = (kib: number): string => (kib / 1024).toFixed(1);
const inSeconds = (ms: number): string => (ms / 1000).toFixed(1);
