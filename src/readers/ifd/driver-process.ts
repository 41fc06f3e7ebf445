// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import type { CancelTimer, Clock } from "../../port/index.ts";
import {
  type AnswerMessage,
  type DriverCall,
  decodeAnswer,
  driverCalls,
  encodeCall,
  MAX_ANSWER_BYTES,
  MessageDecoder,
} from "./messages.ts";

/** The process that a driver lives in, as the platform gives it. */
export interface DriverPipe {
  /** Sends a message, which is the pipe's own from now on: it may hold a PIN, and the pipe clears it when it has gone out. */
  write(message: Uint8Array): void;
  /** Ends the stream: the process ends itself. */
  end(): void;
  /** Ends the process at once (SIGKILL). */
  kill(): void;
}

/** What the platform reports of the process; `ended` comes exactly once, and is the last. */
export interface DriverPipeEvents {
  /** Bytes of the process. They may hold what a card answered: the platform clears them after the call. */
  received(bytes: Uint8Array): void;
  /** The process has ended. @param how in words that can follow "the driver's process" */
  ended(how: string): void;
}

/** Starts a process for a driver. Where that fails, it is reported as the end of the process. */
export type StartDriver = (events: DriverPipeEvents) => DriverPipe;

/** The process of a driver ended while a call was under way, or before it. */
export class DriverGone extends Error {
  override readonly name = "DriverGone";
}

/** What a driver is asked. */
export interface CallArguments {
  readonly lun?: number;
  readonly argument?: number;
  readonly room?: number;
  /** Stays the caller's. */
  readonly data?: Uint8Array;
}

interface Pending {
  readonly call: DriverCall;
  readonly cancelTimer: CancelTimer;
  answered(answer: AnswerMessage): void;
  failed(error: DriverGone): void;
}

const noBytes = new Uint8Array(0);

/**
 * The calls of a driver that lives in another process. The process is not trusted: an answer that was not asked for, that is too
 * long or malformed, and a call that lasts too long end it.
 */
export class DriverProcess {
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #clock: Clock;
  readonly #onGone: (reason: string) => void;
  readonly #pipe: DriverPipe;
  readonly #decoder = new MessageDecoder(MAX_ANSWER_BYTES);
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #gone: string | undefined;

  /** @param onGone is told once, as soon as no further call can be made, and why */
  constructor(start: StartDriver, clock: Clock, onGone: (reason: string) => void) {
    this.#clock = clock;
    this.#onGone = onGone;
    let hasEnded: () => void = () => {};
    this.ended = new Promise((resolve) => {
      hasEnded = resolve;
    });
    this.#pipe = start({
      received: (bytes) => this.#received(bytes),
      ended: (how) => {
        this.#over(`the driver's process ${how}`);
        hasEnded();
      },
    });
  }

  /**
   * Makes a call. The answer's data are the caller's, who clears them where they may be secret.
   *
   * @param limitMs longest time; the process is ended then
   * @throws DriverGone
   */
  call(call: DriverCall, args: CallArguments, limitMs: number): Promise<AnswerMessage> {
    if (this.#gone !== undefined) return Promise.reject(new DriverGone(this.#gone));
    this.#lastId = (this.#lastId % 0xffff_ffff) + 1;
    const id = this.#lastId;
    const { lun = 0, argument = 0, room = 0, data = noBytes } = args;
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#clock.schedule(limitMs, `driver: ${call}`, () => {
        this.kill(`the driver hangs: ${call} took longer than ${limitMs} ms`);
      });
      this.#pending.set(id, { call, cancelTimer, answered: resolve, failed: reject });
      this.#pipe.write(encodeCall({ id, call, lun, argument, room, data }));
    });
  }

  /** Ends the process at once. Calls under way fail with the reason. */
  kill(reason: string): void {
    if (this.#gone === undefined) this.#pipe.kill();
    this.#over(reason);
  }

  /** Has the process end itself, and kills it after `limitMs`. */
  async end(limitMs: number): Promise<void> {
    this.#pipe.end();
    const cancel = this.#clock.schedule(limitMs, "driver: end", () => this.kill("the driver's process was ended"));
    await this.ended;
    cancel();
  }

  #received(bytes: Uint8Array): void {
    if (this.#gone !== undefined) return;
    const messages = this.#decoder.decode(bytes);
    if (messages === undefined) this.kill("the driver's process sent a message of an impossible length");
    for (const message of messages ?? []) {
      this.#answer(message);
      zeroBytes(message);
    }
  }

  #answer(message: Uint8Array): void {
    const answer = decodeAnswer(message);
    if (!answer.ok) {
      this.kill("the driver's process sent a malformed message");
      return;
    }
    const { id, data } = answer.value;
    const pending = this.#pending.get(id);
    if (pending === undefined || data.length > driverCalls[pending.call].maxAnswerBytes) {
      zeroBytes(data);
      const what = pending === undefined ? "what was not asked for" : `${data.length} bytes to ${pending.call}`;
      this.kill(`the driver's process answered ${what}`);
      return;
    }
    this.#pending.delete(id);
    pending.cancelTimer();
    pending.answered(answer.value);
  }

  #over(reason: string): void {
    if (this.#gone !== undefined) return;
    this.#gone = reason;
    this.#decoder.clear();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { cancelTimer, failed } of pending) {
      cancelTimer();
      failed(new DriverGone(reason));
    }
    this.#onGone(reason);
  }
}
