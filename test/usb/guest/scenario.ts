// SPDX-License-Identifier: MIT

import { nodeRuntime } from "../../../src/platform/node/runtime/index.ts";
import type { Clock } from "../../../src/port/index.ts";
import { Vhci } from "./vhci.ts";

/** What is there for every scenario of a boot. */
interface Stage {
  readonly usb: Vhci;
  readonly clock: Clock;
  /** Keeps a value for the host, and for later scenarios of the boot. */
  readonly kept: Map<string, unknown>;
}

/** One thing to be tried in the machine. It throws where the thing does not hold. */
export interface Scenario {
  readonly title: string;
  run(stage: Stage): Promise<unknown>;
}

/** How a scenario went, as the host reads it. */
export interface Outcome {
  readonly title: string;
  readonly ms: number;
  readonly error?: string;
  readonly value?: unknown;
}

export async function runScenarios(
  scenarios: readonly Scenario[],
  report: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  const stage: Stage = { usb: new Vhci(), clock: nodeRuntime().clock, kept: new Map() };
  const outcomes: Outcome[] = [];
  for (const { title, run } of scenarios) {
    const start = performance.now();
    let outcome: Outcome;
    try {
      const value = await run(stage);
      outcome = { title, ms: Math.round(performance.now() - start), ...(value === undefined ? {} : { value }) };
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      outcome = { title, ms: Math.round(performance.now() - start), error: text };
    }
    outcomes.push(outcome);
    report(outcome);
  }
  return outcomes;
}
