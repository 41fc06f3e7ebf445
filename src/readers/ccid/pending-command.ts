// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock, SmartCardError } from "../../port/index.ts";
import type { CcidLimits } from "./limits.ts";
import type { ExchangeOptions } from "./link.ts";
import type { AnswerName, CcidAnswer } from "./messages.ts";
import { cancelledError, failureOf } from "./slot-errors.ts";

/** How the wait for an answer ended. After `given-up` the command is still under way in the reader. */
export type CommandOutcome =
  | { readonly kind: "answer"; readonly answer: CcidAnswer }
  | { readonly kind: "failed"; readonly error: SmartCardError }
  | { readonly kind: "given-up"; readonly error: SmartCardError };

interface PendingCommandOptions {
  readonly clock: Clock;
  readonly limits: CcidLimits;
  readonly slot: number;
  readonly sequence: number;
  /** The answer that the command has where it succeeds. */
  readonly answer: AnswerName;
  readonly options: ExchangeOptions;
}

/** A card or reader that does not answer is noticed a second later at most. */
const coarse = { coarse: true } as const;

/** A command that is under way, from its number to its answer, with its time limits. */
export class PendingCommand {
  readonly outcome: Promise<CommandOutcome>;
  readonly #given: PendingCommandOptions;
  #resolve!: (outcome: CommandOutcome) => void;
  #isDecided = false;
  #strays = 0;
  #cancelTimer: CancelTimer | undefined;
  #isSent = false;
  /** On the clock: the end of all extensions; undefined until the first. Most commands read no clock. */
  #deadline: number | undefined;
  /** After the wait has ended: whether and how the slot becomes free. */
  #after: "waiting" | "any-answer" | "abort-answer" | "free" = "waiting";
  #onFree: (() => void) | undefined;

  constructor(given: PendingCommandOptions) {
    this.#given = given;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    given.options.signal.addEventListener("abort", this.#aborted, { once: true });
  }

  get operation(): string {
    return this.#given.options.operation;
  }

  get sequence(): number {
    return this.#given.sequence;
  }

  get slot(): number {
    return this.#given.slot;
  }

  /** Whether its answer is not waited for any more, but only that the slot becomes free. */
  get isAborting(): boolean {
    return this.#isDecided;
  }

  /** Whether nothing more of the reader is waited for. */
  get isFree(): boolean {
    return this.#after === "free";
  }

  /** The command was sent. To say so twice has no effect. */
  startWaiting(): void {
    if (this.#isDecided || this.#isSent) return;
    this.#isSent = true;
    this.#wait(Math.min(this.#given.options.waitMs, this.#mostMs));
  }

  /** An answer with its number has come. */
  received(answer: CcidAnswer): void {
    if (this.#isDecided) {
      const isAwaited =
        this.#after === "abort-answer" ? answer.name === "slot-status" : answer.status !== "time-extension";
      if (isAwaited) this.#free();
      return;
    }
    if (answer.status === "time-extension") {
      this.#extend(answer.error);
      return;
    }
    const { answer: expected } = this.#given;
    if (answer.status === "reserved") this.malformed("bmCommandStatus has a reserved value");
    // Readers answer a command that they refuse by a slot status.
    else if (answer.name !== expected && answer.status !== "failed")
      this.malformed(`${answer.name} is no answer to a command that asks for ${expected}`);
    else this.#decide({ kind: "answer", answer });
    this.#free();
  }

  /** An answer with its number has come that is no message. */
  malformed(why: string): void {
    if (this.#isDecided) this.#free();
    else this.fail(failureOf("comm-error", `the answer of the reader is malformed: ${why}`, this.operation));
  }

  /** Something has come that is no answer to it. */
  stray(what: string): void {
    if (++this.#strays <= this.#given.limits.strays) return;
    if (this.#isDecided) this.#free();
    else this.#decide({ kind: "given-up", error: failureOf("comm-error", what, this.operation) });
  }

  /** The command has failed, and is not under way any more. */
  fail(error: SmartCardError): void {
    this.#decide({ kind: "failed", error });
    this.#free();
  }

  /** From now on any answer with its number says that the slot is free. */
  startAbort(): void {
    this.#strays = 0;
    if (this.#after === "waiting") this.#after = "any-answer";
  }

  /** From now on only the answer to PC_to_RDR_Abort does. */
  expectAbortAnswer(): void {
    if (this.#after !== "free") this.#after = "abort-answer";
  }

  /** Whether the slot becomes free within that time. */
  settlesWithin(ms: number): Promise<boolean> {
    if (this.#after === "free") return Promise.resolve(true);
    if (this.#after === "waiting") this.#after = "any-answer";
    return new Promise((resolve) => {
      const cancel = this.#given.clock.schedule(ms, `ccid ${this.operation} abort`, () => {
        this.#onFree = undefined;
        resolve(false);
      });
      this.#onFree = () => {
        cancel();
        resolve(true);
      };
    });
  }

  /** Nothing of it is left: no timer, no listener. */
  over(): void {
    this.#cancelTimer?.();
    this.#given.options.signal.removeEventListener("abort", this.#aborted);
  }

  /** How long the command may take with all its extensions. */
  get #mostMs(): number {
    const { limits, options } = this.#given;
    return options.endMs ?? limits.exchangeMs;
  }

  #wait(waitMs: number): void {
    this.#cancelTimer?.();
    const late = (): void => {
      const error = failureOf("comm-error", `no answer within ${Math.round(waitMs)} ms`, this.operation);
      this.#decide({ kind: "given-up", error });
    };
    this.#cancelTimer = this.#given.clock.schedule(waitMs, `ccid ${this.operation}`, late, coarse);
  }

  /**
   * The reader asks for more time: a multiple of BWT or WWT. It has the command then, also where the end of the transfer is not
   * told yet. CCID 1.1, 6.2.6.
   */
  #extend(multiple: number): void {
    const { clock, limits, options } = this.#given;
    this.#isSent = true;
    const now = clock.now();
    this.#deadline ??= now + this.#mostMs;
    const wanted = Math.max(options.waitMs, Math.min(limits.mostExtendedMs, options.waitMs * Math.max(1, multiple)));
    this.#wait(Math.min(wanted, Math.max(0, this.#deadline - now)));
  }

  #decide(outcome: CommandOutcome): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#cancelTimer?.();
    this.#resolve(outcome);
  }

  #free(): void {
    this.#after = "free";
    this.#onFree?.();
    this.#onFree = undefined;
  }

  readonly #aborted = (): void => {
    const { operation, signal } = this.#given.options;
    this.#decide({ kind: "given-up", error: cancelledError(operation, signal) });
  };
}
