// SPDX-License-Identifier: MIT

import type { Snapshot as SnapshotOf } from "../../../managers/client/index.ts";
import { decodeReaderState, PNP_NOTIFICATION, type ReaderNow } from "../../../port/index.ts";
import type { NativeReaderState } from "./reader-states.ts";

/** The readers at one moment. */
export type Snapshot = SnapshotOf<NativeReaderState>;

/** SCARD_STATE_CHANGED. */
export const CHANGED = 2;

/** The library's state of a reader. */
export function readState({ atr, state }: NativeReaderState): ReaderNow {
  return { ...decodeReaderState(state & ~CHANGED), atr };
}

/** Whether two queries of the readers are equal. */
export function isSame(one: Snapshot, other: Snapshot): boolean {
  return (
    one.readers.length === other.readers.length &&
    one.readers.every((reader, index) => {
      const same = other.readers[index];
      return same?.name === reader.name && (same.state & ~CHANGED) === (reader.state & ~CHANGED);
    })
  );
}

/** The query for the library's wait: any difference from the last state. */
export function whatWasSeen(
  snapshot: Snapshot,
  notification: number | undefined,
): { readonly name: string; readonly state: number }[] {
  const seen = snapshot.readers.map(({ name, state }) => ({ name, state: (state & ~CHANGED) >>> 0 }));
  return notification === undefined ? seen : [...seen, { name: PNP_NOTIFICATION, state: notification }];
}
