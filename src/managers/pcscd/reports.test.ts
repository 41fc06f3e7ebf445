// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { ReaderState } from "../../wire/pcsclite/index.ts";
import { readState } from "./reports.ts";

const atr = Uint8Array.of(0x3b, 0x00);

/** A reader as pcscd shows it: SCARD_UNKNOWN 1, ABSENT 2, PRESENT 4, SWALLOWED 8, POWERED 16, NEGOTIABLE 32. */
function state(bits: number, sharing = 0): ReaderState {
  return {
    name: "Reader",
    eventCounter: 0x1_0005,
    state: bits,
    sharing,
    atr: bits & 4 ? atr : new Uint8Array(),
    protocol: 0,
  };
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
  ])('%j is shown as "%s"', (reader, flags) => {
    const shown = readState(reader);
    expect(Object.keys(shown.flags).join(" ")).toBe(flags);
    expect(shown).toMatchObject({ eventCount: 5, atr: reader.atr });
  });
});
