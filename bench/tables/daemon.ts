// SPDX-License-Identifier: MIT

/** What each figure is, in which unit, and what it is to be: at most `goal` times the stock service's, or at most `most`. */
interface FigureDescription {
  readonly title: string;
  readonly unit: "µs" | "%" | "KiB" | "turns";
  /** The highest ratio to the stock service that was aimed at. */
  readonly goal?: number;
  /** The highest value that was aimed at. */
  readonly most?: number;
}

const table = {
  "transmit p50": { title: "SCardTransmit, 21 bytes, p50", unit: "µs", goal: 0.9 },
  "transmit p99": { title: "SCardTransmit, 21 bytes, p99", unit: "µs", goal: 1 },
  "lockAndUnlock p50": { title: "SCardBeginTransaction and SCardEndTransaction, p50", unit: "µs", goal: 1 },
  "lockAndUnlock p99": { title: "SCardBeginTransaction and SCardEndTransaction, p99", unit: "µs", goal: 1 },
  "status p50": { title: "SCardStatus, p50", unit: "µs", goal: 1 },
  "status p99": { title: "SCardStatus, p99", unit: "µs", goal: 1 },
  "connectAndDisconnect p50": { title: "SCardConnect and SCardDisconnect, p50", unit: "µs", goal: 1 },
  "connectAndDisconnect p99": { title: "SCardConnect and SCardDisconnect, p99", unit: "µs", goal: 1 },
  "establishAndRelease p50": { title: "SCardEstablishContext and SCardReleaseContext, p50", unit: "µs", goal: 1 },
  "establishAndRelease p99": { title: "SCardEstablishContext and SCardReleaseContext, p99", unit: "µs", goal: 1 },
  "cancel p50": { title: "SCardCancel to the end of the wait, p50", unit: "µs", goal: 0.5 },
  "cancel p99": { title: "SCardCancel to the end of the wait, p99", unit: "µs", goal: 0.5 },
  "handOver p50": { title: "4 processes, 3 ms turns: hand-over to one that waits, p50", unit: "µs", most: 300 },
  "handOver p99": { title: "4 processes, 3 ms turns: hand-over to one that waits, p99", unit: "µs", most: 1000 },
  freeShare: { title: "4 processes, 3 ms turns: lock free while another waits", unit: "%", most: 2 },
  idleShare: { title: "4 processes, 3 ms turns: the same, after the holder's call has returned", unit: "%", most: 2 },
  "handOver with pauses p50": { title: "the same with 4 ms pauses: hand-over, p50", unit: "µs", most: 300 },
  "handOver with pauses p99": { title: "the same with 4 ms pauses: hand-over, p99", unit: "µs", most: 1000 },
  "freeShare with pauses": { title: "the same with 4 ms pauses: lock free while another waits", unit: "%", most: 2 },
  "idleShare with pauses": {
    title: "the same with 4 ms pauses: the same, after the holder's call has returned",
    unit: "%",
    most: 2,
  },
  longestWait: { title: "8 processes, 20 ms turns: longest wait", unit: "µs", most: 210_000 },
  fewestTurns: { title: "8 processes, 20 ms turns: turns of the one with the fewest", unit: "turns" },
  mostTurns: { title: "8 processes, 20 ms turns: turns of the one with the most", unit: "turns" },
  unevenness: { title: "8 processes, 20 ms turns: furthest from an equal share", unit: "%", most: 10 },
  "insertion p50": { title: "insertion of a card to the end of a wait, p50", unit: "µs", goal: 0.05 },
  "insertion p99": { title: "insertion of a card to the end of a wait, p99", unit: "µs", goal: 0.05 },
  "two readers, stall": {
    title: "two threads, two readers: longest wait of the one that can go on",
    unit: "µs",
    goal: 1,
  },
  "two readers, turn": { title: "two threads, two readers: wait of the other for a lock held 1 s", unit: "µs" },
  memoryPerClient: { title: "memory for each waiting client", unit: "KiB", goal: 0.25 },
} as const satisfies Record<string, FigureDescription>;

type FigureName = keyof typeof table;

export type Figures = Readonly<Record<FigureName, number>>;

const figureNames: readonly FigureName[] = Object.keys(table) as FigureName[];

/** What one round gave. */
export interface Round {
  readonly pcscd: Figures;
  readonly scard: Figures;
  /** An earlier version of ours, where one is compared with. */
  readonly before?: Figures;
}

/** The medians of all rounds. */
export interface SummaryRow {
  readonly name: FigureName;
  readonly pcscd: number;
  readonly scard: number;
  /** scard's to pcscd's. */
  readonly ratio: number;
  readonly before?: number;
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function summarize(rounds: readonly Round[]): SummaryRow[] {
  return figureNames.map((name) => {
    const pcscd = median(rounds.map((round) => round.pcscd[name]));
    const scard = median(rounds.map((round) => round.scard[name]));
    const earlier = rounds.flatMap(({ before }) => (before === undefined ? [] : [before[name]]));
    return { name, pcscd, scard, ratio: scard / pcscd, ...(earlier.length > 0 && { before: median(earlier) }) };
  });
}

function verdict({ name, scard, ratio }: SummaryRow): string {
  const { goal, most, unit }: FigureDescription = table[name];
  if (goal !== undefined) return `${ratio <= goal ? "met" : "missed"}: ≤ ${goal} ×`;
  return most === undefined ? "" : `${scard <= most ? "met" : "missed"}: ≤ ${most} ${unit}`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return "–";
  return value.toLocaleString("en", { maximumSignificantDigits: 3, useGrouping: true });
}

/** The table, as a document. */
export function renderSummary(
  rows: readonly SummaryRow[],
  machine: { readonly processors: number; readonly model: string },
  scale: { readonly rounds: number; readonly calls: number; readonly waiters: number },
): string {
  const lines = rows.map((row) => {
    const { title, unit } = table[row.name];
    const { before } = row;
    const beside = before === undefined ? "" : ` ${number(before)} ${unit} | ${number(row.scard / before)} |`;
    return `| ${title} | ${number(row.pcscd)} ${unit} | ${number(row.scard)} ${unit} | ${number(row.ratio)} | ${verdict(row)} |${beside}`;
  });
  const isCompared = rows.some(({ before }) => before !== undefined);
  return `# scard daemon and pcscd

\`npm run bench -- daemon\`: libpcsclite's own functions, called from C, with the same virtual card over vpcd's protocol, against
Debian's pcscd and against \`scard daemon\` by turns. Medians of ${scale.rounds} rounds; ${scale.calls} calls each, ${scale.waiters} waiting clients.
${machine.processors} processors, ${machine.model}. A hand-over is measured from the holder's call of
SCardEndTransaction to the return of SCardBeginTransaction in the next process, so that both calls' times are part of it.

| What | pcscd | scard | Ratio | Goal |${isCompared ? " Earlier scard | Ratio to it |" : ""}
| --- | --- | --- | --- | --- |${isCompared ? " --- | --- |" : ""}
${lines.join("\n")}
`;
}
