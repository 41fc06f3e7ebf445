// SPDX-License-Identifier: MIT

import { checkFunction, checkMembers, checkObject, checkTruth } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { checkRecording } from "./check-recording.ts";
import { comparedExchange, isSameAnswer, type RecordingDifference } from "./compare-recordings.ts";
import { IgnoredCommands } from "./ignored-commands.ts";
import { allBytes, wholeBytes } from "./recorded-bytes.ts";
import type { RecordedExchange, Recording } from "./recorded-event.ts";
import { EventRedactor } from "./redact-recording.ts";

/** The card that a recording is run against. */
export interface ReplayTarget {
  /** Sends a command, and returns the response. */
  transmit(command: Uint8Array): Promise<Uint8Array>;
  /** Resets the card. */
  reset(): Promise<void>;
}

/** How a recording is run against a card. */
export interface ReplayClientOptions {
  /** Commands of whose responses only length and status word are compared, beside `randomCommands`. */
  readonly ignoring?: readonly string[];
  /** Leaves out commands that are withheld, such as those with a PIN. @default false */
  readonly skipWithheld?: boolean;
  /** Is told of each exchange that was as it was recorded: its number, and how many there are. */
  readonly onExchange?: (number: number, count: number) => void;
  /** Ends it between two commands. */
  readonly signal?: AbortSignal;
}

/** How a recording went against a card. */
export interface ReplayResult {
  /** How many commands were sent. */
  readonly sent: number;
  /** How many were left out, as they are withheld. */
  readonly skipped: number;
  /** The first exchange that was not as it was recorded, where it ended; undefined where all were. */
  readonly difference: RecordingDifference | undefined;
}

/**
 * Sends the commands of a recording to a card, in their order, until one is not answered as it was recorded. The card is reset
 * where it was when the commands were recorded.
 *
 * It stops at the first difference, so a wrong PIN is tried once.
 *
 * @throws invalid-value (commands are withheld, as the recording was made without all bytes), cancelled, and what sending throws
 * @throws TypeError, RangeError (anything but a recording, an option that there is not)
 */
export async function replayToCard(
  recording: Recording,
  target: ReplayTarget,
  options: ReplayClientOptions = {},
): Promise<ReplayResult> {
  checkRecording(recording, "replayToCard: recording");
  checkObject(target, "replayToCard: target", "pass an object with transmit() and reset()");
  checkFunction(target.transmit, "replayToCard: target.transmit");
  checkFunction(target.reset, "replayToCard: target.reset");
  checkMembers(options, ["ignoring", "skipWithheld", "onExchange", "signal"], "replayToCard: options");
  const { onExchange, signal, skipWithheld = false } = options;
  checkTruth(skipWithheld, "replayToCard: options.skipWithheld");
  if (onExchange !== undefined) checkFunction(onExchange, "replayToCard: options.onExchange");
  const ignored = new IgnoredCommands(options.ignoring ?? []);
  const count = recording.events.filter(({ event }) => event === "exchange").length;
  if (!skipWithheld) refuseWithheld(recording);
  const [recorded, answered] = [new EventRedactor(true), new EventRedactor(true)];
  let [number, sent, skipped] = [0, 0, 0];
  for (const event of recording.events) {
    if (signal?.aborted === true)
      throw new SmartCardError("cancelled", "the replay was ended", { operation: "replay" });
    const shown = recorded.redact(event);
    if (event.event !== "exchange" || shown.event !== "exchange") {
      answered.redact(event);
      if (event.event === "reset" && sent > 0) await target.reset();
      continue;
    }
    number++;
    const command = allBytes(event.command);
    if (command === undefined) {
      skipped++;
      continue;
    }
    const answer = await answerOf(target, event, command);
    sent++;
    const isSame =
      isSameAnswer(event.response, answer.response, ignored.has(event.command)) && event.failed === answer.failed;
    const given = answered.redact(answer);
    if (isSame || given.event !== "exchange") {
      onExchange?.(number, count);
      continue;
    }
    const [first, second] = [comparedExchange(shown, number), comparedExchange(given, number)];
    const inWithheldBytes = first.response === second.response && first.failed === second.failed;
    return { sent, skipped, difference: { kind: "response", first, second, inWithheldBytes } };
  }
  return { sent, skipped, difference: undefined };
}

async function answerOf(
  target: ReplayTarget,
  exchange: RecordedExchange,
  command: Uint8Array,
): Promise<RecordedExchange> {
  const { response: _, failed: __, ...asked } = exchange;
  try {
    return { ...asked, response: wholeBytes(await target.transmit(Uint8Array.from(command))) };
  } catch (error) {
    // An exchange that had failed when it was recorded may fail again.
    if (exchange.failed === undefined || !(error instanceof SmartCardError)) throw error;
    return { ...asked, failed: error.code };
  }
}

function refuseWithheld({ events }: Recording): void {
  const exchanges = events.flatMap((event) => (event.event === "exchange" ? [event] : []));
  const withheld = exchanges.filter(({ command }) => command.withheld > 0);
  const [first] = withheld;
  if (first === undefined) return;
  const number = exchanges.indexOf(first) + 1;
  const which = `${first.name ?? "a command"}, number ${number}${withheld.length > 1 ? `, and ${withheld.length - 1} more` : ""}`;
  throw new SmartCardError(
    "invalid-value",
    `the recording has withheld what it would have to send (${which}): record with --raw, or leave such commands out with --skip-withheld`,
  );
}
