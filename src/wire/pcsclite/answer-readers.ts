// SPDX-License-Identifier: MIT

import { type Field, u32le } from "../../base/binary/index.ts";
import type { InputBuffer } from "../stream/index.ts";
import { headerStruct, PROTOCOL_MAJOR, tableSizeStruct, versionStruct } from "./messages.ts";
import { type ReaderState, ReaderTableReader } from "./reader-table-reader.ts";

/** Result of reading an answer. */
export type Progress<T> =
  | { readonly kind: "more" }
  | { readonly kind: "done"; readonly value: T }
  /** The server is out of step. */
  | { readonly kind: "broken"; readonly message: string };

/** Reads one answer from what has arrived, as far as it has. */
export interface AnswerReader<T> {
  /** Whether it finds the signal of a wait by itself, where one may come in the middle of the answer. */
  readonly findsSignals?: boolean;
  read(input: InputBuffer): Progress<T>;
}

const more = { kind: "more" } as const;

/** How an answer with a body of fixed size is read. */
export interface BodyAnswer<B, T> {
  readonly body: Field<B>;
  /** The encoded request, where the body begins with the handle that the request's begins with. */
  readonly repeats?: Uint8Array;
  /** How many bytes follow the body; a text says what is wrong with their number. */
  readonly trailing?: (body: B) => number | string;
  readonly value: (body: B, trailing: Uint8Array) => T;
}

/** Reads a body of fixed size, and what follows it. */
export function bodyReader<B, T>({ body, repeats, trailing = () => 0, value }: BodyAnswer<B, T>): AnswerReader<T> {
  const handle = repeats === undefined ? undefined : handleOf(repeats);
  return {
    read(input) {
      if (handle !== undefined && input.length >= u32le.size) {
        const repeated = input.read(u32le);
        // xrdp's server has 0 in place of every handle.
        if (repeated !== handle && repeated !== 0) {
          return { kind: "broken", message: `an answer is for the handle ${repeated}, not ${handle}` };
        }
      }
      if (input.length < body.size) return more;
      const answer = input.read(body);
      const length = trailing(answer);
      if (typeof length === "string") return { kind: "broken", message: length };
      if (input.length < body.size + length) return more;
      const rest = input.copy(body.size, length);
      input.drop(body.size + length);
      return { kind: "done", value: value(answer, rest) };
    },
  };
}

/** Reads a number of entries that is at most `limit`. */
export function tableSizeReader(limit: number): AnswerReader<number> {
  return {
    read(input) {
      if (input.length < tableSizeStruct.size) return more;
      const { entries } = input.read(tableSizeStruct);
      if (entries > limit) return { kind: "broken", message: `a table of ${entries} readers is beyond ${limit}` };
      input.drop(tableSizeStruct.size);
      return { kind: "done", value: entries };
    },
  };
}

/** Reads a reader table, and the signal of a wait if it comes before or within it. */
export function tableReader(entries: number, signalled?: (rv: number) => void): AnswerReader<readonly ReaderState[]> {
  const table = new ReaderTableReader(entries, signalled);
  return {
    findsSignals: true,
    read(input) {
      const progress = table.read(input);
      return progress.kind === "done" ? { kind: "done", value: progress.readers } : progress;
    },
  };
}

/** The reader table before the mark that ends it. */
export interface RestOfTable {
  readonly readers: readonly ReaderState[];
  readonly entries: number;
}

/**
 * Reads the rest of a reader table whose length is not known, up to the answer to a request for the version: the service
 * answers in order, so everything before that answer is the table. That answer begins with the major number 4, and an
 * entry with a letter of its reader's name, or with 0.
 *
 * @param limit entries that are taken
 */
export function restOfTableReader(limit: number): AnswerReader<RestOfTable> {
  const readers: ReaderState[] = [];
  let entries = 0;
  return {
    read(input) {
      while (input.length >= u32le.size) {
        if (input.read(u32le) === PROTOCOL_MAJOR) {
          if (input.length < versionStruct.size) return more;
          input.drop(versionStruct.size);
          return { kind: "done", value: { readers, entries } };
        }
        if (entries >= limit) return { kind: "broken", message: `a reader table goes on after ${limit + 1} entries` };
        const progress = new ReaderTableReader(1).read(input);
        if (progress.kind !== "done") return progress;
        readers.push(...progress.readers);
        entries++;
      }
      return more;
    },
  };
}

/** The handle that the body of an encoded request begins with. */
function handleOf(request: Uint8Array): number {
  return u32le.read(new DataView(request.buffer, request.byteOffset), headerStruct.size);
}
