// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { PNP_NOTIFICATION, type ReaderFlags } from "../pcsc/index.ts";
import type { ReaderState } from "../pcsclite/index.ts";
import { cardState, reportReaders, unknownReader } from "./reports.ts";

const atr = Uint8Array.of(0x3b, 0x00);

/** A reader as pcscd shows it: SCARD_UNKNOWN 1, ABSENT 2, PRESENT 4, SWALLOWED 8, POWERED 16, NEGOTIABLE 32. */
function state(bits: number, sharing = 0, eventCounter = 5): ReaderState {
  return { name: "Reader", eventCounter, state: bits, sharing, atr: bits & 4 ? atr : new Uint8Array(), protocol: 0 };
}

function flagsOf(reader: ReaderState, flags: ReaderFlags = {}, eventCount = 0): string {
  const snapshot = { readers: [reader], readerEvents: 1 };
  const [report] = reportReaders([{ reader: "READER", flags, eventCount }], snapshot, 1);
  return Object.keys(report?.flags ?? {}).join(" ");
}

describe("the state of a reader", () => {
  // What libpcsclite makes of each: SCardGetStatusChange in pcsc-lite 1.9.9, src/winscard_clnt.c.
  it.each([
    [state(2), "empty"],
    [state(0x34), "present"],
    [state(0x34, 2), "present inuse"],
    [state(0x34, -1), "present exclusive"],
    [state(0x0c), "present mute"],
    [state(2, 1), "empty"],
    [state(1), "unavailable"],
  ])("%j is shown as «%s», and is a change for who is unaware", (reader, flags) => {
    expect(flagsOf(reader)).toBe(`${flags} changed`);
  });

  it.each([
    ["empty, and still is", state(2), { empty: true }, 5, false],
    ["empty, and has a card", state(0x34), { empty: true }, 5, true],
    ["a card, and still is", state(0x34), { present: true }, 5, false],
    ["a card that is another", state(0x34, 0, 7), { present: true }, 5, true],
    ["a card, without a count", state(0x34, 0, 7), { present: true }, 0, false],
    ["a card that is mute now", state(0x0c), { present: true }, 5, true],
    ["a free card that is in use now, which is none to pcsc-lite", state(0x34, 1), { present: true }, 5, false],
    ["a card in use that is free now", state(0x34), { present: true, inuse: true }, 5, true],
    ["a card in use that somebody has alone now", state(0x34, -1), { present: true, inuse: true }, 5, true],
    ["nothing but a count", state(0x34), {}, 5, false],
    ["unavailable, and is again", state(2), { unavailable: true }, 5, true],
    ["unavailable, and still is", state(1), { unavailable: true }, 5, false],
    ["unknown, and is there", state(2), { unknown: true, unavailable: true }, 5, true],
  ] as [string, ReaderState, ReaderFlags, number, boolean][])(
    "believed to be %s",
    (_name, reader, flags, count, changed) => {
      expect(flagsOf(reader, flags, count).includes("changed")).toBe(changed);
    },
  );

  it("of one that is gone is unknown, and that once", () => {
    const none = { readers: [], readerEvents: 3 };
    const query = { reader: "Reader", flags: { empty: true }, eventCount: 5 } as const;
    const [gone] = reportReaders([query], none, 3);
    expect(gone).toMatchObject({ flags: { unknown: true, unavailable: true, changed: true }, eventCount: 5 });
    const [still] = reportReaders([{ reader: "Reader", flags: { unknown: true } }], none, 3);
    expect(still?.flags.changed).toBeUndefined();
    expect(unknownReader([query], none)).toBe("Reader");
    expect(
      unknownReader([{ reader: PNP_NOTIFICATION }, { reader: "a", flags: { ignore: true } }], none),
    ).toBeUndefined();
  });

  it("of the pseudo reader changes when the count differs from the caller's, or from that at the start", () => {
    const changed = (eventCount: number, eventsAtStart: number): boolean | undefined => {
      const query = { reader: PNP_NOTIFICATION.toLowerCase(), eventCount };
      return reportReaders([query], { readers: [], readerEvents: 7 }, eventsAtStart)[0]?.flags.changed;
    };
    expect([changed(0, 7), changed(0, 6), changed(7, 6), changed(6, 7)]).toEqual([undefined, true, undefined, true]);
  });
});

describe("the state of a card", () => {
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
