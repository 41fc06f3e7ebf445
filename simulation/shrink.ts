// SPDX-License-Identifier: MIT

import type { HistoryEvent } from "./events.ts";
import { runHistory, withEvents } from "./history.ts";
import type { Plan } from "./plan.ts";

/**
 * Leaves events out of a failing history as long as it still fails, with any violation: larger parts first, then single
 * events, then again until nothing more can go.
 */
export async function shrink(plan: Plan, maxRuns = 2000): Promise<Plan> {
  let { events } = plan;
  let runs = 0;
  const fails = async (fewer: readonly HistoryEvent[]): Promise<boolean> => {
    runs++;
    return (await runHistory(withEvents(plan, fewer))).violation !== undefined;
  };
  for (let size = Math.ceil(events.length / 2); runs < maxRuns; ) {
    const before = events.length;
    for (let start = 0; start < events.length && runs < maxRuns; ) {
      const fewer = [...events.slice(0, start), ...events.slice(start + size)];
      if (await fails(fewer)) events = fewer;
      else start += size;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (events.length === before) break;
  }
  return withEvents(plan, events);
}
