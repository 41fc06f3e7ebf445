// SPDX-License-Identifier: MIT

import { expect } from "vitest";
import { type ResourceManager, SmartCardError } from "../../src/port/index.ts";
import { type Mistake, mistakes, type Scene } from "./mistakes.ts";

/** A manager on which the mistakes are made. */
export interface Place {
  readonly manager: ResourceManager;
  readonly reader: string;
  /** Everything that a mistake could have left behind, but for how long things have lasted. */
  look(): Promise<unknown>;
}

/** Longer than any answer takes on a busy machine: a call that is not over by then hangs. */
const HANGS_MS = 20_000;

/** Makes every mistake, and tells each that did not come to what it has to. */
export async function faultsOf({ manager, reader, look }: Place): Promise<string[]> {
  const context = await manager.establishContext();
  const options = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
  const scene: Scene = { manager, reader, context, connection: await context.connect(reader, options) };
  const before = await look();
  const faults: string[] = [];
  for (const mistake of mistakes) {
    const fault = faultIn(mistake, await outcomeOf(mistake, scene));
    if (fault !== undefined) faults.push(`${mistake.what}: ${fault}`);
    expect(await look(), `after ${mistake.what}`).toEqual(before);
  }
  // All is as it was: the connection does what it is asked.
  await scene.connection.beginTransaction();
  expect((await scene.connection.transmit(Uint8Array.of(0, 0xa4, 4, 0))).length).toBeGreaterThanOrEqual(2);
  await scene.connection.endTransaction();
  await scene.connection.disconnect();
  await context.release();
  return faults;
}

async function outcomeOf(mistake: Mistake, scene: Scene): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve("it hangs"), HANGS_MS);
  });
  try {
    return await Promise.race([mistake.make(scene).then(() => "it succeeds"), late]);
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timer);
  }
}

function faultIn({ error, says }: Mistake, outcome: unknown): string | undefined {
  if (!(outcome instanceof Error)) return String(outcome);
  const kind = outcome instanceof SmartCardError ? outcome.code : outcome.name;
  if (kind !== error) return `${kind}, not ${error}: ${outcome.message}`;
  if (!says.test(outcome.message)) return `the message does not say ${says}: ${outcome.message}`;
  if (/31, ?32|313233|0020000104/.test(outcome.message)) return `the message repeats a secret: ${outcome.message}`;
  return undefined;
}

/** What is seen of a manager, without what passes with time. */
export function timeless(seen: unknown): unknown {
  return JSON.parse(JSON.stringify(seen, (name, value) => (name.endsWith("Ms") ? undefined : value)));
}
