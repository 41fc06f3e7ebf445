// SPDX-License-Identifier: MIT

import { encodeHex } from "../../src/base/binary/index.ts";
import type { Dice } from "./dice.ts";

/** A part of the code that takes bytes from a possibly hostile source. */
export interface FuzzTarget {
  readonly name: string;
  /** Whose bytes these are, and what must hold for all of them: one sentence. */
  readonly about: string;
  /** The decoders of `src/` that are looked at here, by the names under which their rooms export them. */
  readonly covers: readonly string[];
  /** The folders and files below `src/` whose blocks count as reached. */
  readonly measures: readonly string[];
  /** Longest input that is made, in bytes. Those of the corpus may be longer. */
  readonly maxBytes: number;
  /** Byte strings that mean something here; they are put into inputs. */
  readonly dictionary?: readonly Uint8Array[];
  /** Makes an input that is nearly right. Without it inputs come out of the corpus and of chance alone. */
  readonly generate?: (dice: Dice) => Uint8Array;
  /** Feeds one input. Throws for every way in which it is not dealt with as it should be. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

/** Something that must hold does not. */
export class Violation extends Error {
  override readonly name: string = "Violation";
}

export function must(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Violation(message);
}

/** Two byte strings must be the same. */
export function mustEqual(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length === expected.length && actual.every((byte, index) => byte === expected[index])) return;
  throw new Violation(`${what}: ${shortHex(actual)}, and should be ${shortHex(expected)}`);
}

/** Two values must read the same. */
export function mustBeAlike(actual: unknown, expected: unknown, what: string): void {
  const [one, other] = [textOf(actual), textOf(expected)];
  if (one !== other) throw new Violation(`${what}: ${one.slice(0, 200)}, and should be ${other.slice(0, 200)}`);
}

/**
 * A value as text: what `JSON.stringify` makes of it, members in the order of their names, byte strings in hexadecimal, and
 * undefined told from absent.
 */
export function textOf(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => {
      if (part instanceof Uint8Array) return encodeHex(part);
      if (part === undefined) return '"undefined"';
      const isRecord = typeof part === "object" && part !== null && !Array.isArray(part);
      return isRecord
        ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
        : part;
    }) ?? '"undefined"'
  );
}

/** How much a decoded value holds: bytes of byte strings and texts, and one for each other part. */
export function weightOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.length + 1;
  if (typeof value === "string") return value.length + 1;
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum: number, part: unknown) => sum + weightOf(part), 1);
}

function shortHex(bytes: Uint8Array): string {
  return bytes.length <= 64 ? encodeHex(bytes) : `${encodeHex(bytes.subarray(0, 64))}… (${bytes.length} bytes)`;
}
