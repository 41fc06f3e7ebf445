// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../base/binary/index.ts";
import { InputBuffer } from "../stream/index.ts";
import { ATR_NOT_READ, type ReaderStateEntry, readerStateStruct, unusedReaderState } from "./messages.ts";
import { type ReaderState, ReaderTableReader, type TableProgress } from "./reader-table-reader.ts";
import { encodeSignal } from "./responses.ts";

const size = readerStateStruct.size;

/** A reader as pcscd shows one. */
const reader: fc.Arbitrary<ReaderStateEntry> = fc
  .record({
    name: fc.constantFrom("Gemalto PC Twin Reader 00 00", "Virtual PCD 01 00", "x", '"'),
    eventCounter: fc.nat({ max: 0xffff }),
    readerState: fc.constantFrom(1, 2, 4, 0x0c, 0x34),
    readerSharing: fc.integer({ min: -1, max: 5 }),
    atr: fc.uint8Array({ maxLength: 33 }),
    cardProtocol: fc.constantFrom(0, 1, 2, 4),
  })
  .map(({ name, atr, ...rest }) => {
    const cardAtr = new Uint8Array(33);
    cardAtr.set(atr);
    return { ...rest, readerName: name, cardAtr, cardAtrLength: atr.length };
  });

/** An entry that pcscd does not use. From 2.5.0 on what the compiler left between its members is not zero. */
const unused: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 3, maxLength: 3 }).map((alignment) => {
  const entry = readerStateStruct.encode(unusedReaderState);
  entry.set(alignment, readerStateStruct.offsetOf.alignment);
  return entry;
});

interface Entry {
  readonly encoded: Uint8Array;
  readonly shown: ReaderState | undefined;
}

const entry: fc.Arbitrary<Entry> = fc.oneof(
  reader.map((state) => ({ encoded: readerStateStruct.encode(state), shown: shownOf(state) })),
  unused.map((encoded) => ({ encoded, shown: undefined })),
);

const filling: Entry = { encoded: new Uint8Array(size), shown: undefined };

/** A table of 4:6; or one of 16 as pcscd 2.5 makes it for older clients, filled up with two entries of zeros or more. */
const table: fc.Arbitrary<Entry[]> = fc.oneof(
  fc.array(entry, { minLength: 1, maxLength: 20 }),
  fc
    .array(entry, { minLength: 2, maxLength: 14 })
    .map((used) => [...used, ...Array.from({ length: 16 - used.length }, () => filling)]),
);

function shownOf(state: ReaderStateEntry): ReaderState {
  return {
    name: state.readerName,
    eventCounter: state.eventCounter,
    state: state.readerState,
    sharing: state.readerSharing,
    atr: state.cardAtr.slice(0, state.cardAtrLength),
    protocol: state.cardProtocol,
  };
}

/** Reads a stream that comes in pieces of a size, and what was left when the table was complete. */
function read(stream: Uint8Array, entries: number, pieceBytes: number, looksForSignal: boolean) {
  const signals: number[] = [];
  const input = new InputBuffer();
  const tableReader = new ReaderTableReader(entries, looksForSignal ? (rv) => signals.push(rv) : undefined);
  let progress: TableProgress = { kind: "more" };
  let at = 0;
  while (progress.kind === "more" && at < stream.length) {
    input.push(stream.subarray(at, at + pieceBytes));
    at += pieceBytes;
    progress = tableReader.read(input);
  }
  return { progress, signals, rest: concatBytes(input.copy(0, input.length), stream.subarray(at)) };
}

describe("a reader table", () => {
  it("is read however it is cut, where a signal may come and where it may not", () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 4_000 }), fc.boolean(), (entries, pieceBytes, looksForSignal) => {
        const stream = concatBytes(...entries.map(({ encoded }) => encoded));
        const { progress, signals, rest } = read(stream, entries.length, pieceBytes, looksForSignal);
        const readers = entries.flatMap(({ shown }) => (shown === undefined ? [] : [shown]));
        expect(progress).toEqual({ kind: "done", readers });
        expect(signals).toEqual([]);
        expect(rest.length).toBe(0);
      }),
    );
  });

  it("is read with the signal before any of its entries, and the signal with it", () => {
    fc.assert(
      fc.property(
        table,
        fc.nat(),
        fc.constantFrom(0, 0x8010_0002),
        fc.integer({ min: 1, max: 4_000 }),
        (entries, place, rv, pieceBytes) => {
          const parts = entries.map(({ encoded }) => encoded);
          parts.splice(place % entries.length, 0, encodeSignal(rv));
          const { progress, signals, rest } = read(concatBytes(...parts), entries.length, pieceBytes, true);
          const readers = entries.flatMap(({ shown }) => (shown === undefined ? [] : [shown]));
          expect(progress).toEqual({ kind: "done", readers });
          // Among zeros the signal is read as their last eight: what counts is that it is there, once.
          expect(signals.length === 1 ? encodeSignal(signals[0] as number) : rest).toEqual(encodeSignal(rv));
          expect(signals.length * 8 + rest.length).toBe(8);
        },
      ),
    );
  });

  it("has no ATR of a card that was not looked at yet", () => {
    const state: ReaderStateEntry = {
      ...unusedReaderState,
      readerName: "Reader 00 00",
      cardAtr: new Uint8Array(33).fill(7),
      cardAtrLength: ATR_NOT_READ,
    };
    const { progress } = read(readerStateStruct.encode(state), 1, size, false);
    expect(progress).toMatchObject({ kind: "done", readers: [{ name: "Reader 00 00", atr: new Uint8Array(0) }] });
  });

  it.each([35, 0xffff_ffff])("is broken where an ATR is said to have %i bytes", (cardAtrLength) => {
    const state: ReaderStateEntry = { ...unusedReaderState, readerName: "Reader 00 00", cardAtrLength };
    const { progress } = read(readerStateStruct.encode(state), 1, size, true);
    expect(progress).toEqual({
      kind: "broken",
      message: `the ATR of a reader is said to have ${cardAtrLength} bytes`,
    });
  });

  it("comes out of any bytes, or does not, and nothing is thrown", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 1_000 }),
      fc.array(fc.constantFrom(0, 0x22), { maxLength: 1_000 }),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 300 }), fc.boolean(), (stream, pieceBytes, looksForSignal) => {
        const { progress, signals } = read(Uint8Array.from(stream), 3, pieceBytes, looksForSignal);
        if (stream.length >= 3 * size + 8 && looksForSignal) expect(progress.kind).not.toBe("more");
        expect(signals.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
