// SPDX-License-Identifier: MIT

import { type Profiler, Session } from "node:inspector";

/**
 * Asks V8 which blocks have run, and how often: what `node:inspector` tells a debugger. It counts in the bytecode, so code
 * that was optimised away is not seen: the process has to run with `--no-opt --no-maglev`. Start it before the code that is
 * to be measured is loaded.
 */
export class BlockProfiler {
  readonly #session = new Session();

  start(): void {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What has run since the last time. */
  take(): readonly Profiler.ScriptCoverage[] {
    let scripts: readonly Profiler.ScriptCoverage[] = [];
    // The callback is called before `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, coverage) => {
      if (error !== null) throw error;
      scripts = coverage.result;
    });
    return scripts;
  }

  stop(): void {
    this.#session.disconnect();
  }
}

/** A part of a function that runs as a whole. */
interface Block {
  readonly start: number;
  readonly end: number;
  /** How often it ran in one input: bit 0 for once, bit 1 for twice, … the last for 64 times or more. */
  seen: number;
}

/** The blocks of one function that V8 has told of, in order, outer ones before inner ones. */
type FunctionBlocks = Block[];

/** Which blocks one target has reached. */
export class Coverage {
  readonly #profiler: BlockProfiler;
  readonly #accepts: (url: string) => boolean;
  readonly #functions = new Map<string, FunctionBlocks>();

  /** @param accepts tells by a script's address whether it counts */
  constructor(profiler: BlockProfiler, accepts: (url: string) => boolean) {
    this.#profiler = profiler;
    this.#accepts = accepts;
  }

  /** Blocks that have been reached, and all that V8 has told of. */
  get blocks(): { readonly reached: number; readonly known: number } {
    const all = [...this.#functions.values()].flat();
    return { reached: all.filter((block) => block.seen !== 0).length, known: all.length };
  }

  /** Forgets what has run since the last time; functions that are there but did not run become known. */
  begin(): void {
    for (const { functions, url } of this.#profiler.take()) {
      if (!this.#accepts(url)) continue;
      for (const { ranges } of functions) this.#blocksOf(url, ranges);
    }
  }

  /**
   * Looks at what has run since the last time.
   *
   * @param counts whether how often counts too, as for one input; without, as for several together, only new blocks do
   * @returns whether there was anything new
   */
  measure(counts: boolean): boolean {
    let anything = false;
    for (const { functions, url } of this.#profiler.take()) {
      if (!this.#accepts(url)) continue;
      for (const { ranges } of functions) {
        if ((ranges[0]?.count ?? 0) === 0) continue;
        if (note(this.#blocksOf(url, ranges), ranges, counts)) anything = true;
      }
    }
    return anything;
  }

  /** The known blocks of a function, with those that are listed now. */
  #blocksOf(url: string, ranges: readonly Profiler.CoverageRange[]): FunctionBlocks {
    const key = `${url}:${ranges[0]?.startOffset}:${ranges[0]?.endOffset}`;
    const blocks = this.#functions.get(key) ?? [];
    if (blocks.length === 0) this.#functions.set(key, blocks);
    const before = blocks.length;
    for (const { startOffset: start, endOffset: end } of ranges) {
      if (!blocks.some((block) => block.start === start && block.end === end)) blocks.push({ start, end, seen: 0 });
    }
    if (blocks.length > before) blocks.sort((one, other) => one.start - other.start || other.end - one.end);
    return blocks;
  }
}

/**
 * Notes how often each block ran. V8 lists a block only where it ran as often as what is around it did not: what is not
 * listed ran as often as the innermost listed range around it.
 */
function note(blocks: FunctionBlocks, ranges: readonly Profiler.CoverageRange[], counts: boolean): boolean {
  let anything = false;
  let next = 0;
  const around: Profiler.CoverageRange[] = [];
  for (const block of blocks) {
    for (let range = ranges[next]; range !== undefined && isAround(range, block); range = ranges[++next]) {
      while ((around.at(-1)?.endOffset ?? Number.POSITIVE_INFINITY) <= range.startOffset) around.pop();
      around.push(range);
    }
    while ((around.at(-1)?.endOffset ?? Number.POSITIVE_INFINITY) <= block.start) around.pop();
    const count = around.at(-1)?.count ?? 0;
    if (count === 0) continue;
    const bit = 1 << Math.min(6, Math.floor(Math.log2(count)));
    if (counts ? (block.seen & bit) !== 0 : block.seen !== 0) continue;
    anything = true;
    // A sum over several inputs says nothing of one of them.
    if (counts) block.seen |= bit;
  }
  return anything;
}

/** Whether a range begins before a block does, or with it and does not end before it. */
function isAround(range: Profiler.CoverageRange, block: Block): boolean {
  return range.startOffset < block.start || (range.startOffset === block.start && range.endOffset >= block.end);
}
