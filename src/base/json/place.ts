// SPDX-License-Identifier: MIT

import { quoteUnlessBytes } from "../binary/index.ts";

/** A problem at one place of a JSON document, and the remedy. */
export interface JsonProblem {
  /** The place as a JSON path: `$.files[0].id`. */
  readonly path: string;
  /** A sentence without the value that was found: it may be a PIN. */
  readonly message: string;
}

/** A kind of value that is kept for a check of the whole document: `const usedPins: JsonNote<number> = {}`. */
export interface JsonNote<T> {
  readonly of?: T;
}

/** A value that was kept. */
export interface JsonNoted<T> {
  readonly place: JsonPlace;
  readonly value: T;
}

/** What was found in a document so far. */
export interface JsonFindings {
  readonly problems: JsonProblem[];
  /** The places of the problems, and all places around them. */
  readonly wrong: Set<string>;
  readonly notes: Map<object, JsonNoted<unknown>[]>;
}

/** One place in a JSON document that is being read. */
export class JsonPlace {
  /** As a JSON path: `$.files[0].id`. */
  readonly path: string;
  readonly #findings: JsonFindings;

  constructor(path = "$", findings: JsonFindings = { problems: [], wrong: new Set(), notes: new Map() }) {
    this.path = path;
    this.#findings = findings;
  }

  /** The problems of the whole document so far. */
  get problems(): readonly JsonProblem[] {
    return this.#findings.problems;
  }

  /** Whether there is no problem here and inside. */
  get isSound(): boolean {
    return !this.#findings.wrong.has(this.path);
  }

  /** A member of the object here, or an element of the array. */
  at(key: string | number): JsonPlace {
    return new JsonPlace(`${this.path}${stepTo(key)}`, this.#findings);
  }

  /** Records a problem here. Returns nothing, as a value that is wrong is read as nothing. */
  problem(message: string): undefined {
    const { problems, wrong } = this.#findings;
    problems.push({ path: this.path, message });
    for (const step of this.path.matchAll(/[.[]|$/g)) wrong.add(this.path.slice(0, step.index));
  }

  /** Records that the value here is missing, or is not what it should be. */
  wrong(value: unknown, expected: string): undefined {
    return this.problem(value === undefined ? `is missing: write ${expected}` : `should be ${expected}`);
  }

  /** Keeps a value for a check of the whole document. */
  note<T>(kind: JsonNote<T>, value: T): void {
    const noted = this.#findings.notes.get(kind) ?? [];
    noted.push({ place: this, value });
    this.#findings.notes.set(kind, noted);
  }

  /** The values of a kind that were kept so far, in the order of the document. */
  notes<T>(kind: JsonNote<T>): readonly JsonNoted<T>[] {
    return (this.#findings.notes.get(kind) ?? []) as JsonNoted<T>[];
  }
}

/** A name that may be bytes for a card is not repeated: a PIN may stand in the place of a name. */
function stepTo(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  if (quoteUnlessBytes(key) !== `"${key}"`) return "[withheld]";
  return /^[A-Za-z]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
