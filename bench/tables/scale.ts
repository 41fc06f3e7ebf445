// SPDX-License-Identifier: MIT

/** What was measured with so many readers, clients and waits. What does not apply, or was not measured, is left out. */
export interface ScaleFigures {
  readonly addUs?: number;
  readonly startMs?: number;
  readonly namesakeUs?: number;
  readonly establishUs: number;
  readonly connectUs: number;
  readonly listUs?: number;
  readonly statesUs?: number;
  readonly transmitUs: number;
  readonly wakeFirstMs: number;
  readonly wakeLastMs: number;
  /** Of one processor, while nothing happens. */
  readonly idlePercent: number;
  readonly readerKiB?: number;
  readonly clientKiB: number;
  readonly waitKiB: number;
  readonly connectionKiB?: number;
}

export interface ScaleRun {
  /** Readers, clients and waits, each. */
  readonly count: number;
  readonly embedded: ScaleFigures;
  readonly daemon: ScaleFigures;
}

const rows: readonly (readonly [keyof ScaleFigures, string, string])[] = [
  ["startMs", "the start, with all readers", "ms"],
  ["addUs", "a reader is added", "µs"],
  ["namesakeUs", "the same, all of one name", "µs"],
  ["readerKiB", "memory for a reader", "KiB"],
  ["listUs", "listReaders, all of them", "µs"],
  ["statesUs", "getStatusChange with all of them", "µs"],
  ["establishUs", "a client comes, with a context", "µs"],
  ["clientKiB", "memory for a client", "KiB"],
  ["connectUs", "a connect to the one reader with the card", "µs"],
  ["connectionKiB", "memory for a connection", "KiB"],
  ["waitKiB", "memory for an open wait", "KiB"],
  ["wakeFirstMs", "an insertion to the end of the first wait", "ms"],
  ["wakeLastMs", "an insertion to the end of all waits", "ms"],
  ["transmitUs", "an exchange, p50", "µs"],
  ["idlePercent", "processor time while all wait", "%"],
];

function shown(value: number | undefined, unit: string): string {
  if (value === undefined) return "–";
  return `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`;
}

function tableOf(runs: readonly ScaleRun[], pick: (run: ScaleRun) => ScaleFigures): string {
  const heads = runs.map(({ count }) => count.toLocaleString("en"));
  const lines = rows
    .filter(([name]) => runs.some((run) => pick(run)[name] !== undefined))
    .map(([name, title, unit]) => `| ${title} | ${runs.map((run) => shown(pick(run)[name], unit)).join(" | ")} |`);
  return [`| | ${heads.join(" | ")} |`, `| --- |${" ---: |".repeat(heads.length)}`, ...lines].join("\n");
}

/** The tables, as a document. */
export function renderScale(
  runs: readonly ScaleRun[],
  { node, processors }: { readonly node: string; readonly processors: number },
): string {
  return `# Many readers, clients and waits

\`npm run bench -- scale\`: as many readers, clients and open waits as the column says. Node ${node}, ${processors} processors.

## The embedded manager

${tableOf(runs, ({ embedded }) => embedded)}

## scard daemon, and clients of scard/pcscd in one process

1,000 readers at most: a configuration lists up to 1,024.

${tableOf(runs, ({ daemon }) => daemon)}
`;
}
