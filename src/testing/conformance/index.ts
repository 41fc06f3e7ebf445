// SPDX-License-Identifier: MIT

export type { Behaviour, Observations } from "./behaviour.ts";
export { behaviours } from "./behaviours.ts";
export { ConformanceCard } from "./conformance-card.ts";
export { type Difference, differences, type ManagerKey, managers } from "./differences.ts";
export { type Judgement, type JudgeOptions, judge, type KnownDifference, type Problem } from "./judge.ts";
export {
  type ConformanceReport,
  formatBehaviours,
  formatDifferences,
  formatReport,
  type ReportedBehaviour,
  reportOf,
  type Verdict,
} from "./report.ts";
export { type Result, type RunOptions, runConformance } from "./run.ts";
export { type Ability, abilities, type Stage } from "./stage.ts";
