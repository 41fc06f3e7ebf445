// SPDX-License-Identifier: MIT

import { isBytes, kindOf } from "../binary/index.ts";
import {
  abortSignal,
  type Check,
  having,
  optional,
  optionsOf,
  SmartCardError,
  shown,
  type WaitOptions,
  wholeNumber,
} from "../pcsc/index.ts";
import type { CardPicker } from "../winscard/index.ts";
import { ComError } from "./com-error.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

// Checks of the arguments of the service providers' methods. Each names the argument, what came and what to pass. Text and
// bytes are never repeated: they may be a misplaced PIN.

/** The failure of an invalid argument. */
export function badArgument(name: string, value: unknown, remedy: string): ComError {
  return new ComError("E_INVALIDARG", `${name} is ${shown(value)}; ${remedy}`);
}

/** The failure of an argument that is missing or of the wrong type. */
export function badPointer(name: string, value: unknown, remedy: string): ComError {
  return new ComError("E_POINTER", `${name} is ${shown(value)}; ${remedy}`);
}

/** @throws E_INVALIDARG for anything but a text that is not empty */
export function checkText(name: string, value: unknown, what: string): asserts value is string {
  if (value === "") throw new ComError("E_INVALIDARG", `${name} is empty; give ${what}`);
  if (typeof value !== "string") throw badArgument(name, value, `give ${what} as a text`);
}

/** @throws E_INVALIDARG for anything but a whole number in a range, both ends included */
export function checkNumber(name: string, value: unknown, least: number, most: number): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw badArgument(name, value, `give a whole number from ${least} to ${most}`);
}

/** @throws E_INVALIDARG for anything but one of the numbers of an enumeration */
export function checkOneOf(name: string, value: unknown, table: Readonly<Record<string, number>>): void {
  if ((Object.values(table) as unknown[]).includes(value)) return;
  const allowed = Object.entries(table).map(([word, number]) => `${word} ${number}`);
  throw badArgument(name, value, `give one of ${allowed.join(", ")}`);
}

/** @throws E_INVALIDARG for anything but a combination of flags */
export function checkBits(name: string, value: unknown, allowed: number, what: string): asserts value is number {
  if (Number.isInteger(value) && ((value as number) & ~allowed) === 0) return;
  throw badArgument(name, value, `give ${what}`);
}

/** @throws E_POINTER for anything but bytes */
export function checkArray(name: string, value: unknown): asserts value is Uint8Array {
  if (!isBytes(value)) throw badPointer(name, value, "pass a Uint8Array; decodeHex makes one of hexadecimal digits");
}

/** @throws E_INVALIDARG for anything but a function */
export function checkFunction(name: string, value: unknown, what: string): void {
  if (typeof value !== "function") throw badArgument(name, value, `pass ${what}`);
}

/** @throws E_INVALIDARG for anything but an object */
export function checkObject(name: string, value: unknown, what: string): asserts value is object {
  if (typeof value !== "object" || value === null) throw badArgument(name, value, `pass ${what}`);
}

/** The dialog, as SCardUIDlgSelectCard takes it. */
export const cardPicker: Check<CardPicker> = having<CardPicker>(["pick"], "a card picker");

/** @throws E_INVALIDARG for anything but a dialog, as SCardUIDlgSelectCard takes it */
export function checkPicker(value: unknown): asserts value is CardPicker {
  argument(() => cardPicker(value, { operation: "provider", path: "picker" }));
}

/** @throws E_INVALIDARG for anything but the functions of winscard.h */
export function checkWinSCard(winscard: unknown): asserts winscard is WinSCardFunctions {
  const functions = winscard as Partial<WinSCardFunctions> | null | undefined;
  if (typeof functions?.SCardConnect === "function" && typeof functions.SCardStatus === "function") return;
  throw new ComError("E_INVALIDARG", `winscard is ${kindOf(winscard)}; pass a WinSCard, or the module scard/winscard`);
}

/** The longest time that winscard.h has a number for: INFINITE. */
const INFINITE = 0xffff_ffff;
const waitOptions = optionsOf<WaitOptions>({
  timeoutMs: optional(wholeNumber(0, INFINITE, "milliseconds")) as never,
  signal: optional(abortSignal) as never,
});

/** @throws E_INVALIDARG for anything but `{ timeoutMs, signal }`, SCARD_E_CANCELLED where the signal is aborted already */
export function checkWait(wait: unknown, operation: string): WaitOptions {
  const checked = argument(() => waitOptions(wait, { operation, path: "wait" }));
  if (checked.signal?.aborted !== true) return checked;
  const cause = { cause: checked.signal.reason };
  throw new ComError(new SmartCardError("cancelled", `${operation}: the signal is aborted`, { operation }, cause));
}

/** Runs a check of the port, and translates its refusal. */
export function argument<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asArgument(error);
  }
}

/** Without the name of the code that the message begins with: the failure has a code of its own. */
function asArgument(error: unknown): unknown {
  return error instanceof SmartCardError ? new ComError("E_INVALIDARG", error.reason) : error;
}
