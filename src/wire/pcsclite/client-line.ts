// SPDX-License-Identifier: MIT

import { u32le } from "../../base/binary/index.ts";
import { assert, SmartCardError } from "../../port/index.ts";
import { InputBuffer } from "../stream/index.ts";
import type { AnswerReader } from "./answer-readers.ts";
import { waitStruct } from "./messages.ts";

/** How a wait for a change ended. */
export interface Change {
  /** 0: something changed, or the wait was stopped. Otherwise an error's number, as that of SCARD_E_CANCELLED. */
  readonly rv: number;
  /**
   * Whether a stop was on its way when the wait ended. A change may have ended it all the same, in the moment before: the
   * caller must read the readers again.
   */
  readonly stopped: boolean;
}

/** One request of a call, and how its answer is read. Without a reader, it is the end of the wait that is waited for. */
export interface Step {
  readonly request: Uint8Array;
  readonly reader: AnswerReader<unknown> | undefined;
  /** Whether the rest of the answer before may come first: the reader takes it. */
  readonly followsUp?: true;
}

/**
 * A call to the server: it yields its requests one by one and is handed their answers. It runs when its turn has come, and
 * nothing of another call comes between its requests.
 */
export type Steps<T> = Generator<Step, T, unknown>;

/** Sends a request within a call, and reads its answer. */
export function* exchange<T>(request: Uint8Array, reader: AnswerReader<T>): Steps<T> {
  return (yield { request, reader }) as T;
}

/** Sends a request while the rest of the answer before may still be on its way, and reads that and the new answer. */
export function* followUp<T>(request: Uint8Array, reader: AnswerReader<T>): Steps<T> {
  return (yield { request, reader, followsUp: true }) as T;
}

/** Stops the wait within a call. Whichever signal ends it is the answer. */
export function* stop(request: Uint8Array): Steps<Change> {
  return (yield { request, reader: undefined }) as Change;
}

/** What a line needs from its owner. */
export interface ClientLineOptions {
  /** Sends or copies the bytes before it returns: a request that may hold a PIN is cleared once it is answered. */
  readonly send: (bytes: Uint8Array) => void;
  readonly ended: (error: SmartCardError) => void;
}

interface Call {
  readonly steps: Steps<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Wait {
  readonly resolve: (change: Change) => void;
  readonly reject: (error: SmartCardError) => void;
}

const word = u32le.size;

/**
 * One connection to a server: calls run one at a time, in order, and beside them there may be a wait, which the server
 * ends with a signal at any moment.
 *
 * A signal begins with four zeros. No answer does that a client gets while it waits: they begin with a handle, a count
 * from 1 on, or the size of the table, and tables are looked through for the signal. So the first four bytes identify
 * each message, also when messages cross.
 */
export class ClientLine {
  readonly #options: ClientLineOptions;
  readonly #input = new InputBuffer();
  readonly #queue: Call[] = [];
  #current: { readonly call: Call; readonly step: Step } | undefined;
  #wait: Wait | undefined;
  #working = false;
  #error: SmartCardError | undefined;
  #answered = 0;

  constructor(options: ClientLineOptions) {
    this.#options = options;
  }

  /** Whether the server owes a signal. */
  get waiting(): boolean {
    return this.#wait !== undefined;
  }

  /** Whether a call is under way. */
  get busy(): boolean {
    return this.#current !== undefined || this.#queue.length > 0;
  }

  /** How many answers were read so far. */
  get answered(): number {
    return this.#answered;
  }

  /** Runs a call when those before it are done. @throws what the call throws, and why the line ended */
  run<T>(steps: Steps<T>): Promise<T> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ steps, resolve: resolve as (value: unknown) => void, reject });
      this.#work();
    });
  }

  /** Begins a wait: the request for it is about to be sent. The promise that comes back need not be listened to. */
  beginWait(): Promise<Change> {
    assert(this.#wait === undefined, "one wait at a time");
    const over = new Promise<Change>((resolve, reject) => {
      this.#wait = { resolve, reject };
    });
    over.catch(() => {});
    return over;
  }

  /** Ends the wait: its signal has come. */
  signalled(rv: number): void {
    assert(this.#wait !== undefined, "a signal ends a wait");
    const current = this.#current;
    const stopped = current !== undefined && current.step.reader === undefined;
    const change: Change = { rv, stopped };
    this.#wait.resolve(change);
    this.#wait = undefined;
    if (stopped) this.#proceed(current.call, change);
  }

  /** Takes what arrived from the server, in pieces of any size. Never throws. */
  received(piece: Uint8Array): void {
    if (this.#error !== undefined) return;
    this.#input.push(piece);
    this.#work();
  }

  /** Ends all running and later calls with an error. */
  close(error: SmartCardError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#input.clear();
    this.#current?.call.reject(error);
    for (const { reject } of this.#queue.splice(0)) reject(error);
    this.#wait?.reject(error);
    this.#current = undefined;
    this.#wait = undefined;
  }

  #fail(message: string): void {
    const error = new SmartCardError("comm-error", `the smart card service is out of step: ${message}`);
    this.close(error);
    this.#options.ended(error);
  }

  /** Continues as far as possible. A request may be answered before `send` returns, so this may be running already. */
  #work(): void {
    if (this.#working) return;
    this.#working = true;
    while (this.#error === undefined && (this.#readOne() || this.#beginOne())) {}
    this.#working = false;
  }

  /** Begins the next call, where none is under way. */
  #beginOne(): boolean {
    if (this.#current !== undefined) return false;
    const call = this.#queue.shift();
    if (call === undefined) return false;
    this.#proceed(call, undefined);
    return true;
  }

  /** Reads one message, if all of it has arrived. */
  #readOne(): boolean {
    const input = this.#input;
    const current = this.#current;
    const reader = current?.step.reader;
    if (input.length === 0) return false;
    if (this.#isSignal(reader)) {
      if (input.length < waitStruct.size) return false;
      const { rv } = input.read(waitStruct);
      input.drop(waitStruct.size);
      this.signalled(rv);
      return true;
    }
    if (current === undefined || reader === undefined) {
      this.#fail(`it sends ${input.length} bytes that were not requested`);
      return false;
    }
    const progress = reader.read(input);
    if (progress.kind === "broken") this.#fail(progress.message);
    if (progress.kind !== "done") return false;
    this.#answered++;
    this.#proceed(current.call, progress.value);
    return true;
  }

  /** Whether what has arrived begins with a signal, as far as can be seen. */
  #isSignal(reader: AnswerReader<unknown> | undefined): boolean {
    if (this.#wait === undefined || reader?.findsSignals === true) return false;
    return this.#input.isZero(0, Math.min(this.#input.length, word));
  }

  /** Passes an answer to its call and sends the next request, if there is one. */
  #proceed(call: Call, answer: unknown): void {
    this.#current = undefined;
    let result: IteratorResult<Step, unknown>;
    try {
      result = call.steps.next(answer);
    } catch (error) {
      call.reject(asError(error));
      return;
    }
    if (result.done === true) {
      call.resolve(result.value);
      return;
    }
    this.#current = { call, step: result.value };
    const early = result.value.followsUp !== true && this.#input.length > 0 && !this.#isSignal(undefined);
    if (early) this.#fail("it answers before it is asked");
    else this.#options.send(result.value.request);
  }
}

function asError(error: unknown): Error {
  if (!(error instanceof RangeError)) return error instanceof Error ? error : new Error(String(error));
  return new SmartCardError("invalid-parameter", error.message, {}, { cause: error });
}
