// SPDX-License-Identifier: MIT

import { isBytes, kindOf } from "../../base/binary/index.ts";
import {
  abortSignal,
  type Check,
  callback,
  having,
  optional,
  optionsOf,
  SmartCardError,
  shown,
  type WaitOptions,
  wholeNumber,
} from "../../port/index.ts";
import { type CardPicker, INFINITE } from "../winscard/index.ts";
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

/** A member of an object of the caller. @throws E_INVALIDARG where its getter, or the proxy before it, throws */
export function memberOf(name: string, object: object, member: string): unknown {
  const found = attempt(() => (object as Readonly<Record<string, unknown>>)[member]);
  if (found !== undefined) return found.value;
  throw new ComError("E_INVALIDARG", `${name}.${member} cannot be read; pass an object whose members can`);
}

/**
 * A copy of a list of the caller, so that it is read once.
 *
 * @param remedy what to pass: "pass an array of texts"
 * @throws E_POINTER for anything but an array, E_INVALIDARG for one that is too long or cannot be read
 */
export function listFrom(name: string, value: unknown, remedy: string): readonly unknown[] {
  const found = attempt(() => {
    if (!Array.isArray(value)) return undefined;
    return { length: value.length, copy: value.length > MAX_LISTED ? [] : [...value] };
  });
  if (found === undefined) throw new ComError("E_INVALIDARG", `${name} is an array that cannot be read; ${remedy}`);
  const list = found.value;
  if (list === undefined) throw badPointer(name, value, remedy);
  if (list.length <= MAX_LISTED) return list.copy;
  throw new ComError("E_INVALIDARG", `${name} has ${list.length} elements; the limit is ${MAX_LISTED}`);
}

/** What comes of reading the caller's object; undefined where that throws. */
function attempt<T>(read: () => T): { readonly value: T } | undefined {
  try {
    return { value: read() };
  } catch {
    return undefined;
  }
}

/** Longer than any list that a method can use. */
const MAX_LISTED = 65_536;

/** Whether a value has all of these methods. One whose members cannot be read has none. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  const object = value as Readonly<Record<string, unknown>> | null | undefined;
  try {
    return names.every((name) => typeof object?.[name] === "function");
  } catch {
    return false;
  }
}

/** @throws E_INVALIDARG for anything but the functions of winscard.h */
export function checkWinSCard(winscard: unknown): asserts winscard is WinSCardFunctions {
  if (hasMethods(winscard, "SCardConnect", "SCardStatus")) return;
  throw new ComError("E_INVALIDARG", `winscard is ${kindOf(winscard)}; pass a WinSCard, or the module scard/winscard`);
}

const waitOptions = optionsOf<WaitOptions>({
  timeoutMs: optional(wholeNumber(0, INFINITE, "milliseconds")) as never,
  signal: optional(abortSignal) as never,
  onTurn: optional(callback("a function")) as never,
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
