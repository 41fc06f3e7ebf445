// SPDX-License-Identifier: MIT

import { checkBytes, checkFunction, checkMembers, checkWhole, zeroBytes } from "../../base/binary/index.ts";
import { MAX_IFSC_CHANGES } from "./limits.ts";
import { failed, type LineFault, type T1Step, type TransmissionFailure, type TransmissionFailureCode } from "./step.ts";
import { T1Attempts } from "./t1-attempts.ts";
import {
  type BlockError,
  encodeT1Block,
  MAX_INFORMATION_BYTES,
  readT1Block,
  type Supervision,
  type T1Block,
  type T1Format,
} from "./t1-block.ts";
import { IncomingChain, OutgoingChain } from "./t1-chains.ts";
import { checkT1Options, DEFAULT_IFSD, type T1ExchangeOptions, type T1Options } from "./t1-options.ts";

type Phase =
  /** No exchange is under way. */
  | "idle"
  /** An I-block of the command is sent; the card acknowledges or answers it. */
  | "sending"
  /** The card sends a chain. */
  | "receiving"
  /** The card ended a chain with S(ABORT request). It says next which I-block it expects, or answers. */
  | "abandoned"
  /** An S-block request of ours is sent; the card answers it. */
  | "asking";

/** What the exchange is for. */
type Goal = "transmit" | "negotiate" | "abort";

/**
 * T=1 on the interface device's side: one object from a reset of the card to the next. It does no input and output: the
 * caller sends each block that a step holds, and reports what came with {@link T1Exchange.received} or
 * {@link T1Exchange.failed}, until a step is `done` or `failed`. The number of steps is bounded, whatever the card does.
 *
 * A command is sent once: where the two sides lost step when the card may have the whole command, the exchange fails as
 * `resynchronised`, and the caller decides.
 *
 * @see ISO/IEC 7816-3:2006, clause 11
 */
export class T1Exchange {
  readonly #format: T1Format;
  readonly #initialIfsc: number;
  readonly #maxWaitExtensions: number;
  #ifsc: number;
  #ifsd: number;
  /** The largest IFSD ever agreed to: a card may keep it over a resynchronisation. */
  #acceptedIfsd: number;
  /** N(S) of the I-block that is under way, or of the next one. */
  #sendSequence = 0;
  /** N(S) of the I-block that the card sends next. */
  #receiveSequence = 0;
  /** Whether a valid block came since the reset. There is no resynchronisation before. Rule 7.4.1. */
  #hasAnswered = false;
  #needsReset = false;
  /** Whether the next exchange begins with a resynchronisation. */
  #outOfStep = false;
  #phase: Phase = "idle";
  #goal: Goal = "transmit";
  #outgoing: OutgoingChain | undefined;
  readonly #incoming = new IncomingChain();
  #last: { readonly block: T1Block; readonly bytes: Uint8Array } | undefined;
  /** The first step of the exchange, put off until the two sides are in step. */
  #afterwards: (() => T1Step) | undefined;
  readonly #attempts = new T1Attempts();
  #waitExtensions = 0;
  #ifscChanges = 0;
  #restarted = false;
  #cause: "no-answer" | "invalid-answer" = "no-answer";
  #isOverdue: (() => boolean) | undefined;

  /** @throws TypeError, RangeError for options of another kind or range */
  constructor(options: T1Options) {
    const { ifsc, edc, ifsd, nad, maxWaitExtensions } = checkT1Options(options);
    this.#format = { nad, edc };
    this.#initialIfsc = ifsc;
    this.#ifsc = ifsc;
    this.#ifsd = ifsd;
    this.#acceptedIfsd = ifsd;
    this.#maxWaitExtensions = maxWaitExtensions;
  }

  /** IFSD in use, in bytes. It is 32 again after a resynchronisation; {@link T1Exchange.negotiateIfsd} raises it. */
  get ifsd(): number {
    return this.#ifsd;
  }

  /** IFSC in use, in bytes: that of the ATR until the card asks for another with S(IFS request). */
  get ifsc(): number {
    return this.#ifsc;
  }

  /**
   * Tells the card with S(IFS request) how long an information field may be. `done` when the card agrees; a card that does
   * not leaves IFSD as it was after a reset.
   *
   * @throws RangeError, TypeError for bytes outside 1..254; Error where an exchange is under way
   */
  negotiateIfsd(bytes: number, options: T1ExchangeOptions = {}): T1Step {
    checkWhole(bytes, 1, MAX_INFORMATION_BYTES, "T1Exchange.negotiateIfsd: bytes");
    return this.#refusal(options) ?? this.#begin("negotiate", options, () => this.#ask("ifs", bytes));
  }

  /**
   * Begins the exchange of one command. Its bytes are copied, and the copy is cleared at the end.
   *
   * @throws TypeError where it is no bytes; Error where an exchange is under way
   */
  transmit(command: Uint8Array, options: T1ExchangeOptions = {}): T1Step {
    checkBytes(command, "T1Exchange.transmit: command");
    if (command.length === 0) return failed("invalid-command", "the command is empty", "go-on");
    const refusal = this.#refusal(options);
    if (refusal !== undefined) return refusal;
    const outgoing = new OutgoingChain(command);
    this.#outgoing = outgoing;
    return this.#begin("transmit", options, () => this.#sendInformation(outgoing));
  }

  /** What the card answered to the last block. The bytes are the caller's; nothing of them is kept but copies. */
  received(bytes: Uint8Array): T1Step {
    checkBytes(bytes, "T1Exchange.received: bytes");
    this.#mustBeUnderWay("received");
    const read = readT1Block(bytes, this.#format, this.#acceptedIfsd);
    if (!read.valid) return this.#fault(read.error, "invalid-answer");
    this.#hasAnswered = true;
    return this.#accept(read.block);
  }

  /** The reader reports that no answer came within the waiting time, or one with a parity error. */
  failed(why: LineFault): T1Step {
    this.#mustBeUnderWay("failed");
    return why === "timeout" ? this.#fault("other", "no-answer") : this.#fault("edc", "invalid-answer");
  }

  /**
   * Ends the exchange for a caller that no longer wants its response: a chain by S(ABORT request), anything else by
   * S(RESYNCH request). Call it in place of {@link T1Exchange.received}, and go on as in any exchange: it ends as
   * `cancelled`, or with the need of a reset.
   */
  abort(): T1Step {
    if (this.#phase === "idle") return failed("cancelled", "no exchange was under way", "go-on");
    const isChain = this.#phase === "receiving" || (this.#phase === "sending" && this.#outgoing?.chained === true);
    this.#goal = "abort";
    this.#afterwards = undefined;
    this.#isOverdue = undefined;
    this.#attempts.progress();
    return isChain && this.#hasAnswered ? this.#ask("abort", undefined) : this.#resynchronise();
  }

  /**
   * Ends an exchange whose first block was not sent: the sequence numbers stay. For a block that the reader completes by
   * itself, with a PIN, and does not send where no PIN is entered.
   */
  withdraw(): void {
    this.#mustBeUnderWay("withdraw");
    this.#end();
  }

  /** @throws TypeError (options), Error (an exchange is under way) */
  #refusal(options: T1ExchangeOptions): TransmissionFailure | undefined {
    checkMembers(options, ["isOverdue"], "T1Exchange: options of the exchange");
    if (options.isOverdue !== undefined) checkFunction(options.isOverdue, "T1Exchange: isOverdue");
    if (this.#phase !== "idle") throw new Error("T1Exchange: an exchange is under way; go on with it, or abort it");
    if (!this.#needsReset) return undefined;
    return failed("reset-needed", "the card has to be reset after an earlier failure", "warm-reset");
  }

  #begin(goal: Goal, options: T1ExchangeOptions, first: () => T1Step): T1Step {
    this.#goal = goal;
    this.#isOverdue = options.isOverdue;
    this.#attempts.begin();
    this.#waitExtensions = 0;
    this.#ifscChanges = 0;
    this.#restarted = false;
    if (!this.#outOfStep) return first();
    this.#afterwards = first;
    return this.#resynchronise();
  }

  #accept(block: T1Block): T1Step {
    if (this.#phase === "asking") return this.#answered(block);
    switch (block.kind) {
      case "I":
        return this.#information(block);
      case "R":
        return this.#acknowledged(block);
      case "S":
        return block.response ? this.#fault("other", "invalid-answer") : this.#requested(block.about, block.value ?? 0);
    }
  }

  /** Rules 2.1 and 5: a block of the response. */
  #information({ sequence, more, information }: T1Block & { kind: "I" }): T1Step {
    const comesTooEarly = this.#phase === "sending" && this.#outgoing?.whollySent !== true;
    if (comesTooEarly || sequence !== this.#receiveSequence) return this.#fault("other", "invalid-answer");
    if (this.#phase !== "receiving") this.#sendSequence ^= 1;
    this.#receiveSequence ^= 1;
    this.#attempts.answered();
    const problem = this.#incoming.add(information);
    if (problem !== undefined) return this.#giveUp("response-too-long", problem);
    if (more) {
      this.#phase = "receiving";
      return this.#sendReady("none");
    }
    const response = this.#incoming.take();
    this.#end();
    if (response.length >= 2) return { kind: "done", response };
    return failed("response-too-short", `the response has ${response.length} bytes, without SW1 SW2`, "go-on");
  }

  /** Rules 2.2, 7.1 and 7.2: what the card says of our last block. Its number counts, whatever error it names. */
  #acknowledged({ sequence }: T1Block & { kind: "R" }): T1Step {
    if (this.#phase === "abandoned") {
      this.#sendSequence = sequence;
      return this.#end(failed("aborted-by-card", "the card ended the chain with S(ABORT)", "go-on"));
    }
    const outgoing = this.#phase === "sending" ? this.#outgoing : undefined;
    if (outgoing !== undefined && sequence === this.#sendSequence)
      return this.#sendAgain(this.#informationBlock(outgoing));
    if (outgoing === undefined || outgoing.whollySent) {
      // The card has our I-block and sent one of its own, which did not come: it has to be asked for.
      const last = this.#last?.block;
      return last?.kind === "R" ? this.#sendAgain(last) : this.#fault("other", "invalid-answer");
    }
    this.#sendSequence ^= 1;
    this.#attempts.answered();
    outgoing.advance();
    return this.#sendInformation(outgoing);
  }

  /** Rules 3, 4 and 9: S(WTX), S(IFS) and S(ABORT) of the card. Only we may resynchronise. */
  #requested(about: Supervision, value: number): T1Step {
    switch (about) {
      case "wtx":
        if (++this.#waitExtensions > this.#maxWaitExtensions) {
          const often = `more than ${this.#maxWaitExtensions} times`;
          return this.#giveUp("too-many-extensions", `the card asked for more time ${often}`);
        }
        this.#attempts.progress();
        return this.#send({ kind: "S", about, response: true, value }, Math.max(1, value));
      case "ifs":
        if (++this.#ifscChanges > MAX_IFSC_CHANGES) return this.#fault("other", "invalid-answer");
        this.#ifsc = value;
        this.#attempts.progress();
        return this.#send({ kind: "S", about, response: true, value });
      case "abort":
        return this.#abandoned();
      case "resynch":
        return this.#fault("other", "invalid-answer");
    }
  }

  /** Rule 9: the card ends its chain, or ours. */
  #abandoned(): T1Step {
    const response = { kind: "S", about: "abort", response: true, value: undefined } as const;
    if (this.#phase === "abandoned") return this.#sendAgain(response);
    const isChain = this.#phase === "receiving" || this.#outgoing?.chained === true;
    if (!isChain) return this.#fault("other", "invalid-answer");
    // An I-block may follow: it is the response then, and it acknowledges ours once.
    if (this.#phase === "receiving") this.#sendSequence ^= 1;
    this.#phase = "abandoned";
    this.#attempts.progress();
    this.#incoming.clear();
    return this.#send(response);
  }

  /** Rules 4, 6 and 9: a request of ours has an answer, or something else came. */
  #answered(block: T1Block): T1Step {
    const asked = this.#last?.block;
    const isAnswer =
      block.kind === "S" &&
      asked?.kind === "S" &&
      block.response &&
      block.about === asked.about &&
      block.value === asked.value;
    if (!isAnswer) return this.#fault("other", "invalid-answer");
    this.#attempts.progress();
    switch (asked.about) {
      case "ifs":
        this.#ifsd = asked.value ?? this.#ifsd;
        this.#acceptedIfsd = Math.max(this.#acceptedIfsd, this.#ifsd);
        return this.#end({ kind: "done", response: new Uint8Array(0) });
      case "abort":
        // The card's last block may be lost, so the sequence numbers are unknown.
        this.#outOfStep = true;
        return this.#cancelled();
      default:
        return this.#resynchronised();
    }
  }

  /** Rule 6: both sides start anew, with the values from the reset. */
  #resynchronised(): T1Step {
    this.#outOfStep = false;
    this.#sendSequence = 0;
    this.#receiveSequence = 0;
    this.#ifsc = this.#initialIfsc;
    this.#ifsd = DEFAULT_IFSD;
    this.#attempts.resynchronised();
    const first = this.#afterwards;
    this.#afterwards = undefined;
    if (first !== undefined) return first();
    if (this.#goal === "abort") return this.#cancelled();
    if (this.#goal === "negotiate") {
      return this.#end(failed(this.#cause, "the card does not answer S(IFS request)", "go-on"));
    }
    if (this.#outgoing !== undefined && !this.#outgoing.whollySent && !this.#restarted) {
      this.#restarted = true;
      this.#outgoing.restart();
      return this.#sendInformation(this.#outgoing);
    }
    const reason = "card and reader lost step; the card may have executed the command";
    return this.#end(failed("resynchronised", reason, "go-on"));
  }

  /** Rule 7: no valid block came. */
  #fault(error: "edc" | "other", cause: "no-answer" | "invalid-answer"): T1Step {
    this.#cause = cause;
    const last = this.#last?.block;
    if (this.#phase === "asking") {
      const isResynchronisation = last?.kind === "S" && last.about === "resynch";
      return isResynchronisation ? this.#resynchronise() : this.#repeat(last);
    }
    return this.#repeat({ kind: "R", sequence: this.#receiveSequence, error });
  }

  /** Sends a block for lack of a good answer: at most twice in a row. Rule 7.4. */
  #repeat(block: T1Block | undefined): T1Step {
    if (block !== undefined && this.#attempts.retransmit()) return this.#send(block);
    return this.#hasAnswered ? this.#resynchronise() : this.#mute();
  }

  /** Sends a block that the card did not get. */
  #sendAgain(block: T1Block): T1Step {
    this.#cause = "invalid-answer";
    return this.#attempts.answerComplaint() ? this.#send(block) : this.#resynchronise();
  }

  #resynchronise(): T1Step {
    return this.#attempts.resynchronise() ? this.#ask("resynch", undefined) : this.#mute();
  }

  /** Rules 7.4.1 and 7.4.3: only a reset can help. */
  #mute(): TransmissionFailure {
    this.#needsReset = true;
    const what = this.#cause === "no-answer" ? "the card does not answer" : "the card sends no valid block";
    return this.#end(failed(this.#cause, `${what}; it has to be reset`, "warm-reset"));
  }

  /** Ends an exchange that the card goes on with: the next one begins with a resynchronisation. */
  #giveUp(code: TransmissionFailureCode, reason: string): TransmissionFailure {
    this.#outOfStep = true;
    return this.#end(failed(code, reason, "go-on"));
  }

  #cancelled(): TransmissionFailure {
    return this.#end(failed("cancelled", "the exchange was cancelled", "go-on"));
  }

  #ask(about: Supervision, value: number | undefined): T1Step {
    this.#phase = "asking";
    return this.#send({ kind: "S", about, response: false, value });
  }

  #sendReady(error: BlockError): T1Step {
    return this.#send({ kind: "R", sequence: this.#receiveSequence, error });
  }

  #sendInformation(outgoing: OutgoingChain): T1Step {
    this.#phase = "sending";
    return this.#send(this.#informationBlock(outgoing));
  }

  #informationBlock(outgoing: OutgoingChain): T1Block {
    const information = outgoing.information(this.#ifsc);
    return { kind: "I", sequence: this.#sendSequence, more: !outgoing.whollySent, information };
  }

  #send(block: T1Block, waitMultiplier = 1): T1Step {
    if (this.#isOverdue?.() === true) return this.#giveUp("overdue", "the exchange took longer than it may");
    if (this.#last !== undefined) zeroBytes(this.#last.bytes);
    const bytes = encodeT1Block(block, this.#format);
    this.#last = { block, bytes };
    return { kind: "send", block: bytes, waitMultiplier };
  }

  #end<T extends T1Step>(step: T): T;
  #end(): undefined;
  #end(step?: T1Step): T1Step | undefined {
    this.#phase = "idle";
    if (this.#last !== undefined) zeroBytes(this.#last.bytes);
    this.#last = undefined;
    this.#outgoing?.clear();
    this.#outgoing = undefined;
    this.#incoming.clear();
    this.#afterwards = undefined;
    this.#isOverdue = undefined;
    return step;
  }

  #mustBeUnderWay(name: string): void {
    if (this.#phase === "idle") throw new Error(`T1Exchange.${name}: no exchange is under way`);
  }
}
