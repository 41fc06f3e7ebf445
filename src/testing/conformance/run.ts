// SPDX-License-Identifier: MIT

import { SmartCardError, within } from "../../port/index.ts";
import type { Behaviour, Observations } from "./behaviour.ts";
import { behaviours } from "./behaviours.ts";
import { type Judgement, type JudgeOptions, judge } from "./judge.ts";
import { Scene } from "./scene.ts";
import { abilities, type Stage } from "./stage.ts";

/** How long one behaviour may take, in milliseconds; then it has failed. People who move cards have this long, too. */
const BEHAVIOUR_MS = 120_000;
/** How long the end of one may take, in milliseconds: contexts that do not end are left behind. */
const END_MS = 5_000;

/** What came of one behaviour. */
export type Result =
  | {
      readonly kind: "played";
      readonly behaviour: Behaviour;
      readonly observed: Observations;
      readonly judgement: Judgement;
    }
  /** The stage cannot do what it takes. */
  | { readonly kind: "skipped"; readonly behaviour: Behaviour; readonly why: string }
  /** It could not be played to its end. */
  | { readonly kind: "failed"; readonly behaviour: Behaviour; readonly why: string };

/** What is to be played, and who is told. */
export interface RunOptions extends JudgeOptions {
  /** Those to play; all without it. */
  readonly behaviours?: readonly Behaviour[];
  /** Called before each. */
  readonly beginning?: (behaviour: Behaviour, index: number, count: number) => void;
  /** Ends the run before the next behaviour when aborted. */
  readonly signal?: AbortSignal;
}

/** Plays the behaviours one after the other, and says what came of each. */
export async function runConformance(stage: Stage, options: RunOptions): Promise<Result[]> {
  const chosen = options.behaviours ?? behaviours;
  const results: Result[] = [];
  for (const [index, behaviour] of chosen.entries()) {
    if (options.signal?.aborted) break;
    const missing = behaviour.needs?.find((need) => !stage.abilities.has(need));
    if (missing !== undefined) {
      results.push({ kind: "skipped", behaviour, why: `it needs a stage where ${abilities[missing]}` });
      continue;
    }
    options.beginning?.(behaviour, index, chosen.length);
    results.push(await play(stage, behaviour, options));
  }
  return results;
}

async function play(stage: Stage, behaviour: Behaviour, options: JudgeOptions): Promise<Result> {
  const scene = new Scene(stage);
  try {
    // What one behaviour does to the card is not to be seen by the next.
    await inTime(stage, BEHAVIOUR_MS, scene.begin());
    const observed = await inTime(stage, BEHAVIOUR_MS, behaviour.observe(scene));
    return { kind: "played", behaviour, observed, judgement: judge(behaviour, observed, options) };
  } catch (error) {
    // A mistake of the suite or of a manager that throws something else is to be seen with its stack.
    if (!(error instanceof SmartCardError)) throw error;
    return { kind: "failed", behaviour, why: error.message };
  } finally {
    await inTime(stage, END_MS, scene.end()).catch(() => {});
  }
}

function inTime<T>(stage: Stage, ms: number, work: Promise<T>): Promise<T> {
  return within(stage.clock, ms, "limit of a behaviour", work, () => {
    throw new SmartCardError("timeout", `it was not over after ${ms / 1000} s`);
  });
}
