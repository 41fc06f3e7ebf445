// SPDX-License-Identifier: MIT

/** How much memory a daemon had at a moment. */
export interface MemorySample {
  /** Since the soak began, in milliseconds. */
  readonly at: number;
  /** Calls of clients until then. */
  readonly calls: number;
  readonly kiB: number;
}

/** How memory went, once the daemon was warm. */
export interface Trend {
  readonly samples: number;
  /** Growth with each thousand calls of clients, in KiB: the median of the slopes between all pairs of samples. */
  readonly slopeKiB: number;
  /** What that comes to between the first and the last warm sample, in KiB. */
  readonly growthKiB: number;
}

/** A daemon is warm after this part of its life, and so long: its code is compiled, and its heap has the size it wants. */
const warmAfter = { part: 0.4, ms: 15_000 } as const;

/** With fewer warm samples than these nothing is said: a collection more or less would decide. */
const LEAST_SAMPLES = 4;

/**
 * The trend by Theil and Sen: single samples that stick out do not move it.
 *
 * @param samples of one daemon, in their order
 * @param from when its load began
 */
export function trendOf(samples: readonly MemorySample[], from: number): Trend | undefined {
  const until = samples.at(-1)?.at ?? from;
  const warm = samples.filter(({ at }) => at >= from + Math.max((until - from) * warmAfter.part, warmAfter.ms));
  const [first, last] = [warm[0], warm.at(-1)];
  if (first === undefined || last === undefined || warm.length < LEAST_SAMPLES) return undefined;
  const slopes: number[] = [];
  for (const [index, one] of warm.entries()) {
    for (const other of warm.slice(index + 1)) {
      const calls = (other.calls - one.calls) / 1000;
      if (calls > 0) slopes.push((other.kiB - one.kiB) / calls);
    }
  }
  const slopeKiB = median(slopes);
  return { samples: warm.length, slopeKiB, growthKiB: (slopeKiB * (last.calls - first.calls)) / 1000 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
