// SPDX-License-Identifier: MIT

import { T1Exchange, type TransmissionFailureCode } from "../../src/readers/transmission/index.ts";
import { type Draws, type FaultPlan, FaultyLine, type LineFault } from "./faulty-line.ts";
import { T1Card, type T1CardHabits } from "./t1-card.ts";

/** What one history had. */
export interface HistoryReport {
  readonly exchanges: number;
  readonly blocks: number;
  readonly faults: number;
  readonly outcomes: Readonly<Partial<Record<TransmissionFailureCode | "done", number>>>;
}

/** A block counts as hung far beyond what 600 bytes of command and 600 of response need in pieces of one byte. */
const MAX_BLOCKS = 12_000;

/** What the line does to blocks may end an exchange in these ways only. */
const lineFailures: readonly TransmissionFailureCode[] = [
  "no-answer",
  "invalid-answer",
  "resynchronised",
  "aborted-by-card",
];

const lineFaults: readonly LineFault[] = ["lost", "corrupted", "cut", "doubled", "late"];

/**
 * One card session over a faulty line: commands of all lengths, chaining on both sides, S(WTX), S(IFS) and S(ABORT), all drawn.
 *
 * @throws Error for every rule that does not hold: no hang, no wrong data, no command that is executed twice, the right failure
 */
export function runHistory(draws: Draws, exchanges: number): HistoryReport {
  const chance = (percent: number): boolean => draws.below(100) < percent;
  const edc = chance(25) ? "crc" : "lrc";
  const ifsc = 1 + draws.below(chance(30) ? 8 : 254);
  const faultPercent = [0, 1, 5, 15, 60, 100][draws.below(6)] ?? 0;
  const plan: FaultPlan = () =>
    chance(faultPercent) ? (lineFaults[draws.below(lineFaults.length)] ?? "none") : "none";
  const habits = chance(60) ? drawHabits(draws, chance) : {};
  const mayAbort = habits.abortsChain !== undefined;
  const outcomes: Partial<Record<TransmissionFailureCode | "done", number>> = {};
  let [blocks, faults] = [0, 0];
  let session: Session | undefined;
  for (let number = 0; number < exchanges; number++) {
    if (session === undefined) {
      session = openSession(edc, ifsc, habits, draws, plan);
      const { engine, line } = session;
      const bytes = 1 + draws.below(254);
      const negotiated = chance(50) ? line.run(engine, () => engine.negotiateIfsd(bytes), MAX_BLOCKS).end : undefined;
      if (negotiated?.kind === "failed" && negotiated.recovery === "warm-reset") session = undefined;
    }
    if (session === undefined) continue;
    const { card, engine, line } = session;
    const command = drawCommand(draws, number);
    const before = card.executions;
    const hadBehind = line.behind > 0;
    const { end, ...report } = line.run(engine, () => engine.transmit(command), MAX_BLOCKS);
    blocks += report.blocks;
    faults += report.faults;
    const outcome = end.kind === "done" ? "done" : end.code;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const executed = card.executions - before;
    const problem =
      end.kind === "done"
        ? doneProblem(end.response, respondTo(command), executed)
        : failureProblem(end.code, executed, { faults: report.faults, hadBehind, mayAbort });
    const offence = card.offences[0];
    if (problem !== undefined || offence !== undefined) throw new Error(`exchange ${number}: ${problem ?? offence}`);
    if (end.kind === "failed" && end.recovery === "warm-reset") session = undefined;
  }
  return { exchanges, blocks, faults, outcomes };
}

/** From a reset of the card to the next. */
interface Session {
  readonly card: T1Card;
  readonly line: FaultyLine;
  readonly engine: T1Exchange;
}

function openSession(edc: "lrc" | "crc", ifsc: number, habits: T1CardHabits, draws: Draws, plan: FaultPlan): Session {
  const card = new T1Card({ edc, ifsc, answer: respondTo, habits });
  return { card, line: new FaultyLine(card, draws, plan), engine: new T1Exchange({ edc, ifsc }) };
}

function doneProblem(response: Uint8Array, expected: Uint8Array, executed: number): string | undefined {
  const same = response.length === expected.length && response.every((byte, index) => byte === expected[index]);
  if (!same) return `wrong data: ${response.length} bytes, and ${expected.length} are right`;
  return executed === 1 ? undefined : `a response, and the card executed ${executed} commands`;
}

function failureProblem(
  code: TransmissionFailureCode,
  executed: number,
  line: { readonly faults: number; readonly hadBehind: boolean; readonly mayAbort: boolean },
): string | undefined {
  if (executed > 1) return `the command was executed ${executed} times`;
  if (code === "aborted-by-card") return line.mayAbort ? undefined : "the card ended no chain";
  // After an earlier failure that needs a reset nothing is sent; a new session begins then.
  if (!lineFailures.includes(code)) return `the line cannot be the cause of ${code}`;
  // Two faults in a row are mended. Blocks that were late or came twice shift the answers, and may cost more.
  if (!line.hadBehind && line.faults <= 2) return `${code} after ${line.faults} faults`;
  return undefined;
}

function drawHabits(draws: Draws, chance: (percent: number) => boolean): T1CardHabits {
  const short = chance(30);
  let [inARow, waits] = [0, 0];
  return {
    pieceBytes: (most) => {
      const bytes = short ? Math.min(most, draws.below(4)) : chance(50) ? most : draws.below(most + 1);
      inARow = bytes === 0 ? inARow + 1 : 0;
      // Empty blocks are allowed, and too many of them are not the line's fault.
      return inARow > 2 ? Math.min(1, most) : bytes;
    },
    moreTime: () => {
      waits = waits < 8 && chance(10) ? waits + 1 : 0;
      return waits > 0 ? 1 + draws.below(255) : undefined;
    },
    newIfsc: () => (chance(10) ? 1 + draws.below(254) : undefined),
    ...(chance(20) && { abortsChain: () => chance(5) }),
  };
}

/** A command that no other of the history is like. */
function drawCommand(draws: Draws, number: number): Uint8Array {
  const length = draws.below(10) < 7 ? 4 + draws.below(40) : 4 + draws.below(600);
  return Uint8Array.from({ length }, (_, index) => (index < 4 ? (number >> (8 * index)) & 0xff : draws.below(256)));
}

/** A response that depends on every byte of its command. */
function respondTo(command: Uint8Array): Uint8Array {
  const hash = command.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, command.length);
  const length = hash % 7 === 0 ? hash % 600 : hash % 40;
  const data = Array.from({ length }, (_, index) => (hash >> (index % 24)) & 0xff);
  return Uint8Array.from([...data, hash & 0xff, (hash >> 8) & 0xff]);
}
