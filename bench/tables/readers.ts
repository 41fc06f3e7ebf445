// SPDX-License-Identifier: MIT

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** What one service did in one round. */
interface ReaderFigures {
  /** Microseconds of SCardTransmit, by the length of the answer. */
  readonly transmit: Readonly<Record<string, Percentiles>>;
  readonly processorUsPerCall: number;
  readonly insertionsMs: readonly number[];
  /** From the insertion to IccPowerOn. */
  readonly powerOnsMs: readonly number[];
  /** The same with a reader that has no interrupt endpoint. */
  readonly polledInsertionsMs: readonly number[];
  readonly plugsMs: readonly number[];
}

export interface ReaderRound {
  readonly pcscd: ReaderFigures;
  readonly scard: ReaderFigures;
}

export interface ReaderRow {
  readonly title: string;
  readonly unit: "µs" | "ms";
  readonly pcscd: number;
  readonly scard: number;
  readonly ratio: number;
  /** The highest ratio that was aimed at. */
  readonly goal?: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The medians of all rounds, and of all moves in them. */
export function summarizeReaders(rounds: readonly ReaderRound[]): readonly ReaderRow[] {
  const row = (
    title: string,
    unit: ReaderRow["unit"],
    values: (figures: ReaderFigures) => readonly number[],
    goal?: number,
  ): ReaderRow => {
    const pcscd = median(rounds.flatMap((round) => values(round.pcscd)));
    const scard = median(rounds.flatMap((round) => values(round.scard)));
    return { title, unit, pcscd, scard, ratio: scard / pcscd, ...(goal === undefined ? {} : { goal }) };
  };
  const lengths = Object.keys(rounds[0]?.pcscd.transmit ?? {});
  const numbers = (value: number | undefined): readonly number[] => (value === undefined ? [] : [value]);
  return [
    ...lengths.flatMap((length) => [
      row(`SCardTransmit, ${length} bytes answered, p50`, "µs", ({ transmit }) => numbers(transmit[length]?.p50), 1),
      row(`SCardTransmit, ${length} bytes answered, p99`, "µs", ({ transmit }) => numbers(transmit[length]?.p99)),
    ]),
    row("processor time of the service for one of 255 bytes", "µs", ({ processorUsPerCall }) => [processorUsPerCall]),
    row("insertion of a card to the end of a wait", "ms", ({ insertionsMs }) => insertionsMs, 0.1),
    row("of that, until IccPowerOn arrives at the reader", "ms", ({ powerOnsMs }) => powerOnsMs),
    row("of that, from IccPowerOn on: ATR, end of the wait", "ms", ({ insertionsMs, powerOnsMs }) =>
      insertionsMs.map((ms, index) => ms - (powerOnsMs[index] ?? Number.NaN)),
    ),
    row("the same, without an interrupt endpoint", "ms", ({ polledInsertionsMs }) => polledInsertionsMs),
    row("reader plugged in to the first answer of its card", "ms", ({ plugsMs }) => plugsMs),
  ];
}

function number(value: number): string {
  return Number.isNaN(value) ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 3, useGrouping: true });
}

/**
 * The table, as a document.
 *
 * @param guest the machine that the readers are plugged into
 */
export function renderReaders(
  rows: readonly ReaderRow[],
  machine: { readonly processors: number; readonly model: string },
  scale: { readonly rounds: number; readonly calls: number; readonly moves: number; readonly warm: number },
  guest: string,
): string {
  const lines = rows.map(({ title, unit, pcscd, scard, ratio, goal }) => {
    const verdict = goal === undefined ? "" : `${ratio <= goal ? "met" : "missed"}: ≤ ${goal} ×`;
    return `| ${title} | ${number(pcscd)} ${unit} | ${number(scard)} ${unit} | ${number(ratio)} | ${verdict} |`;
  });
  return `# A USB reader: scard daemon with its own driver, and pcscd with libccid

\`npm run bench -- readers\`: ${guest}, and in it one model of a CCID reader at extended APDU level, full speed, with an interrupt
endpoint, over USB/IP. Debian's pcscd and libccid, and \`scard daemon\`, by turns. Medians of ${scale.rounds} rounds; ${scale.calls} exchanges of each length (a
tenth for the long ones) after ${scale.warm.toLocaleString("en")} unseen ones, ${scale.moves} plugs, ${2 * scale.moves} insertions. The machine has one processor, which the service, the client and the model
share: only ratios say anything. The host: ${machine.processors} processors, ${machine.model}.

| What | pcscd | scard | Ratio | Goal |
| --- | --- | --- | --- | --- |
${lines.join("\n")}
`;
}
