// SPDX-License-Identifier: MIT

import { checkBytes, checkFunction, checkMembers, checkWhole, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { T0_HEADER_BYTES } from "../../base/iso7816/index.ts";
import { MAX_EMPTY_ACKNOWLEDGEMENTS, MAX_WAIT_EXTENSIONS } from "./limits.ts";
import { failed, type LineFault, type T0Step, type TransmissionFailure } from "./step.ts";

/** Longest data of a command, and longest data of a response. P3 = 0 stands for 256 of the latter. */
const MAX_COMMAND_DATA_BYTES = 255;
const MAX_RESPONSE_DATA_BYTES = 256;

/** The procedure byte that asks for another waiting time. ISO/IEC 7816-3:2006, table 12. */
const NULL_BYTE = 0x60;

/** Options of one exchange. */
export interface T0ExchangeOptions {
  /** Asked before each further step of the exchange: true ends it as `overdue`. @default no ceiling but those of counts */
  readonly isOverdue?: () => boolean;
}

/**
 * T=0 on the interface device's side, byte by byte. It does no input and output: the caller sends and reads what a step says,
 * and reports what came with {@link T0Exchange.received} or {@link T0Exchange.failed}, until a step is `done` or `failed`.
 * More bytes than were asked for may be reported, and fewer. Errors of parity are mended on the line (7.3), so one that
 * is reported ends the exchange, and only a reset of the card helps.
 *
 * @see ISO/IEC 7816-3:2006, clause 10
 */
export class T0Exchange {
  readonly #maxWaitExtensions: number;
  #state: "idle" | "procedure" | "sw2" = "idle";
  #needsReset = false;
  /** Header and data; it may hold a PIN. */
  #command: Uint8Array = new Uint8Array(0);
  /** How many bytes of it are sent. */
  #sent = 0;
  #data: Uint8Array = new Uint8Array(0);
  /** How much of the response's data is there, and how much was announced by ACK. */
  #collected = 0;
  #announced = 0;
  #sw1 = 0;
  #extensions = 0;
  #emptyAcknowledgements = 0;
  #sending: Uint8Array | undefined;
  #isOverdue: (() => boolean) | undefined;

  /** @param options `maxWaitExtensions`: most NULL bytes in one exchange. @default 10,000 */
  constructor(options: { readonly maxWaitExtensions?: number } = {}) {
    checkMembers(options, ["maxWaitExtensions"], "T0Exchange: options");
    const { maxWaitExtensions = MAX_WAIT_EXTENSIONS } = options;
    checkWhole(maxWaitExtensions, 0, Number.MAX_SAFE_INTEGER, "T0Exchange: maxWaitExtensions");
    this.#maxWaitExtensions = maxWaitExtensions;
  }

  /**
   * Begins the exchange of one command: 4 bytes for no data in either direction, 5 for a response of P3 bytes (0 is 256), 5 and
   * P3 bytes for a command with data. It is copied, and the copy is cleared at the end.
   *
   * @throws TypeError where it is no bytes; Error where an exchange is under way
   */
  transmit(command: Uint8Array, options: T0ExchangeOptions = {}): T0Step {
    checkBytes(command, "T0Exchange.transmit: command");
    checkMembers(options, ["isOverdue"], "T0Exchange: options of the exchange");
    if (options.isOverdue !== undefined) checkFunction(options.isOverdue, "T0Exchange: isOverdue");
    if (this.#state !== "idle") throw new Error("T0Exchange: an exchange is under way; go on with it");
    if (this.#needsReset)
      return failed("reset-needed", "the card has to be reset after an earlier failure", "warm-reset");
    const problem = commandProblem(command);
    if (problem !== undefined) return failed("invalid-command", problem, "go-on");
    this.#command = new Uint8Array(Math.max(T0_HEADER_BYTES, command.length));
    this.#command.set(command);
    this.#data = new Uint8Array(command.length === T0_HEADER_BYTES ? command[4] || MAX_RESPONSE_DATA_BYTES : 0);
    this.#isOverdue = options.isOverdue;
    this.#sent = 0;
    this.#collected = 0;
    this.#announced = 0;
    this.#extensions = 0;
    this.#emptyAcknowledgements = 0;
    this.#state = "procedure";
    return this.#send(T0_HEADER_BYTES);
  }

  /** What the card sent. Bytes behind SW2 are an error: the card would be out of step with the next command. */
  received(bytes: Uint8Array): T0Step {
    checkBytes(bytes, "T0Exchange.received: bytes");
    this.#mustBeUnderWay("received");
    for (let index = 0; index < bytes.length; index++) {
      const step = this.#take(bytes[index] ?? 0);
      if (step === undefined) continue;
      if (index === bytes.length - 1 || step.kind === "failed") return step;
      if (step.kind === "done") zeroBytes(step.response);
      return this.#lost("invalid-answer", "the card sent more bytes than it may");
    }
    return this.#receive();
  }

  /** The reader reports that a byte did not come within the waiting time, or came with a parity error. */
  failed(why: LineFault): T0Step {
    this.#mustBeUnderWay("failed");
    if (why === "timeout") return this.#lost("no-answer", "the card does not answer");
    return this.#lost("invalid-answer", "the card sent a byte with a parity error");
  }

  /** @returns what to do now; undefined where more bytes are needed first */
  #take(byte: number): T0Step | undefined {
    if (this.#announced > 0) {
      this.#data[this.#collected++] = byte;
      this.#announced--;
      return undefined;
    }
    if (this.#state === "sw2") return this.#done(byte);
    const instruction = this.#command[1] ?? 0;
    if (byte === NULL_BYTE) {
      if (++this.#extensions <= this.#maxWaitExtensions) return undefined;
      const often = `more than ${this.#maxWaitExtensions} times`;
      return this.#lost("too-many-extensions", `the card asked for more time ${often}`);
    }
    if ((byte & 0xf0) === 0x60 || (byte & 0xf0) === 0x90) {
      this.#sw1 = byte;
      this.#state = "sw2";
      return undefined;
    }
    if (byte === instruction) return this.#acknowledged(Number.POSITIVE_INFINITY);
    if (byte === (instruction ^ 0xff)) return this.#acknowledged(1);
    return this.#lost("invalid-answer", "the card sent an invalid procedure byte");
  }

  /** ACK: all that is left, or one byte, is sent or will come. ISO/IEC 7816-3:2006, 10.3.3. */
  #acknowledged(most: number): T0Step | undefined {
    const left = this.#command.length - this.#sent;
    if (left > 0) return this.#send(Math.min(most, left));
    this.#announced = Math.min(most, this.#data.length - this.#collected);
    if (this.#announced > 0 || ++this.#emptyAcknowledgements <= MAX_EMPTY_ACKNOWLEDGEMENTS) return undefined;
    return this.#lost("invalid-answer", "the card acknowledges where there is nothing left to transfer");
  }

  #done(sw2: number): T0Step {
    const response = new Uint8Array(this.#collected + 2);
    response.set(this.#data.subarray(0, this.#collected));
    response.set([this.#sw1, sw2], this.#collected);
    this.#end();
    return { kind: "done", response };
  }

  #send(length: number): T0Step {
    if (this.#isOverdue?.() === true) return this.#overdue();
    this.#clearSending();
    const bytes = copyBytes(this.#command.subarray(this.#sent, this.#sent + length));
    this.#sending = bytes;
    this.#sent += length;
    return { kind: "send", bytes, expect: this.#atLeast() };
  }

  #receive(): T0Step {
    if (this.#isOverdue?.() === true) return this.#overdue();
    this.#clearSending();
    return { kind: "receive", expect: this.#atLeast() };
  }

  /** How many bytes come for sure: announced data, and SW1 SW2 where nothing can come before them. */
  #atLeast(): number {
    if (this.#state === "sw2") return 1;
    const nothingLeft = this.#sent === this.#command.length && this.#collected + this.#announced === this.#data.length;
    return this.#announced + (nothingLeft ? 2 : 1);
  }

  #overdue(): TransmissionFailure {
    return this.#lost("overdue", "the exchange took longer than it may");
  }

  /** T=0 cannot find its step again without a reset. */
  #lost(code: TransmissionFailure["code"], reason: string): TransmissionFailure {
    this.#needsReset = true;
    this.#end();
    return failed(code, reason, "warm-reset");
  }

  #end(): void {
    this.#state = "idle";
    zeroBytes(this.#command);
    zeroBytes(this.#data);
    this.#clearSending();
    this.#isOverdue = undefined;
  }

  #clearSending(): void {
    if (this.#sending !== undefined) zeroBytes(this.#sending);
    this.#sending = undefined;
  }

  #mustBeUnderWay(name: string): void {
    if (this.#state === "idle") throw new Error(`T0Exchange.${name}: no exchange is under way`);
  }
}

/** Why T=0 cannot carry a command; undefined where it can. ISO/IEC 7816-3:2006, 10.3.2. */
function commandProblem(command: Uint8Array): string | undefined {
  const length = command.length;
  if (length < 4) return `a command has at least 4 bytes, not ${length}`;
  if (length > T0_HEADER_BYTES + MAX_COMMAND_DATA_BYTES) {
    return `a command of T=0 has at most ${T0_HEADER_BYTES + MAX_COMMAND_DATA_BYTES} bytes, not ${length}`;
  }
  if (length > T0_HEADER_BYTES && command[4] !== length - T0_HEADER_BYTES) {
    return "P3 is not the number of data bytes that follow it";
  }
  const high = (command[1] ?? 0) & 0xf0;
  return high === 0x60 || high === 0x90 ? "INS 6X and 9X are not allowed: they would be taken for SW1" : undefined;
}
