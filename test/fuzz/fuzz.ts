// SPDX-License-Identifier: MIT

import type { CorpusEntry } from "./corpus.ts";
import { Dice, hashOf } from "./dice.ts";
import { examine, shrink } from "./examine.ts";
import { mutate } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

/** What tells inputs that do something new from those that do not. */
export interface Guide {
  /** Forgets what has run so far. */
  begin(): void;
  /** Whether anything new has run since; `counts`: for one input, how often counts too. */
  measure(counts: boolean): boolean;
}

/** How long to go on. */
export interface FuzzLimit {
  readonly runs?: number;
  readonly seconds?: number;
}

/** An input that was not dealt with as it should be. */
export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly message: string;
  /** The shortest input like it. */
  readonly input: Uint8Array;
}

/** What came of fuzzing one target. */
export interface FuzzReport {
  readonly runs: number;
  readonly seconds: number;
  /** Inputs that reached something new, apart from those of the corpus. */
  readonly found: readonly Uint8Array[];
  readonly failure: Failure | undefined;
}

/** So many inputs are looked at together, where they are quick: to ask V8 costs as much as ten of them. */
const BATCH_SIZE = 16;

/**
 * Feeds the corpus to a target, and then inputs that are made from it, until the limit is reached or one fails. Where there is
 * a guide, inputs that reach new blocks, or reach blocks more often than any before, join those that others are made from.
 *
 * The same seed, corpus and number of runs give the same inputs. A limit of seconds cuts the same sequence off elsewhere.
 *
 * @param progress is told of each input before it is fed
 */
export async function fuzz(
  target: FuzzTarget,
  options: {
    readonly seed: number;
    readonly limit: FuzzLimit;
    readonly corpus: readonly CorpusEntry[];
    readonly guide?: Guide;
    readonly progress?: (input: Uint8Array) => void;
  },
): Promise<FuzzReport> {
  const { corpus, guide, limit, progress, seed } = options;
  const dice = new Dice(seed ^ hashOf(new TextEncoder().encode(target.name)));
  const pool = corpus.map(({ bytes }) => bytes);
  const found: Uint8Array[] = [];
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let runs = 0;
  const feed = async (input: Uint8Array): Promise<string | undefined> => {
    runs++;
    progress?.(input);
    return examine(target, input);
  };
  const report = async (input?: Uint8Array, message = ""): Promise<FuzzReport> => {
    if (input === undefined) return { runs, seconds: seconds(), found, failure: undefined };
    const shortest = await shrink(target, input, progress);
    const failure = {
      target: target.name,
      seed,
      message: (await examine(target, shortest)) ?? message,
      input: shortest,
    };
    return { runs, seconds: seconds(), found, failure };
  };
  const keep = (input: Uint8Array): void => {
    found.push(input);
    pool.push(input);
  };

  guide?.begin();
  for (const input of [...pool]) {
    const message = await feed(input);
    if (message !== undefined) return report(input, message);
    guide?.measure(true);
  }
  const { runs: mostRuns = Number.POSITIVE_INFINITY, seconds: mostSeconds = Number.POSITIVE_INFINITY } = limit;
  const first = runs;
  while (runs - first < mostRuns && seconds() < mostSeconds) {
    const batch = Array.from({ length: Math.min(BATCH_SIZE, mostRuns - (runs - first)) }, () =>
      nextInput(target, pool, dice),
    );
    for (const [index, input] of batch.entries()) {
      const message = await feed(input);
      if (message !== undefined) return report(input, message);
      // How often blocks ran is looked at for the first of each batch.
      if (index === 0 && guide?.measure(true)) keep(input);
    }
    if (guide === undefined || !guide.measure(false)) continue;
    for (const input of batch.slice(1)) {
      await feed(input);
      if (guide.measure(true)) keep(input);
    }
  }
  return report();
}

/** Now and then an input of the target's own making, or of chance alone; most often one of the pool, changed. */
function nextInput(target: FuzzTarget, pool: readonly Uint8Array[], dice: Dice): Uint8Array {
  const made = target.generate !== undefined && dice.chance(30);
  const parent = made ? target.generate?.(dice) : parentOf(pool, dice);
  if (parent === undefined || (!made && dice.chance(3))) return dice.bytes(dice.below(Math.min(300, target.maxBytes)));
  if (made && dice.chance(50)) return parent.slice(0, target.maxBytes);
  return mutate(parent, pool, target, dice);
}

/** What came last has been tried least; and of two, most often the shorter one, which is quicker. */
function parentOf(pool: readonly Uint8Array[], dice: Dice): Uint8Array | undefined {
  if (pool.length === 0) return undefined;
  const recent = Math.min(pool.length, 16);
  const draw = (): Uint8Array =>
    pool[dice.chance(40) ? pool.length - 1 - dice.below(recent) : dice.below(pool.length)] as Uint8Array;
  const [one, other] = [draw(), draw()];
  return one.length <= other.length || dice.chance(5) ? one : other;
}

/**
 * The inputs of a corpus that are worth keeping: all that were written by hand or failed once, and of the others, shortest
 * first, each that reaches blocks which no other before it does.
 */
export async function minimise(
  target: FuzzTarget,
  entries: readonly CorpusEntry[],
  guide: Guide,
): Promise<CorpusEntry[]> {
  const kept = entries.filter(({ origin }) => origin !== "found");
  const found = entries.filter(({ origin }) => origin === "found");
  guide.begin();
  for (const { bytes } of kept) {
    await examine(target, bytes);
    guide.measure(true);
  }
  for (const entry of found.toSorted((one, other) => one.bytes.length - other.bytes.length)) {
    await examine(target, entry.bytes);
    if (!guide.measure(false)) continue;
    // Only one that reaches a new block gets here: fed again, so that its blocks are noted.
    await examine(target, entry.bytes);
    guide.measure(true);
    kept.push(entry);
  }
  return kept;
}
