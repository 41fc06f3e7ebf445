// SPDX-License-Identifier: MIT

import { hexByte, zeroBytes } from "../../base/binary/index.ts";
import { statusWords } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { answerForPrograms } from "./answer.ts";
import type { Outcome } from "./card-outcome.ts";
import { UsageError } from "./options.ts";
import type { ShellCard } from "./shell-card.ts";
import { byName, type KnownApplication, knownApplication } from "./shell-names.ts";
import { refusal } from "./shell-select.ts";
import { count } from "./text.ts";

/** The PIN that a line means. */
export interface PinChoice {
  /** P2 of VERIFY. */
  readonly reference: number;
  /** What it is called in questions and messages: `PIN 80`. */
  readonly name: string;
  /** How long it is on the wire, and what it is filled up with. */
  readonly padding: KnownApplication["padding"] | undefined;
}

const MOST_PIN_BYTES = 255;

/**
 * Finds the PIN that a word means: a name of the selected application, or two hexadecimal digits.
 *
 * @param word undefined for the usual PIN of the selected application
 * @param length how long the PIN is on the wire, filled up with FF. @default what the application needs
 * @throws UsageError, which does not repeat the word: it may be a PIN
 */
export function pinChoice(card: ShellCard, word: string | undefined, length: number | undefined): PinChoice {
  const known = knownApplication(card.application);
  const reference = word === undefined ? known?.pin : referenceOf(word, known);
  if (reference === undefined)
    throw new UsageError("the reference is needed: two hexadecimal digits, P2 of VERIFY; or select an application");
  const padding = length === undefined ? known?.padding : { bytes: length, fill: 0xff };
  return { reference, name: `PIN ${hexByte(reference)}`, padding };
}

function referenceOf(word: string, known: KnownApplication | undefined): number {
  const named = known && byName(known.pins, word);
  if (named !== undefined) return named;
  if (/^[0-9a-f]{2}$/i.test(word)) return Number.parseInt(word, 16);
  const names = known === undefined ? "" : `, or ${Object.keys(known.pins).join(", ")}`;
  throw new UsageError(
    `the reference is two hexadecimal digits${names}; a PIN never stands on the line: it is asked for, or --pin says where it comes from`,
  );
}

/** How many tries a PIN has; undefined where the card does not tell. */
export interface PinTries {
  readonly triesLeft: number | undefined;
  /** Whether it was verified already. */
  readonly isVerified: boolean;
}

/**
 * Asks for the tries of a PIN, which costs none: VERIFY without data.
 *
 * @see ISO/IEC 7816-4:2005, 7.5.6
 */
export async function triesOf(card: ShellCard, { reference }: PinChoice, signal: AbortSignal): Promise<PinTries> {
  const outcome = await card.send(Uint8Array.of(0x00, 0x20, 0x00, reference), signal);
  const { sw } = outcome.response;
  return { triesLeft: triesIn(outcome), isVerified: sw === statusWords.success };
}

function triesIn({ ins, response, withheldBytes }: Outcome): number | undefined {
  if (response.sw === statusWords.methodBlocked) return 0;
  return answerForPrograms(response, withheldBytes, ins).retriesLeft;
}

/**
 * Refuses to use the last try without being told to, and a PIN that is blocked.
 *
 * @throws security-violation, chv-blocked
 */
export function checkTries({ name }: PinChoice, { triesLeft }: PinTries, force: boolean | undefined): void {
  if (triesLeft === 0) throw new SmartCardError("chv-blocked", `the ${name} is blocked`, { triesLeft: 0 });
  if (triesLeft !== 1 || force === true) return;
  const message = `one try of the ${name} is left, and a wrong one blocks it: --force sends it all the same`;
  throw new SmartCardError("security-violation", message, { triesLeft: 1 });
}

/**
 * Shows a PIN to the card. The PIN stays the caller's to clear; the command is cleared here.
 *
 * @throws wrong-chv, chv-blocked, invalid-chv (it is too long: nothing is sent), and what the card refuses with
 */
export async function verify(
  card: ShellCard,
  { name, padding, reference }: PinChoice,
  pin: Uint8Array,
  signal: AbortSignal,
): Promise<Outcome> {
  const most = padding?.bytes ?? MOST_PIN_BYTES;
  if (pin.length > most) throw new SmartCardError("invalid-chv", `the ${name} has at most ${most} bytes here`);
  const length = padding?.bytes ?? pin.length;
  const command = new Uint8Array(5 + length).fill(padding?.fill ?? 0, 5);
  command.set([0x00, 0x20, 0x00, reference, length]);
  command.set(pin, 5);
  try {
    const outcome = await card.send(command, signal);
    if (outcome.response.sw === statusWords.success) return outcome;
    throw pinFailure(name, outcome);
  } finally {
    zeroBytes(command);
  }
}

function pinFailure(name: string, outcome: Outcome): SmartCardError {
  const triesLeft = triesIn(outcome);
  if (triesLeft === 0) return new SmartCardError("chv-blocked", `the ${name} is blocked`, { triesLeft });
  if (triesLeft === undefined) return refusal(outcome, `verify the ${name}`);
  return new SmartCardError("wrong-chv", `the ${name} is wrong, ${triesText(triesLeft)} left`, { triesLeft });
}

/** `1 try`, `3 tries`. */
export function triesText(tries: number): string {
  return count(tries, "try").replace("trys", "tries");
}
