// SPDX-License-Identifier: MIT

import { getHeapStatistics } from "node:v8";
import type { FuzzTarget } from "./target.ts";

/** An input may take so much of the processor's time, in milliseconds: others may have the processor as long as they like. */
const LONGEST_MS = 2000;
/** What is used may grow by so much, and by so much more for each byte of the input: what was decoded, and what is compared. */
const growthBytes = { base: 16 * 1024 * 1024, perByte: 1024 };
/**
 * What takes too much is looked at so many times more, and has to show it so many times again: something else may have taken
 * the time, and what was collected meanwhile is not seen as growth.
 */
const secondLooks = { most: 6, needed: 2 };
/** How much is tried to make a failing input shorter. */
const budget = { tries: 2000, ms: 15_000 };

/** Unhandled rejections since the last check. */
const unhandled: unknown[] = [];

/** Records unhandled rejections instead of ending the process; call the result to undo it. */
export function watchRejections(): () => void {
  const keep = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on("unhandledRejection", keep);
  process.on("uncaughtException", keep);
  return () => {
    process.off("unhandledRejection", keep);
    process.off("uncaughtException", keep);
  };
}

/** Feeds an input and says what is wrong with what came of it; undefined when it was dealt with as it should be. */
export async function examine(target: FuzzTarget, input: Uint8Array): Promise<string | undefined> {
  const problem = await feed(target, input);
  if (problem === undefined || problem.kind === "wrong") return problem?.message;
  let seen = 0;
  for (let count = 0; count < secondLooks.most && seen < secondLooks.needed; count++) {
    const again = await feed(target, input);
    if (again?.kind === "wrong") return again.message;
    if (again !== undefined) seen++;
  }
  return seen < secondLooks.needed ? undefined : problem.message;
}

/** A problem of kind `cost` may have another cause. */
type Problem = { readonly kind: "wrong" | "cost"; readonly message: string };

async function feed(target: FuzzTarget, input: Uint8Array): Promise<Problem | undefined> {
  const own = input.slice();
  const before = memoryBytes();
  const began = process.cpuUsage();
  try {
    const done = target.run(own);
    if (done instanceof Promise) {
      await done;
      // Node tells of unhandled rejections when all promise callbacks have run.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    return { kind: "wrong", message: describe(error) };
  }
  const { user, system } = process.cpuUsage(began);
  const spentMs = (user + system) / 1000;
  const growth = memoryBytes() - before;
  const [rejection] = unhandled.splice(0);
  if (rejection !== undefined) return { kind: "wrong", message: `an unhandled rejection: ${describe(rejection)}` };
  if (spentMs > LONGEST_MS) return { kind: "cost", message: `it took ${spentMs.toFixed(0)} ms` };
  const most = growthBytes.base + growthBytes.perByte * input.length;
  if (growth > most) return { kind: "cost", message: `memory grew by ${growth} bytes, and may by ${most}` };
  return undefined;
}

/** What is in use, in the heap and outside of it. A collection may come between: growth is missed then, never made up. */
function memoryBytes(): number {
  const { external_memory: external, used_heap_size: heap } = getHeapStatistics();
  return heap + external;
}

/** The error in one line, with the place in the tree where it was thrown. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `a value that is not an Error was thrown: ${String(error)}`;
  const place = error.stack?.split("\n").find((line) => /src[/\\]/.test(line));
  const at =
    place === undefined || error.name === "Violation" ? "" : ` (${place.trim().replace(/\(?\S*[/\\]src[/\\]/, "src/")}`;
  return `${error.name}: ${error.message}${at}`;
}

/**
 * Makes a failing input shorter and plainer while it goes on failing: takes pieces out, and turns bytes to zeros.
 *
 * @param progress is told of each input before it is fed
 */
export async function shrink(
  target: FuzzTarget,
  failing: Uint8Array,
  progress: (input: Uint8Array) => void = () => {},
): Promise<Uint8Array> {
  let best = failing;
  let tries = 0;
  const started = performance.now();
  const goesOn = (): boolean => tries < budget.tries && performance.now() - started < budget.ms;
  const fails = async (candidate: Uint8Array): Promise<boolean> => {
    progress(candidate);
    tries++;
    if (!goesOn() || (await examine(target, candidate)) === undefined) return false;
    best = candidate;
    return true;
  };
  for (let size = best.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && goesOn(); ) {
      const without = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)]);
      if (!(await fails(without))) at += size;
    }
  }
  for (let at = 0; at < best.length && goesOn(); at++) {
    if (best[at] === 0) continue;
    const plainer = best.slice();
    plainer[at] = 0;
    await fails(plainer);
  }
  return best;
}
