// SPDX-License-Identifier: MIT

import { optional, optionsOf } from "./check.ts";
import { noTrace, type Runtime, type Trace } from "./runtime.ts";
import { traceFunction } from "./value-checks.ts";

/** How a runtime of a machine is made. */
export interface RuntimeOptions {
  /** Is told what happens. @default nothing is told */
  readonly trace?: Trace;
}

const runtimeOptions = optionsOf<RuntimeOptions>({ trace: optional(traceFunction) });

/**
 * The runtime of a machine with these options.
 *
 * @param maker the function that a program has called, for errors
 * @throws invalid-parameter for options that are no such
 */
export function runtimeOf(machine: Pick<Runtime, "clock" | "random">, options: RuntimeOptions, maker: string): Runtime {
  const { trace = noTrace } = runtimeOptions(options, { operation: maker, path: "options" });
  return { clock: machine.clock, random: machine.random, trace };
}
