// SPDX-License-Identifier: MIT

import { nodeRuntime } from "../../../src/platform/node/runtime/index.ts";
import { type CcidReaderModel, type CcidReaderOptions, type Preset, readerModel } from "../models/index.ts";
import { Service, type ServiceKind } from "./service.ts";
import { Vhci } from "./vhci.ts";

/** What is there for every scenario of a boot. */
export interface Stage {
  readonly usb: Vhci;
  /** A model of a reader that is not plugged in, with a serial number that no other has. */
  model(preset: Preset, options?: Partial<CcidReaderOptions>): CcidReaderModel;
  /** The service of this kind. The one before is stopped: two would fight for the readers. */
  service(kind: ServiceKind): Promise<Service>;
  /** Keeps a value for the host, and for later scenarios of the boot. */
  readonly kept: Map<string, unknown>;
}

/** One thing to be tried in the machine. It throws where the thing does not hold. */
export interface Scenario {
  readonly title: string;
  run(stage: Stage): Promise<unknown>;
}

/** Whether a scenario is asked for: `wanted` is a part of its title, or several with `|` between them. */
export function isWanted(title: string, wanted: string): boolean {
  return wanted.split("|").some((part) => title.includes(part));
}

/** How a scenario went, as the host reads it. */
export interface Outcome {
  readonly title: string;
  readonly ms: number;
  readonly error?: string;
  readonly value?: unknown;
}

/** Ends what hangs, so that the other scenarios are tried. */
const LIMIT_MS = 900_000;

export async function runScenarios(
  scenarios: readonly Scenario[],
  report: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  let running: Service | undefined;
  const { clock } = nodeRuntime();
  const models: CcidReaderModel[] = [];
  const stage: Stage = {
    usb: new Vhci(),
    kept: new Map(),
    model(preset, options) {
      const model = readerModel(preset, { clock, serial: `RIG${models.length}`, ...options });
      models.push(model);
      return model;
    },
    async service(kind) {
      if (running?.kind === kind && running.isRunning) return running;
      await running?.stop();
      running = undefined;
      running = await Service.start(kind);
      return running;
    },
  };
  const outcomes: Outcome[] = [];
  for (const { title, run } of scenarios) {
    const start = performance.now();
    let outcome: Outcome;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not end")), LIMIT_MS);
    });
    try {
      const value = await Promise.race([run(stage), limit]);
      outcome = { title, ms: Math.round(performance.now() - start), ...(value === undefined ? {} : { value }) };
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      outcome = { title, ms: Math.round(performance.now() - start), error: text };
    }
    clearTimeout(timer);
    for (const model of models) model.unplug();
    await running?.releaseContexts();
    outcomes.push(outcome);
    report(outcome);
  }
  await running?.stop();
  return outcomes;
}
