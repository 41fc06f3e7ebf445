// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { assert, SmartCardError } from "../../port/index.ts";
import { bodyReader, restOfTableReader, tableReader, tableSizeReader } from "./answer-readers.ts";
import { type Change, type ClientLine, exchange, followUp, type Steps, stop } from "./client-line.ts";
import type { Outcome } from "./client-requests.ts";
import { MAX_READERS } from "./limits.ts";
import { type ProtocolVersion, readerEventsStruct, versions } from "./messages.ts";
import type { ReaderState } from "./reader-table-reader.ts";
import { encodeRequest } from "./requests.ts";
import type { Agreement } from "./version-agreement.ts";

/** A wait that has begun. */
export interface ChangeWait {
  /** The readers as they were when the wait began, or later: what changes after that ends the wait. */
  readonly readers: readonly ReaderState[];
  /** How the wait ended. Rejects when the session ends before; it need not be listened to. */
  readonly over: Promise<Change>;
}

const noBytes = new Uint8Array(0);
const stopRequest = encodeRequest({ kind: "stop-waiting" });

/** The calls of a session about all readers: their table, how many came and went, and waits for a change. */
export class ReaderCalls {
  readonly #line: ClientLine;
  #version: ProtocolVersion | undefined;
  /** Entries of the table up to 4:5, which is as long as the service was built for; undefined until it was measured. */
  #tableEntries: number | undefined;
  #signalsEarly = true;

  constructor(line: ClientLine) {
    this.#line = line;
  }

  get tableEntries(): number | undefined {
    return this.#tableEntries;
  }

  /** The session has agreed on a version; no other call comes before. */
  agreed({ signalsEarly, version }: Agreement): void {
    this.#version = version;
    this.#signalsEarly = signalsEarly;
  }

  *readTable(): Steps<readonly ReaderState[]> {
    if (this.#terms().sizedTable) return yield* this.#readWholeTable(noBytes);
    if (this.#tableEntries === undefined) return yield* this.#measureTable();
    return yield* exchange(encodeRequest({ kind: "reader-table" }), this.#tableReader(this.#tableEntries));
  }

  /**
   * Reads the table of 4:4 and 4:5 for the first time. Nothing says how long it is: a number that pcscd is compiled with,
   * 16 unless its builder chose another. So the version is asked for once more as soon as the table has begun, and what
   * comes before that answer is the table.
   */
  *#measureTable(): Steps<readonly ReaderState[]> {
    const { major, minor } = this.#terms();
    const first = yield* exchange(encodeRequest({ kind: "reader-table" }), tableReader(1));
    const rest = yield* followUp(encodeRequest({ kind: "version", major, minor }), restOfTableReader(MAX_READERS - 1));
    this.#tableEntries = 1 + rest.entries;
    return [...first, ...rest.readers];
  }

  /** Reads the table of a service that says how long it is; `first` is sent before that is asked. */
  *#readWholeTable(first: Uint8Array): Steps<readonly ReaderState[]> {
    const size = concatBytes(first, encodeRequest({ kind: "reader-table-size" }));
    const entries = yield* exchange(size, tableSizeReader(MAX_READERS));
    if (entries === 0) return [];
    return yield* exchange(encodeRequest({ kind: "whole-reader-table" }), this.#tableReader(entries));
  }

  *readEvents(): Steps<Outcome & { readonly readerEvents: number }> {
    if (!this.#terms().readerEvents) {
      throw new SmartCardError("unsupported-feature", "the smart card service does not count its readers before 4:5");
    }
    return yield* exchange(
      encodeRequest({ kind: "reader-events" }),
      bodyReader({ body: readerEventsStruct, value: ({ rv, readerEvents }) => ({ rv, readerEvents }) }),
    );
  }

  *beginWait(): Steps<ChangeWait> {
    const { waitBringsTable } = this.#terms();
    if (this.#line.waiting) throw new SmartCardError("invalid-parameter", "a wait for a change is under way");
    const request = encodeRequest({ kind: "wait-for-change" });
    if (!waitBringsTable) {
      const over = this.#line.beginWait();
      return { readers: yield* this.#readWholeTable(request), over };
    }
    // Where a signal may come in the middle, the length of the table has to be known.
    if (this.#tableEntries === undefined) yield* this.#measureTable();
    const entries = this.#tableEntries ?? 0;
    const over = this.#line.beginWait();
    const reader = this.#signalsEarly ? this.#tableReader(entries) : tableReader(entries);
    return { readers: yield* exchange(request, reader), over };
  }

  *stopWaiting(): Steps<Change | undefined> {
    return this.#line.waiting ? yield* stop(stopRequest) : undefined;
  }

  /** Reads a table in which the signal of a wait may come, if there is a wait. */
  #tableReader(entries: number): ReturnType<typeof tableReader> {
    return tableReader(entries, this.#line.waiting ? (rv) => this.#line.signalled(rv) : undefined);
  }

  #terms(): (typeof versions)[ProtocolVersion] {
    assert(this.#version !== undefined, "a session is opened before readers are asked for");
    return versions[this.#version];
  }
}
