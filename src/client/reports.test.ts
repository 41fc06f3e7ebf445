// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { PNP_NOTIFICATION, type ReaderFlags } from "../pcsc/index.ts";
import { cardState, findMissing, findName, type ReaderNow, reportReaders, settledState } from "./reports.ts";

const atr = Uint8Array.of(0x3b, 0x00);
const read = (reader: ReaderNow): ReaderNow => reader;

/** What a caller is told that believes the reader to be in one state, while it is in another. */
function isChanged(actual: ReaderFlags, actualCount: number, believed: ReaderFlags, count: number): boolean {
  const snapshot = { readers: [{ name: "Reader", flags: actual, eventCount: actualCount, atr }], readerEvents: 1 };
  const [report] = reportReaders([{ reader: "READER", flags: believed, eventCount: count }], snapshot, 1, read);
  return report?.flags.changed === true;
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
    const told = (flags: ReaderFlags) => {
      const snapshot = { readers: [{ name: "Reader", flags, eventCount: 5, atr }], readerEvents: 1 };
      return reportReaders([{ reader: "reader" }], snapshot, 1, read)[0]?.atr;
    };
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

  it("of one that is gone is unknown, and that once", () => {
    const none = { readers: [], readerEvents: 3 };
    const query = { reader: "Reader", flags: { empty: true }, eventCount: 5 } as const;
    const [gone] = reportReaders([query], none, 3, read);
    expect(gone).toMatchObject({ flags: { unknown: true, unavailable: true, changed: true }, eventCount: 5 });
    const [still] = reportReaders([{ reader: "Reader", flags: { unknown: true } }], none, 3, read);
    expect(still?.flags.changed).toBeUndefined();
    expect(findMissing([query], none)).toBe("Reader");
    expect(findMissing([{ reader: PNP_NOTIFICATION }, { reader: "a", flags: { ignore: true } }], none)).toBeUndefined();
  });

  it("of the pseudo reader changes when the count differs from the caller's, or from that at the start", () => {
    const changed = (eventCount: number, eventsAtStart: number): boolean | undefined => {
      const query = { reader: PNP_NOTIFICATION.toLowerCase(), eventCount };
      return reportReaders([query], { readers: [], readerEvents: 7 }, eventsAtStart, read)[0]?.flags.changed;
    };
    expect([changed(0, 7), changed(0, 6), changed(7, 6), changed(6, 7)]).toEqual([undefined, true, undefined, true]);
  });
});

describe("the name of a reader", () => {
  it("is the one that is written like that, or else without regard to case", () => {
    expect(findName(["READER", "Reader"], "Reader")).toBe("Reader");
    expect(findName(["READER"], "Reader")).toBe("READER");
    expect(findName(["Another"], "Reader")).toBeUndefined();
  });
});

describe("the state of a card", () => {
  it.each([
    ["negotiable", "t1", "specific"],
    ["negotiable", undefined, "negotiable"],
    ["specific", "t0", "specific"],
    ["specific", undefined, "negotiable"],
    ["powered", "t1", "powered"],
    ["present", undefined, "swallowed"],
    ["swallowed", undefined, "swallowed"],
    ["absent", undefined, "absent"],
  ] as const)("%s with protocol %s is told as %s", (told, protocol, state) => {
    expect(settledState(told, protocol)).toBe(state);
  });

  it.each([
    [1, "unknown"],
    [2, "absent"],
    [4, "present"],
    [0x0c, "swallowed"],
    [0x14, "powered"],
    [0x34, "negotiable"],
    [0x54, "specific"],
    [0, "unknown"],
  ])("0x%x is %s", (bits, name) => {
    expect(cardState(bits)).toBe(name);
  });
});
