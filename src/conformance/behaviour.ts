// SPDX-License-Identifier: MIT

import type { Scene } from "./scene.ts";
import type { Ability } from "./stage.ts";

/** What came out, point by point. The points of a behaviour are the same on every manager. */
export type Observations = Readonly<Record<string, string>>;

/** One thing that programs rely on. */
export interface Behaviour {
  /** Kebab-case; it never changes, for the table of differences and reports refer to it. */
  readonly id: string;
  /** What happens, in a sentence. */
  readonly title: string;
  /** Who says that it is so: a page, a clause, a decision. */
  readonly source: string;
  /** What the stage must be able to do; nothing by default. */
  readonly needs?: readonly Ability[];
  /** Plays it, and tells what came out. */
  readonly observe: (scene: Scene) => Promise<Observations>;
  /** What comes out on a manager about which the table of differences says nothing. */
  readonly expected: Observations;
}
