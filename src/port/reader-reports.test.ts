// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import {
  answersQuery,
  checkReadersKnown,
  PNP_NOTIFICATION,
  pcscliteReports,
  type ReaderFlags,
  type ReaderNow,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ReportRules,
  readerKey,
  reportReaders,
} from "./index.ts";

const atr = Uint8Array.of(0x3b, 0x00);

const windowsReports = { useIsAChange: true, vanishedIsIgnored: true, pnpCounts: "readers" } as const;

const query: ReaderStateQuery = { reader: "READER" };

function report(asked: ReaderStateQuery, state?: ReaderNow, rules: ReportRules = pcscliteReports, pnpCount = 1) {
  const find = (key: string) => (key === readerKey("Reader") ? state : undefined);
  return reportReaders([asked], { pnpCount, find }, 1, rules)[0] as ReaderStateReport;
}

/** Whether a caller that believes the reader to be in one state is told of a change, while it is in another. */
function isChanged(
  actual: ReaderFlags,
  actualCount: number,
  believed: ReaderFlags,
  count: number,
  rules?: ReportRules,
) {
  const state = { flags: actual, eventCount: actualCount, atr };
  return report({ ...query, flags: believed, eventCount: count }, state, rules).flags.changed === true;
}

describe("the state of a reader", () => {
  it.each<ReaderFlags>([
    { empty: true },
    { present: true },
    { present: true, inuse: true },
    { present: true, exclusive: true },
    { present: true, mute: true },
    { unavailable: true },
  ])("%j is a change for who is unaware", (flags) => {
    expect(isChanged(flags, 5, {}, 0)).toBe(true);
  });

  it("comes with the ATR of a card that is there, and that is a copy", () => {
    const told = (flags: ReaderFlags) => report(query, { flags, eventCount: 5, atr }).atr;
    expect(told({ present: true })).toEqual(atr);
    expect(told({ present: true })).not.toBe(atr);
    expect(told({ empty: true })).toHaveLength(0);
  });

  it.each([
    ["empty, and still is", { empty: true }, 5, { empty: true }, 5, false],
    ["empty, and has a card", { present: true }, 5, { empty: true }, 5, true],
    ["a card, and still is", { present: true }, 5, { present: true }, 5, false],
    ["a card that is another", { present: true }, 7, { present: true }, 5, true],
    ["a card, without a count", { present: true }, 7, { present: true }, 0, false],
    ["a card that is mute now", { present: true, mute: true }, 5, { present: true }, 5, true],
    [
      "a free card that is in use now, which is no change for pcsc-lite",
      { present: true, inuse: true },
      5,
      { present: true },
      5,
      false,
    ],
    ["a card in use that is free now", { present: true }, 5, { present: true, inuse: true }, 5, true],
    [
      "a card in use that one program has exclusively now",
      { present: true, exclusive: true },
      5,
      { present: true, inuse: true },
      5,
      true,
    ],
    ["in use, and is empty", { empty: true }, 5, { inuse: true }, 5, true],
    ["in use by one alone, and is empty", { empty: true }, 5, { exclusive: true }, 5, true],
    ["mute, and is empty", { empty: true }, 5, { mute: true }, 5, true],
    ["without power, and is empty", { empty: true }, 5, { unpowered: true }, 5, true],
    ["in use, and is", { present: true, inuse: true }, 5, { inuse: true }, 5, false],
    ["mute, and is", { present: true, mute: true }, 5, { mute: true }, 5, false],
    ["nothing but a count", { present: true }, 5, {}, 5, false],
    ["unavailable, and is again", { empty: true }, 5, { unavailable: true }, 5, true],
    ["unavailable, and still is", { unavailable: true }, 5, { unavailable: true }, 5, false],
    ["unknown, and is there", { empty: true }, 5, { unknown: true, unavailable: true }, 5, true],
  ] as [string, ReaderFlags, number, ReaderFlags, number, boolean][])(
    "believed to be %s",
    (_name, actual, actualCount, believed, count, changed) => {
      expect(isChanged(actual, actualCount, believed, count)).toBe(changed);
    },
  );

  it.each([
    ["a free card that is in use now", { inuse: true }, {}, true],
    ["a card in use, and still is", { inuse: true }, { inuse: true }, false],
    ["a card that one program has, and others too now", { inuse: true }, { exclusive: true }, true],
    ["a card in use that is free now", {}, { inuse: true }, true],
  ] as [string, ReaderFlags, ReaderFlags, boolean][])(
    "on Windows believed to be %s",
    (_name, use, believed, changed) => {
      const present = { present: true } as const;
      expect(isChanged({ ...present, ...use }, 5, { ...present, ...believed }, 5, windowsReports)).toBe(changed);
    },
  );

  it("of one that is gone is unknown, which is a change once", () => {
    const gone = { ...query, flags: { empty: true }, eventCount: 5 } as const;
    const flags = { unknown: true, unavailable: true, changed: true };
    expect(report(gone)).toMatchObject({ flags, eventCount: 5 });
    expect(report(gone, undefined, windowsReports).flags).toEqual({ ...flags, ignore: true });
    const told = { ...query, flags: { unknown: true } } as const;
    for (const rules of [pcscliteReports, windowsReports]) {
      expect(report(told, undefined, rules).flags).toEqual({ unknown: true, unavailable: true });
    }
  });

  it("of the pseudo reader changes when the count differs from the caller's, or from that at the start", () => {
    const changed = (eventCount: number, pnpCount: number, rules: ReportRules) =>
      report({ reader: PNP_NOTIFICATION.toLowerCase(), eventCount }, undefined, rules, pnpCount).flags.changed;
    const counts = [
      [0, 1],
      [0, 2],
      [2, 2],
      [1, 2],
    ] as const;
    expect(counts.map(([known, now]) => changed(known, now, pcscliteReports))).toEqual([
      undefined,
      true,
      undefined,
      true,
    ]);
    expect(counts.map(([known, now]) => changed(known, now, windowsReports))).toEqual([true, true, undefined, true]);
  });
});

describe("a query", () => {
  it("names readers that are there, or are waited for, or are ignored", () => {
    const isThere = (key: string) => key === readerKey("Reader");
    const fine: ReaderStateQuery[] = [query, { reader: PNP_NOTIFICATION }, { reader: "a", flags: { ignore: true } }];
    checkReadersKnown([...fine, { reader: "b", flags: { unknown: true } }], isThere);
    expect(() => checkReadersKnown([...fine, { reader: "c" }], isThere)).toThrow(
      expect.objectContaining({ code: "unknown-reader", details: expect.objectContaining({ reader: "c" }) }),
    );
  });

  it("is answered at once where something has changed, and where it ignores all readers", () => {
    const ignored = { ...query, flags: { ignore: true } } as const;
    expect(answersQuery([ignored], [report(ignored)])).toBe(true);
    expect(answersQuery([query], [report(query)])).toBe(true);
    const known = { ...query, flags: { empty: true } } as const;
    expect(answersQuery([known], [report(known, { flags: { empty: true }, eventCount: 5, atr })])).toBe(false);
  });
});
