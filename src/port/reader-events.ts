// SPDX-License-Identifier: MIT

import type { SmartCardError } from "./error.ts";
import type { ReaderStateReport } from "./resource-manager.ts";

/** One event of a reader, a card, or the service: what `watchReaders` reports. */
export type ReaderEvent =
  | {
      /** A reader is attached. */
      readonly kind: "reader-arrived";
      readonly reader: string;
      /** Its state, with the ATR of a card that is in. A `card-inserted` for that card follows. */
      readonly state: ReaderStateReport;
      /** True for the readers that were there when watching began, or when the service came back. */
      readonly initial: boolean;
    }
  | {
      /** A card is in a reader. */
      readonly kind: "card-inserted";
      readonly reader: string;
      /** Empty for a card that does not answer: `state.flags.mute`. */
      readonly atr: Uint8Array;
      readonly state: ReaderStateReport;
      /** True where the card was in when its reader was first seen. */
      readonly initial: boolean;
    }
  | {
      /** A card was removed, or its reader or the service is gone. */
      readonly kind: "card-removed";
      readonly reader: string;
      readonly state: ReaderStateReport;
    }
  | {
      /** The card is the same, and something else has changed: in use, exclusive, mute, unpowered, the ATR. */
      readonly kind: "state-changed";
      readonly reader: string;
      readonly state: ReaderStateReport;
    }
  | {
      /** A reader was removed. */
      readonly kind: "reader-gone";
      readonly reader: string;
    }
  | {
      /** All present readers have been reported, at the start and after each `service-back`. */
      readonly kind: "state-complete";
    }
  | {
      /** There is no service, or it stopped. The watch retries. */
      readonly kind: "service-lost";
      readonly error: SmartCardError;
    }
  | {
      /** The service is back. Its readers follow. */
      readonly kind: "service-back";
    };

/**
 * The known state of one service's readers, and the changes in each report. Arrivals and removals balance: each
 * reader that arrived goes before it arrives again, and each card that was inserted is removed before the next.
 */
export class KnownReaders {
  readonly #known = new Map<string, ReaderStateReport>();

  /** The last state of a reader, to be passed back to the manager. */
  get(reader: string): ReaderStateReport | undefined {
    return this.#known.get(reader);
  }

  /** The readers that are no longer in a list. */
  *keepOnly(names: readonly string[]): Generator<ReaderEvent> {
    const there = new Set(names);
    for (const reader of [...this.#known.keys()]) if (!there.has(reader)) yield* this.#gone(reader);
  }

  /** @param initial whether it is part of the state at the beginning */
  *take(report: ReaderStateReport, initial: boolean): Generator<ReaderEvent> {
    const { reader } = report;
    const before = this.#known.get(reader);
    const { changed: _, ...flags } = report.flags;
    const state = { ...report, flags };
    if (flags.unknown) {
      yield* this.#gone(reader);
      return;
    }
    this.#known.set(reader, state);
    const is = flags.present === true;
    if (before === undefined) {
      yield { kind: "reader-arrived", reader, state, initial };
      if (is) yield { kind: "card-inserted", reader, atr: state.atr, state, initial: true };
      return;
    }
    const was = before.flags.present === true;
    const swapped = was && is && eventsBetween(before.eventCount, state.eventCount) >= 2;
    if (was && (!is || swapped)) yield { kind: "card-removed", reader, state: is ? gapBefore(state) : state };
    if (is && (!was || swapped)) yield { kind: "card-inserted", reader, atr: state.atr, state, initial: false };
    else if (was === is && differ(before, state)) yield { kind: "state-changed", reader, state };
  }

  *#gone(reader: string): Generator<ReaderEvent> {
    const before = this.#known.get(reader);
    if (before === undefined) return;
    this.#known.delete(reader);
    const state = {
      reader,
      flags: { unavailable: true },
      eventCount: before.eventCount,
      atr: new Uint8Array(0),
    } as const;
    if (before.flags.present) yield { kind: "card-removed", reader, state };
    yield { kind: "reader-gone", reader };
  }
}

/** Removal and insertion are two events; the count wraps from 65,535 to 1. */
function eventsBetween(before: number, now: number): number {
  return (now - before + 0xffff) % 0xffff;
}

/** The reader as it must have been between two cards. */
function gapBefore({ reader, eventCount }: ReaderStateReport): ReaderStateReport {
  return {
    reader,
    flags: { empty: true },
    eventCount: eventCount > 1 ? eventCount - 1 : 0xffff,
    atr: new Uint8Array(0),
  };
}

function differ(before: ReaderStateReport, now: ReaderStateReport): boolean {
  const names = new Set([...Object.keys(before.flags), ...Object.keys(now.flags)]);
  const flags = [...names] as (keyof typeof now.flags)[];
  if (flags.some((name) => (before.flags[name] === true) !== (now.flags[name] === true))) return true;
  return before.atr.length !== now.atr.length || before.atr.some((byte, index) => byte !== now.atr[index]);
}
