// SPDX-License-Identifier: MIT

import { hexWord } from "../../base/binary/index.ts";
import { describeStatusWord, statusWordFamilies, statusWords as sw } from "../../base/iso7816/index.ts";
import { type ErrorCode, type ErrorDetails, SmartCardError } from "../../port/index.ts";
import type { PinDescription } from "./card-module.ts";

const codes: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [sw.securityNotSatisfied, "security-violation"],
  [sw.conditionsNotSatisfied, "security-violation"],
  [sw.methodBlocked, "chv-blocked"],
  [sw.referenceDataNotUsable, "chv-blocked"],
  [sw.functionNotSupported, "unsupported-feature"],
  [sw.wrongInstruction, "unsupported-feature"],
  [sw.wrongClass, "unsupported-feature"],
  [sw.wrongData, "invalid-value"],
  [sw.wrongLength, "invalid-value"],
  [sw.fileNotFound, "file-not-found"],
  [sw.referenceNotFound, "no-key-container"],
  [sw.notEnoughMemory, "write-too-many"],
]);

/** The card is not there any more. */
const goneCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "removed-card",
  "no-smartcard",
  "reader-unavailable",
  "unknown-reader",
]);

/** Whether an error says that the card is not there any more. */
export function saysGone(error: unknown): error is SmartCardError {
  return error instanceof SmartCardError && goneCodes.has(error.code);
}

/** Where an error happened, and what it is about. */
export interface FailurePlace {
  readonly reader: string;
  readonly operation: string;
}

/** The error for a status word. @param what completes "the card refused to …" */
export function statusFailure(statusWord: number, what: string, place: FailurePlace): SmartCardError {
  const message = `the card refused to ${what}: ${hexWord(statusWord)}, ${describeStatusWord(statusWord).meaning}`;
  return new SmartCardError(codes.get(statusWord) ?? "unexpected", message, { ...place, statusWord });
}

/** Whether a status word tells the tries of a PIN: 63Cx. */
export function triesIn(statusWord: number): number | undefined {
  return (statusWord & 0xfff0) === statusWordFamilies.counter ? statusWord & 0x0f : undefined;
}

/** The error for the card's answer to a PIN. */
export function pinFailure(
  statusWord: number,
  pin: PinDescription,
  place: FailurePlace,
  known: number | undefined,
): SmartCardError {
  const triesLeft = triesIn(statusWord) ?? known;
  if (statusWord === sw.methodBlocked || statusWord === sw.referenceDataNotUsable || triesLeft === 0)
    return blocked(pin, { ...place, statusWord, triesLeft: 0 });
  if (
    triesIn(statusWord) === undefined &&
    statusWord !== sw.securityNotSatisfied &&
    statusWord !== sw.warningMemoryChanged
  )
    return statusFailure(statusWord, `take the ${pin.name}`, place);
  const left = triesLeft === undefined ? "" : `; ${triesText(triesLeft)} left`;
  const warning = triesLeft === 1 ? ", and another wrong one blocks it" : "";
  const details = { ...place, statusWord, ...(triesLeft !== undefined && { triesLeft }) };
  return new SmartCardError("wrong-chv", `the ${pin.name} is wrong${left}${warning}`, details);
}

/** The error for a PIN that has no tries. */
export function blocked(pin: PinDescription, details: ErrorDetails): SmartCardError {
  const remedy =
    pin.unblockedBy.length === 0
      ? "this card has no way to unblock it"
      : `unblock() sets a new one, with what the role ${pin.unblockedBy.join(" or ")} knows`;
  return new SmartCardError("chv-blocked", `the ${pin.name} is blocked: no try is left; ${remedy}`, details);
}

/** The error for a last try that is not confirmed. */
export function lastTry(pin: PinDescription, place: FailurePlace): SmartCardError {
  const message = `one try of the ${pin.name} is left, and a wrong one blocks it: to send it all the same answer { pin, lastTry: true }, or give verifyPin() the option lastTry`;
  return new SmartCardError("security-violation", message, { ...place, triesLeft: 1 });
}

function triesText(tries: number): string {
  return tries === 1 ? "1 try is" : `${tries} tries are`;
}
