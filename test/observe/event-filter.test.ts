// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { type EventFilter, filterEvents } from "../../src/observe/calls/index.ts";
import { observedCall, observedChange, observedExchange } from "./events.ts";

const call = observedCall({
  operation: "transmit",
  reader: "Desk 00",
  tookMs: 2.4,
  exchange: observedExchange({ name: "VERIFY", statusWord: 0x63c2, application: "A000000308" }),
});
const card = observedChange({ change: "inserted", reader: "Desk 00" });

describe("a filter of events", () => {
  test.each<[EventFilter, boolean, boolean]>([
    [{}, true, true],
    [{ reader: "desk" }, true, true],
    [{ reader: "wall" }, false, false],
    [{ client: "TOOL" }, true, false],
    [{ client: "4711" }, true, false],
    [{ client: "47" }, false, false],
    [{ aid: "a00000" }, true, false],
    [{ aid: "A000000397" }, false, false],
    [{ sw: "63Cx" }, true, false],
    [{ sw: "9xxx" }, false, false],
    [{ operations: ["transmit"] }, true, false],
    [{ operations: ["connect"] }, false, false],
    [{ slowerThanMs: 0 }, true, false],
    [{ slowerThanMs: 2.39 }, true, false],
    [{ slowerThanMs: 2.4 }, false, false],
    [{ slowerThanMs: 2.5 }, false, false],
    [{ slowerThanMs: 99_999_999.5 }, false, false],
  ])("%j wants calls and cards, or not", (filter, wantsCall, wantsCard) => {
    const isWanted = filterEvents(filter);
    expect([isWanted(call), isWanted(card)]).toEqual([wantsCall, wantsCard]);
  });

  test.each([-0.5, Number.NaN, Number.POSITIVE_INFINITY, "2"])("%s is no time", (slowerThanMs) => {
    expect(() => filterEvents({ slowerThanMs } as EventFilter)).toThrow(/slowerThanMs.*milliseconds, 0 or more/);
  });
});
