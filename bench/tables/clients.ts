// SPDX-License-Identifier: MIT

export const clientNames = ["pcscd", "system", "pokusew", "smartcard", "pcsc-mini", "c", "pyscard"] as const;

export type ClientName = (typeof clientNames)[number];

const titles: Readonly<Record<ClientName, string>> = {
  pcscd: "**scard/pcscd** (TypeScript alone)",
  system: "**scard, system manager** (libpcsclite through koffi)",
  pokusew: "@pokusew/pcsclite",
  smartcard: "smartcard",
  "pcsc-mini": "pcsc-mini",
  c: "a C program",
  pyscard: "pyscard",
};

/** The addons of others for Node. */
const addons: readonly ClientName[] = ["pokusew", "smartcard", "pcsc-mini"];

/** How much later than they were due the event loop's timers fired, in microseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

/** A client with open waits; null where there is no event loop. */
export interface Waiting {
  readonly delayBefore: LoopDelay | null;
  readonly delay: LoopDelay | null;
  /** Whether an exchange still comes to its end. */
  readonly answers: boolean | null;
  readonly residentKiB: number;
  readonly perWaitKiB: number;
}

/** All that was measured of a client; or why nothing was. */
export type ClientFigures = Measured | { readonly name: ClientName; readonly missing: string };

interface Measured {
  readonly name: ClientName;
  readonly transmit: {
    readonly samples: number;
    /** The shortest, the percentiles 1 to 99, the longest. */
    readonly percentilesUs: readonly number[];
    readonly batchMediansUs: readonly number[];
  };
  /** After all exchanges. */
  readonly residentKiB: number;
  readonly startsMs: readonly number[];
  /** The same of a program that does nothing. */
  readonly emptyStartsMs: readonly number[];
  readonly waits: readonly Waiting[];
}

/** How the figures were taken. */
export interface Setting {
  readonly machine: { readonly processors: number; readonly model: string; readonly loadAtStart: readonly number[] };
  readonly versions: Readonly<Record<string, string>>;
  readonly scale: { readonly batches: number; readonly calls: number; readonly starts: number; readonly waits: number };
}

/** @param share 0 for the least, 1 for the greatest; NaN where there are no values */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** What the tables show of a client. */
interface Row {
  readonly name: ClientName;
  readonly p50: number;
  readonly p99: number;
  readonly startMs: number;
  readonly emptyMs: number;
  readonly figures: Measured;
}

function rowOf(figures: Measured): Row {
  const { name, startsMs, emptyStartsMs, transmit } = figures;
  const at = (index: number): number => transmit.percentilesUs[index] ?? Number.NaN;
  return { name, p50: at(50), p99: at(99), startMs: median(startsMs), emptyMs: median(emptyStartsMs), figures };
}

function number(value: number, unit: string): string {
  if (Number.isNaN(value)) return "–";
  return `${value.toLocaleString("en", { maximumSignificantDigits: 3, useGrouping: true })}${unit}`;
}

/** What was aimed at for scard/pcscd, and what became of it. */
function goals(rows: readonly Row[]): string[] {
  const ours = rows.find(({ name }) => name === "pcscd");
  const c = rows.find(({ name }) => name === "c");
  const others = rows.filter(({ name }) => addons.includes(name));
  if (ours === undefined) return ["- scard/pcscd was not measured."];
  const line = (what: string, value: number, most: number, unit: string): string =>
    `- ${Number.isNaN(value) ? "not measured" : value <= most ? "met" : "missed"}: ${what} ≤ ${most}${unit} (${number(value, unit)})`;
  const best = Math.min(...others.map(({ p50 }) => p50));
  return [
    line("exchange, p50, to that of the C program", ours.p50 / (c?.p50 ?? Number.NaN), 1.15, " ×"),
    line(
      "exchange, p50, to that of the best of the others' addons",
      ours.p50 / (others.length > 0 ? best : Number.NaN),
      0.75,
      " ×",
    ),
    line("exchange, p99, to its own p50", ours.p99 / ours.p50, 2, " ×"),
    line("first exchange beyond an empty program", ours.startMs - ours.emptyMs, 60, " ms"),
  ];
}

/** A table with a row for each client; those that could not be measured say why. */
function table(
  heads: readonly string[],
  all: readonly ClientFigures[],
  cells: (row: Row) => readonly string[],
): string {
  const lines = all.map((figures) =>
    "missing" in figures
      ? `| ${titles[figures.name]} | did not install or run: ${figures.missing.replaceAll("|", "\\|")} |${" |".repeat(heads.length - 1)}`
      : `| ${[titles[figures.name], ...cells(rowOf(figures))].join(" | ")} |`,
  );
  return [`| Client | ${heads.join(" | ")} |`, `| --- |${" --- |".repeat(heads.length)}`, ...lines].join("\n");
}

function waitCells({ figures: { waits } }: Row): string[] {
  const middle = (pick: (waiting: Waiting) => number | undefined): number =>
    median(waits.map(pick).filter((value) => value !== undefined));
  const shown = (pick: (delay: LoopDelay) => number): string => {
    const before = middle(({ delayBefore }) => (delayBefore === null ? undefined : pick(delayBefore)));
    const during = middle(({ delay }) => (delay === null ? undefined : pick(delay)));
    return Number.isNaN(during) ? "–" : `${number(before, "")} → ${number(during, " µs")}`;
  };
  const answers = waits.map((waiting) => waiting.answers).filter((value) => value !== null);
  return [
    shown(({ p50 }) => p50),
    shown(({ p99 }) => p99),
    shown(({ longest }) => longest),
    answers.length === 0 ? "–" : answers.every(Boolean) ? "yes" : "no",
    number(middle(({ residentKiB }) => residentKiB) / 1024, " MiB"),
    number(
      middle(({ perWaitKiB }) => perWaitKiB),
      " KiB",
    ),
  ];
}

/** The tables, as a document. */
export function render(all: readonly ClientFigures[], { machine, scale, versions }: Setting): string {
  const rows = all.flatMap((figures) => ("missing" in figures ? [] : [rowOf(figures)]));
  const c = rows.find(({ name }) => name === "c")?.p50 ?? Number.NaN;
  const exchanges = table(["p50", "p99", "p99 to p50", "p50 to C", "memory after"], all, (row) => [
    number(row.p50, " µs"),
    number(row.p99, " µs"),
    number(row.p99 / row.p50, " ×"),
    number(row.p50 / c, " ×"),
    number(row.figures.residentKiB / 1024, " MiB"),
  ]);
  const starts = table(["first exchange", "beyond an empty program", "of these, shortest"], all, (row) => [
    number(row.startMs, " ms"),
    number(row.startMs - row.emptyMs, " ms"),
    number(Math.min(...row.figures.startsMs) - Math.min(...row.figures.emptyStartsMs), " ms"),
  ]);
  const waitHeads = ["delay p50", "delay p99", "longest delay", "still exchanges", "memory", "for each wait"];
  const load = machine.loadAtStart.map((value) => value.toFixed(2)).join(", ");
  return `# Clients of pcscd

\`npm run bench -- clients\`: one pcscd, one virtual card over vpcd's protocol that answers at once, all clients by turns.
${machine.processors} processors, ${machine.model}; load averages at the start: ${load}.
${Object.entries(versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(", ")}.

What was aimed at, for scard/pcscd:

${goals(rows).join("\n")}

## An exchange of 21 bytes

${scale.batches} batches of ${scale.calls} exchanges each, a batch for one client after the other.

${exchanges}

## From the start of the process to the end of the first exchange

Medians of ${scale.starts} starts, by turns. The empty program is \`node -e\`, \`python3 -c\` or the C program, and does
nothing but read the clock.

${starts}

## ${scale.waits} open waits for a change of the reader

Before → with the waits: how much later than it was due a timer of each millisecond fired. Then whether an exchange still
comes to its end, and the memory of the whole process.

${table(waitHeads, all, waitCells)}
`;
}
