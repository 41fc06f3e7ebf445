// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { KnownReaders } from "./reader-events.ts";
import type { ReaderStateReport } from "./resource-manager.ts";
import type { ReaderFlags } from "./vocabulary.ts";

const report = (flags: ReaderFlags, eventCount: number, atr: readonly number[] = []): ReaderStateReport => ({
  reader: "A",
  flags: { changed: true, ...flags },
  eventCount,
  atr: Uint8Array.from(atr),
});

/** The events for two consecutive reports, after the arrival. */
function told(before: ReaderStateReport, now: ReaderStateReport): string[] {
  const known = new KnownReaders();
  for (const _ of known.take(before, true));
  return Array.from(known.take(now, false), (event) => event.kind);
}

describe("two reports of a reader", () => {
  test.each<[string, ReaderStateReport, ReaderStateReport, string[]]>([
    ["a card that came", report({ empty: true }, 1), report({ present: true }, 2), ["card-inserted"]],
    ["a card that went", report({ present: true }, 1), report({ empty: true }, 2), ["card-removed"]],
    ["a swap", report({ present: true }, 2), report({ present: true }, 4), ["card-removed", "card-inserted"]],
    [
      "a swap where the count wraps",
      report({ present: true }, 65_535),
      report({ present: true }, 2),
      ["card-removed", "card-inserted"],
    ],
    ["the count alone, by one", report({ present: true }, 1), report({ present: true }, 2), []],
    ["a card that came and went", report({ empty: true }, 1), report({ empty: true }, 3), []],
    ["use", report({ present: true }, 1), report({ present: true, inuse: true }, 1), ["state-changed"]],
    ["an ATR", report({ present: true }, 1), report({ present: true }, 1, [0x3b, 0]), ["state-changed"]],
    [
      "the end of the reader",
      report({ present: true }, 1),
      report({ unknown: true }, 1),
      ["card-removed", "reader-gone"],
    ],
  ])("%s", (_, before, now, kinds) => {
    expect(told(before, now)).toEqual(kinds);
  });
});
