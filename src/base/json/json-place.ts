// SPDX-License-Identifier: MIT

import { checkList, checkText, decodeHex } from "../binary/index.ts";

/** A problem at one place of a JSON document, and the remedy. */
export interface JsonProblem {
  /** The place as a JSON path: `$.files[0].id`. */
  readonly path: string;
  /** A sentence without the value that was found: it may be a PIN. */
  readonly message: string;
}

/**
 * One place in a JSON document that is being checked. Every reading method returns a value of the right type in any
 * case; for a missing or wrong value the problem is recorded and a placeholder returned, so that one pass finds all
 * problems.
 */
export class JsonPlace {
  readonly path: string;
  readonly #value: unknown;
  readonly #problems: JsonProblem[];

  constructor(value: unknown, path: string, problems: JsonProblem[]) {
    checkText(path, "JsonPlace: path");
    checkList(problems, "problems", "JsonPlace: problems");
    this.#value = value;
    this.path = path;
    this.#problems = problems;
  }

  /** Whether there is a value here. */
  get present(): boolean {
    return this.#value !== undefined;
  }

  get isString(): boolean {
    return typeof this.#value === "string";
  }

  get isObject(): boolean {
    return typeof this.#value === "object" && this.#value !== null && !Array.isArray(this.#value);
  }

  get isNull(): boolean {
    return this.#value === null;
  }

  problem(message: string): void {
    this.#problems.push({ path: this.path, message });
  }

  /** Checks that there is an object here, with only `known` members. */
  object(known: readonly string[]): boolean {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#wrong(`an object with ${known.join(", ")}`);
      return false;
    }
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) this.member(key).problem(`is not known here: use ${known.join(", ")}, or remove it`);
    }
    return true;
  }

  /** A member of the object here; an empty place if it is missing. */
  member(key: string): JsonPlace {
    const value = this.#value;
    const has = typeof value === "object" && value !== null && Object.hasOwn(value, key);
    const step = /^[A-Za-z]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    return new JsonPlace(
      has ? (value as Record<string, unknown>)[key] : undefined,
      `${this.path}${step}`,
      this.#problems,
    );
  }

  /** The elements of the array here; none without an array. */
  elements(limit: number): JsonPlace[] {
    const value = this.#value;
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.#wrong("an array");
      return [];
    }
    if (value.length > limit) {
      this.problem(`has ${value.length} elements; keep it to ${limit}`);
      return [];
    }
    return value.map((element: unknown, index) => new JsonPlace(element, `${this.path}[${index}]`, this.#problems));
  }

  /** A whole number from `least` to `most`. Without a fallback it must be there. */
  integer(least: number, most: number, fallback?: number): number {
    const value = this.#value;
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    this.#wrong(`a whole number from ${least} to ${most}`);
    return least;
  }

  /** A time in milliseconds, with fractions: 0 or more. */
  duration(): void {
    const value = this.#value;
    if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
      this.#wrong("a time in milliseconds");
  }

  /** `true` or `false`. Without a fallback it must be there. */
  boolean(fallback?: boolean): boolean {
    const value = this.#value;
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value === "boolean") return value;
    this.#wrong("true or false");
    return false;
  }

  /** Text of 1 to `most` characters. */
  text(most: number): string {
    const value = this.#value;
    if (typeof value === "string" && value.length >= 1 && value.length <= most) return value;
    this.#wrong(`text of 1 to ${most} characters`);
    return "";
  }

  /** One of some words; the first one is the placeholder. */
  oneOf<const T extends string>(words: readonly [T, ...T[]]): T {
    const found = words.find((word) => word === this.#value);
    if (found !== undefined) return found;
    this.#wrong(`one of ${words.map((word) => JSON.stringify(word)).join(", ")}`);
    return words[0];
  }

  /** Bytes of `least` to `most`: hexadecimal text, or an object with `text`, which stands for its UTF-8. */
  bytes(least: number, most: number): Uint8Array {
    const bytes = this.#readBytes();
    if (bytes === undefined) return new Uint8Array(0);
    if (bytes.length >= least && bytes.length <= most) return bytes;
    this.problem(`has ${bytes.length} bytes; it takes ${least === most ? least : `${least} to ${most}`}`);
    return new Uint8Array(0);
  }

  #readBytes(): Uint8Array | undefined {
    const value = this.#value;
    if (typeof value === "string") {
      const decoded = decodeHex(value);
      if (decoded.ok) return decoded.value;
      this.problem(`${decoded.error.message}: write hexadecimal digits, or { "text": "…" } for text`);
      return undefined;
    }
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "text")) {
      this.object(["text"]);
      const text = (value as { readonly text?: unknown }).text;
      if (typeof text === "string") return new TextEncoder().encode(text);
      this.member("text").problem("should be text");
      return undefined;
    }
    this.#wrong('hexadecimal text such as "3F00", or { "text": "…" }');
    return undefined;
  }

  #wrong(expected: string): void {
    this.problem(this.present ? `should be ${expected}` : `is missing: write ${expected}`);
  }
}
