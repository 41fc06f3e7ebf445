// SPDX-License-Identifier: MIT

import { checkBytes, checkFunction, checkMembers, checkTruth } from "../../base/binary/index.ts";
import { buildAtr, ExchangeRedactor } from "../../base/iso7816/index.ts";
import type { SoftwareCard } from "../../cards/software-card/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { checkRecording } from "./check-recording.ts";
import { IgnoredCommands } from "./ignored-commands.ts";
import { recordedText, shownBytes, wholeBytes } from "./recorded-bytes.ts";
import type { RecordedExchange, Recording } from "./recorded-event.ts";
import { redactRecording } from "./redact-recording.ts";
import { ReplayScript } from "./replay-script.ts";

const DIFFERS_IN_WITHHELD = "They differ in bytes that are withheld here.";

/** How a recording is played as a card. */
export interface RecordedCardOptions {
  /**
   * Commands of which only the header is compared: `PERFORM SECURITY OPERATION`. Challenges and what is calculated from them are
   * among them anyway (`randomCommands`).
   */
  readonly ignoring?: readonly string[];
  /**
   * Whether reads (READ BINARY, READ RECORD, GET DATA) between two other commands may come in another order, again, or not at all.
   *
   * @default false
   */
  readonly readsInAnyOrder?: boolean;
  /** Is told of the first command that is not as it was recorded. */
  readonly onDifference?: (difference: ReplayDifference) => void;
}

/** A command that is not as it was recorded. */
export interface ReplayDifference {
  /** The number of the exchange that was expected, from 1; undefined where the recording had ended. */
  readonly number: number | undefined;
  /** What was expected, and what came, in lines for people. No byte is in it that may be secret. */
  readonly text: string;
}

/**
 * A recording as a card: it answers each command as it was answered when it was recorded, in the same order. The first command
 * that is not in the recording fails (comm-error) with a text that shows what was expected, and so do all that follow until the card
 * is reset.
 *
 * What a recording has withheld it cannot know: a command with a withheld PIN fits any PIN of its length, and of a withheld response
 * only the status word is answered.
 */
export class RecordedCard implements SoftwareCard {
  readonly #script: ReplayScript;
  readonly #atr: Uint8Array;
  readonly #shown: ReadonlyMap<RecordedExchange, RecordedExchange>;
  readonly #redactor = new ExchangeRedactor();
  readonly #onDifference: (difference: ReplayDifference) => void;
  #difference: ReplayDifference | undefined;
  /** What was wrong since the last reset. */
  #lost: string | undefined;

  /** @throws TypeError, RangeError (anything but a recording, an option that there is not) */
  constructor(recording: Recording, options: RecordedCardOptions = {}) {
    checkRecording(recording, "recordedCard: recording");
    checkMembers(options, ["ignoring", "readsInAnyOrder", "onDifference"], "recordedCard: options");
    const { ignoring = [], onDifference = () => undefined, readsInAnyOrder = false } = options;
    checkTruth(readsInAnyOrder, "recordedCard: options.readsInAnyOrder");
    checkFunction(onDifference, "recordedCard: options.onDifference");
    this.#script = new ReplayScript(recording, { ignored: new IgnoredCommands(ignoring), readsInAnyOrder });
    this.#onDifference = onDifference;
    this.#atr = atrOf(recording);
    const shown = redactRecording(recording).events;
    this.#shown = new Map(
      recording.events.flatMap((event, index) => {
        const one = shown[index];
        return event.event === "exchange" && one?.event === "exchange" ? [[event, one] as const] : [];
      }),
    );
  }

  /** The first command that was not as it was recorded; undefined where all were. */
  get difference(): ReplayDifference | undefined {
    return this.#difference;
  }

  /** How many exchanges of the recording were not asked for yet. */
  get remaining(): number {
    return this.#script.remaining;
  }

  /**
   * For the end of a test: all commands must have been as they were recorded, and none may be left.
   *
   * @throws invalid-value with the difference, or with the command that did not come
   */
  check(): void {
    if (this.#difference !== undefined) throw new SmartCardError("invalid-value", this.#difference.text);
    const { expected } = this.#script;
    if (expected === undefined || this.remaining === 0) return;
    const text = `${this.remaining} recorded commands did not come; the next is number ${expected.number}\n${this.#expectedLine(expected.exchange)}`;
    throw new SmartCardError("invalid-value", text);
  }

  reset(): Uint8Array {
    this.#script.reset();
    this.#redactor.reset();
    this.#lost = undefined;
    return this.#atr;
  }

  powerOff(): void {
    this.#script.reset();
  }

  process(command: Uint8Array): Uint8Array {
    checkBytes(command, "RecordedCard.process: command");
    const given = this.#redactor.command(command);
    if (this.#lost !== undefined) throw new SmartCardError("comm-error", this.#lost);
    const { expected } = this.#script;
    const exchange = this.#script.take(wholeBytes(command));
    if (exchange === undefined)
      throw this.#differs(recordedText(shownBytes(given.bytes, command.length)), given.text, expected);
    const { failed, response } = exchange;
    if (response === undefined) {
      const reason = `this exchange had failed when it was recorded: ${failed}\n${this.#expectedLine(exchange)}`;
      throw new SmartCardError("comm-error", reason);
    }
    const answer = response.withheld === 0 ? Uint8Array.from(response.before) : Uint8Array.from(response.after);
    this.#redactor.response(answer);
    return answer;
  }

  /** @param given the command that came, as it may be shown, and in words */
  #differs(given: string, words: string, expected: ReplayScript["expected"]): SmartCardError {
    const line = `+ ${given}   ${words}`;
    const text =
      expected === undefined
        ? `this command is not in the recording, which has ended:\n${line}`
        : [
            `command ${expected.number} is not the recorded one (- recorded, + sent):`,
            this.#expectedLine(expected.exchange),
            line,
            ...(this.#textOf(expected.exchange) === given ? [DIFFERS_IN_WITHHELD] : []),
          ].join("\n");
    this.#lost = text;
    const difference = { number: expected?.number, text };
    if (this.#difference === undefined) {
      this.#difference = difference;
      this.#onDifference(difference);
    }
    return new SmartCardError("comm-error", text);
  }

  /** The recorded command, as it may be shown. */
  #textOf(exchange: RecordedExchange): string {
    return recordedText((this.#shown.get(exchange) ?? exchange).command);
  }

  #expectedLine(exchange: RecordedExchange): string {
    return `- ${this.#textOf(exchange)}   ${exchange.name ?? ""}`.trimEnd();
  }
}

/**
 * Makes a card of a recording, for tests: it answers as the recorded card did, and fails with a readable difference on the first
 * command that is another one. Put it into a `VirtualReader`.
 */
export function recordedCard(recording: Recording, options: RecordedCardOptions = {}): RecordedCard {
  return new RecordedCard(recording, options);
}

/** How many responses a recording has withheld: a card that is made from it answers only their status words. */
export function withheldResponses({ events }: Recording): number {
  return events.filter((event) => event.event === "exchange" && (event.response?.withheld ?? 0) > 0).length;
}

/** The ATR that the recording tells; one of a card that speaks its protocol where it tells none. */
function atrOf({ events, header }: Recording): Uint8Array {
  const first = events.find((event) => event.event === "reset" && event.atr !== undefined);
  const told = header.atr ?? (first?.event === "reset" ? first.atr : undefined);
  return Uint8Array.from(told ?? buildAtr({ protocols: header.protocol === "t0" ? [0] : [1] }));
}
