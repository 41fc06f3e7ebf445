// SPDX-License-Identifier: MIT

import { type CardState, cardStates, type ReaderFlag, type ReaderFlags, type ReaderNow } from "../../port/index.ts";
import type { ReaderState } from "../../wire/pcsclite/index.ts";
import type { Snapshot as SnapshotOf } from "../client/index.ts";

/** The readers at one moment. */
export type Snapshot = SnapshotOf<ReaderState>;

/** What the service shows of a reader, in the words of SCardGetStatusChange. */
export function readState(reader: ReaderState): ReaderNow {
  return { flags: flagsOf(reader), eventCount: reader.eventCounter & 0xffff, atr: reader.atr };
}

function flagsOf({ sharing, state }: ReaderState): ReaderFlags {
  if (has(state, "unknown")) return { unavailable: true };
  if (!has(state, "present")) return { empty: true };
  const flags: { [flag in ReaderFlag]?: true } = { present: true };
  if (has(state, "swallowed")) flags.mute = true;
  if (sharing < 0) flags.exclusive = true;
  else if (sharing > 0) flags.inuse = true;
  return flags;
}

function has(state: number, name: CardState): boolean {
  return (state & cardStates[name].pcsclite) !== 0;
}
