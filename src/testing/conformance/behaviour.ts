// SPDX-License-Identifier: MIT

import type { Scene } from "./scene.ts";
import type { Ability } from "./stage.ts";

/** The observed results, point by point. The points of a behaviour are the same on every manager. */
export type Observations = Readonly<Record<string, string>>;

/** One thing that programs rely on. */
export interface Behaviour {
  /** Kebab-case; it never changes, because the table of differences and reports refer to it. */
  readonly id: string;
  /** What happens, in a sentence. */
  readonly title: string;
  /** The source: a page, a clause, a decision. */
  readonly source: string;
  /** What the stage must be able to do; nothing by default. */
  readonly needs?: readonly Ability[];
  /** Runs it, and returns the results. */
  readonly observe: (scene: Scene) => Promise<Observations>;
  /** The expected results on a manager without an entry in the table of differences. */
  readonly expected: Observations;
}
