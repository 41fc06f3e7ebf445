// SPDX-License-Identifier: MIT

import type { Behaviour, Observations } from "./behaviour.ts";
import { type Difference, differences, type ManagerKey } from "./differences.ts";

/** A point at which a manager differs from the suite's expectation. */
export interface Problem {
  readonly point: string;
  readonly expected: string;
  readonly observed: string;
  /** Whether the table has a difference here that did not show, or had another value. */
  readonly isInTable: boolean;
}

/** A point at which a manager differs as the table says. */
export interface KnownDifference {
  readonly point: string;
  readonly expected: string;
  readonly observed: string;
  readonly reason: string;
  readonly source: string;
}

/** The verdict on a behaviour's observations. */
export interface Judgement {
  readonly problems: readonly Problem[];
  readonly known: readonly KnownDifference[];
}

/** How a point that a side does not have is written. */
const NOTHING = "nothing";

/** What observations are compared with. */
export interface JudgeOptions {
  /** Whose differences are known ones; undefined for a manager that the table does not know. */
  readonly manager: ManagerKey | undefined;
  /**
   * Whether a difference of the table that does not show is a problem: true by default. Some of them are those of a
   * driver that another reader does not have.
   */
  readonly mustShow?: boolean;
  /** Another table of differences, for tests. */
  readonly table?: readonly Difference[];
}

/** Compares what was observed with what is expected of every manager, and the rest with the table of differences. */
export function judge(
  behaviour: Behaviour,
  observed: Observations,
  { manager, mustShow = true, table = differences }: JudgeOptions,
): Judgement {
  const problems: Problem[] = [];
  const known: KnownDifference[] = [];
  const rows = new Map<string, { readonly value: string; readonly from: Difference }>();
  for (const from of table) {
    if (manager === undefined || !from.managers.includes(manager)) continue;
    for (const [point, value] of Object.entries(from.observed[behaviour.id] ?? {})) rows.set(point, { value, from });
  }
  for (const point of new Set([...Object.keys(behaviour.expected), ...Object.keys(observed), ...rows.keys()])) {
    const row = rows.get(point);
    const common = behaviour.expected[point] ?? NOTHING;
    const seen = observed[point] ?? NOTHING;
    if (row !== undefined && seen === row.value && seen !== common) {
      known.push({ point, expected: common, observed: seen, reason: row.from.reason, source: row.from.source });
    } else if (seen !== common || (row !== undefined && mustShow)) {
      problems.push({ point, expected: row?.value ?? common, observed: seen, isInTable: row !== undefined });
    }
  }
  return { problems, known };
}
