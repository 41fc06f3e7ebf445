// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import { errorName, SmartCardError } from "../../port/index.ts";
import { errorForPrograms, type FailureForPrograms } from "./failure.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { duration, jsonText } from "./text.ts";

/** One line of the demo: a call of a program, or an action, and its result. */
export interface Step {
  /** The program, or another actor: the user at the reader, the operator. */
  readonly who: string;
  readonly call: string;
  /** The result, in words. */
  readonly result: string;
  /** The SCARD_ name of what a call returned. */
  readonly status?: string;
  readonly error?: FailureForPrograms;
  /** For a call that waited: how long after what it waited for it came back, in milliseconds. */
  readonly ms?: number;
  /** What it waited for. */
  readonly after?: string;
}

/** A step as JSON has it. */
export interface NumberedStep extends Step {
  /** 1 for the first. */
  readonly step: number;
  readonly chapter: string;
  /** The expected result; only present if the real one differs. */
  readonly expected?: string;
}

/** The result of a call, and its time. */
type Outcome<T> =
  | { readonly ok: true; readonly value: T; readonly at: number }
  | { readonly ok: false; readonly error: SmartCardError; readonly at: number };

/** A call that may still be pending. */
export interface PendingCall<T> {
  readonly call: string;
  /** Whether it is still pending. */
  readonly waiting: boolean;
  readonly outcome: Promise<Outcome<T>>;
}

/** When something happened that calls wait for. */
export interface Moment {
  readonly at: number;
  /** What it was: `the unlock`. */
  readonly what: string;
}

/** Further details of a recorded call. */
export interface Circumstances<T> {
  /** What the call waited for; the time from then on is told. */
  readonly since?: Moment;
  /** The condition for the result, and its description. */
  readonly holds?: (value: T) => boolean;
  readonly what?: string;
}

/** An unexpected result. The transcript has it. */
export class SurpriseError extends Error {
  override readonly name: string = "SurpriseError";
}

/** This moment. */
export function moment(what: string): Moment {
  return { at: nodeClock.now(), what };
}

/** Starts to watch a call. An exception other than a SmartCardError is a bug of ours, and is passed on. */
export function pendingCall<T>(call: string, promise: Promise<T>): PendingCall<T> {
  const state = { call, waiting: true };
  const came = (): number => {
    state.waiting = false;
    return nodeClock.now();
  };
  const outcome = promise.then(
    (value): Outcome<T> => ({ ok: true, value, at: came() }),
    (error: unknown): Outcome<T> => {
      const at = came();
      if (!(error instanceof SmartCardError)) throw error;
      return { ok: false, error, at };
    },
  );
  return Object.assign(state, { outcome });
}

/** Records the results, and stops at the first unexpected one. */
export class Transcript {
  readonly #steps: NumberedStep[] = [];
  readonly #terminal: Terminal;
  readonly #asJson: boolean;
  #chapter = "";

  constructor(terminal: Terminal, asJson: boolean) {
    this.#terminal = terminal;
    this.#asJson = asJson;
  }

  /** The number of recorded steps. */
  get length(): number {
    return this.#steps.length;
  }

  /** Begins a chapter. */
  chapter(title: string): void {
    this.#chapter = title;
    if (!this.#asJson) this.#terminal.print(`\n${this.#terminal.paint("bold", title)}`);
  }

  /** Records one line. @throws SurpriseError where `holds` is false; `what` says what was expected */
  step(step: Step, holds: boolean, what: string): void {
    const numbered = { step: this.length + 1, chapter: this.#chapter, ...step, ...(!holds && { expected: what }) };
    this.#steps.push(numbered);
    if (!this.#asJson) for (const line of describeStep(numbered, this.#terminal.paint)) this.#terminal.print(line);
    if (!holds) throw new SurpriseError(`what should have come back is ${what}`);
  }

  /**
   * Waits for a call that should succeed, and takes down what came of it, as `describe` says it in words.
   *
   * @throws SurpriseError
   */
  async succeeds<T>(
    who: string,
    pending: PendingCall<T>,
    describe: (value: T) => string,
    circumstances: Circumstances<T> = {},
  ): Promise<T> {
    const { holds = () => true, since, what = "" } = circumstances;
    const outcome = await pending.outcome;
    if (!outcome.ok) {
      this.step(failedStep(who, pending.call, outcome.error, since, outcome.at), false, "success");
      throw outcome.error;
    }
    const { at, value } = outcome;
    const step = { who, call: pending.call, result: describe(value), status: "SCARD_S_SUCCESS", ...time(since, at) };
    this.step(step, holds(value), what);
    return value;
  }

  /** Waits for a call that should fail with a certain code, and takes it down. @throws SurpriseError */
  async fails(
    who: string,
    pending: PendingCall<unknown>,
    code: SmartCardError["code"],
    circumstances: Circumstances<SmartCardError> = {},
  ): Promise<void> {
    const { holds = () => true, since, what = "" } = circumstances;
    const { call } = pending;
    const outcome = await pending.outcome;
    if (outcome.ok) {
      const step = { who, call, result: "success", status: "SCARD_S_SUCCESS", ...time(since, outcome.at) };
      this.step(step, false, errorName(code));
      return;
    }
    const { at, error } = outcome;
    const isRight = error.code === code;
    this.step(failedStep(who, call, error, since, at), isRight && holds(error), isRight ? what : errorName(code));
  }

  /** Records a failure outside of all calls. */
  breaks(error: SmartCardError): void {
    const broken = failedStep("demo", "stops", error, undefined, 0);
    this.#steps.push({ step: this.length + 1, chapter: this.#chapter, ...broken });
  }

  /** Prints the end: for programs, all of it. */
  end(summary: string): void {
    this.#terminal.print(this.#asJson ? jsonText(this.#steps) : `\n${summary}`);
  }
}

function time(since: Moment | undefined, at: number): Pick<Step, "ms" | "after"> {
  return since === undefined ? {} : { ms: Number((at - since.at).toFixed(3)), after: since.what };
}

function failedStep(who: string, call: string, error: SmartCardError, since: Moment | undefined, at: number): Step {
  const { message: result } = error;
  return { who, call, result, status: errorName(error.code), error: errorForPrograms(error), ...time(since, at) };
}

const WHO_WIDTH = 9;
const LINE_WIDTH = 120;

function describeStep({ after, call, error, expected, ms, result, who }: NumberedStep, paint: Paint): string[] {
  const latency = ms === undefined ? "" : `  (${duration(ms)} after ${after})`;
  const start = `  ${who.padEnd(WHO_WIDTH)} ${call}`;
  const shown = paint(error === undefined ? "green" : "yellow", `→ ${result}`) + paint("cyan", latency);
  const onOneLine = `${start}  → ${result}${latency}`.length <= LINE_WIDTH;
  const lines = onOneLine ? [`${start}  ${shown}`] : [start, `${" ".repeat(WHO_WIDTH + 5)}${shown}`];
  if (expected !== undefined) lines.push(paint("red", `  That is not what should have come back: ${expected}`));
  return lines;
}
