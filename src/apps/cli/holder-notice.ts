// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import { inspectionOf } from "./inspection.ts";
import type { ManagerSession } from "./manager-option.ts";
import { holderOf } from "./readers.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

/** A wait for a card that is over sooner needs no explanation, in milliseconds. */
const PATIENCE_MS = 500;

/**
 * Waits for an operation that another program's transaction may delay. If it takes long, prints the holder of the card,
 * where the manager knows it.
 */
export async function explainingWait<T>(
  session: ManagerSession,
  reader: string,
  terminal: Terminal,
  work: Promise<T>,
): Promise<T> {
  let waits = true;
  const explain = async (): Promise<void> => {
    const inspection = await inspectionOf(session.opened);
    if (waits) terminal.say(`waiting for the card in "${visible(reader)}": ${describeHolder(inspection, reader)}`);
  };
  // The wait continues even if the holder is unknown.
  const cancel = nodeClock.schedule(PATIENCE_MS, "say who holds the card", () => void explain().catch(() => {}));
  try {
    return await work;
  } finally {
    waits = false;
    cancel();
  }
}

function describeHolder(inspection: Awaited<ReturnType<typeof inspectionOf>>, reader: string): string {
  const found = inspection?.readers.find(({ name }) => name === reader);
  if (found?.lock !== undefined) return holderOf(found.lock);
  return found === undefined ? "another program may be in a transaction" : "the reader is busy";
}
