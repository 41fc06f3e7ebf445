// SPDX-License-Identifier: MIT

import {
  decodeReaderState,
  encodeReaderState,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
} from "../../port/index.ts";
import type { SmartCardReaderStateFlagsOut, SmartCardReaderStateIn, SmartCardReaderStateOut } from "./idl.ts";
import { arrayBufferOf } from "./web-idl.ts";

const flagsIn = [
  "ignore",
  "unavailable",
  "empty",
  "present",
  "exclusive",
  "inuse",
  "mute",
  "unpowered",
] as const satisfies readonly ReaderFlag[];

/**
 * What the manager is asked about readers. Draft, SmartCardReaderStateIn dictionary (corresponding) and SmartCardReaderStateFlagsIn
 * dictionary (corresponding). `unaware` is the number 0, which adds nothing.
 */
export function correspondingQueries(readerStates: readonly SmartCardReaderStateIn[]): ReaderStateQuery[] {
  return readerStates.map(({ currentCount = 0, currentState, readerName }) => {
    const flags: { [flag in ReaderFlag]?: true } = {};
    for (const flag of flagsIn) if (currentState[flag]) flags[flag] = true;
    // The high word has 16 bits: "set the high word" shifts the others out.
    return { reader: readerName, ...decodeReaderState(encodeReaderState(flags, currentCount)) };
  });
}

/** What the manager reports. Draft, SmartCardReaderStateOut dictionary (corresponding). */
export function correspondingStates(reports: readonly ReaderStateReport[]): SmartCardReaderStateOut[] {
  return reports.map(({ atr, eventCount, flags, reader }) => ({
    readerName: reader,
    eventState: correspondingFlags(flags),
    // The high word of EventState.
    eventCount: eventCount & 0xffff,
    answerToReset: arrayBufferOf(atr),
  }));
}

/** Draft, SmartCardReaderStateFlagsOut dictionary (corresponding). */
function correspondingFlags(flags: ReaderFlags): Required<SmartCardReaderStateFlagsOut> {
  return {
    ignore: flags.ignore === true,
    changed: flags.changed === true,
    unavailable: flags.unavailable === true,
    unknown: flags.unknown === true,
    empty: flags.empty === true,
    present: flags.present === true,
    exclusive: flags.exclusive === true,
    inuse: flags.inuse === true,
    mute: flags.mute === true,
    unpowered: flags.unpowered === true,
  };
}
