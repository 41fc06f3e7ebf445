// SPDX-License-Identifier: MIT

import { checkObject, checkText, checkTruth, checkWord, quoteWord, shown } from "../base/binary/index.ts";
import { type ErrorCode, errorCodes, errorName, errorNumber } from "./codes.ts";
import type { ReaderStateReport } from "./resource-manager.ts";
import type { Protocol, ShareMode } from "./vocabulary.ts";

/** The client because of which a sharing request was refused. */
export interface Holder {
  /** Name of the program, as its context gave it; `unknown` where it gave none. */
  readonly client: string;
  /** Process id, where it is known. */
  readonly pid?: number;
  readonly shareMode: ShareMode;
  /** True where its transaction is the reason, false where its share mode is. */
  readonly transaction: boolean;
  /** For how long it has held it, in milliseconds. */
  readonly heldMs: number;
}

/** What is known about a failure beyond its code. */
export interface ErrorDetails {
  readonly reader?: string;
  /** The operation that failed, in our words: `connect`, `transmit`, … */
  readonly operation?: string;
  /** For a sharing violation: who holds the reader. */
  readonly holder?: Holder;
  /** For a protocol mismatch: the protocol that the card has used since its last reset, where known. */
  readonly protocol?: Protocol;
  /** For a wrong or blocked PIN: how many tries are left; undefined where the card does not tell. */
  readonly triesLeft?: number;
  /** For a command that the card refused: the status word of its answer. */
  readonly statusWord?: number;
  /** For a status wait that timed out: the states as they were at the end. */
  readonly readerStates?: readonly ReaderStateReport[];
}

const brand: unique symbol = Symbol.for("scard.SmartCardError") as never;

/**
 * Every failure of the subsystem. Compare `code`; `rv` is the number that C code would see (unsigned), and the message
 * carries the SCARD_ name. A status word that a card answers is data and never an error.
 *
 * `instanceof` works across two copies of this package in one process.
 */
export class SmartCardError extends Error {
  override readonly name: string = "SmartCardError";
  /** What failed, spelt as in the Web Smart Card API. */
  readonly code: ErrorCode;
  /** The LONG that Windows' winscard.h gives for it, as unsigned 32 bits. */
  readonly rv: number;
  /** Reader, operation and what else is known: the holder of a reader, the tries of a PIN. */
  readonly details: ErrorDetails;

  /** @throws TypeError for an unknown code, a message that is no string, and details that are no object */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    if (typeof code !== "string" || !Object.hasOwn(errorCodes, code)) throw unknownCode(code);
    checkText(message, "SmartCardError: message");
    checkObject(details, "SmartCardError: details", "pass an object, or leave it out");
    if (options !== undefined)
      checkObject(options, "SmartCardError: options", "pass an object with cause, or leave it out");
    super(`${errorName(code)}: ${message}`, options);
    this.code = code;
    this.rv = errorNumber(code);
    this.details = details;
    Object.defineProperty(this, brand, { value: true });
    made.add(this);
  }

  /** What went wrong, in words: the message without the name of the code that it begins with. */
  get reason(): string {
    return reasonIn(this.message, this.code);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    try {
      return typeof value === "object" && value !== null && (value as Record<PropertyKey, unknown>)[brand] === true;
    } catch {
      // A proxy that cannot be read is not an error of ours.
      return false;
    }
  }
}

function unknownCode(code: unknown): TypeError {
  const given = typeof code === "string" ? quoteWord(code) : shown(code);
  return new TypeError(`SmartCardError: code is ${given}; give one such as "timeout": the type ErrorCode has them all`);
}

/** Errors made by this copy of the package, which can be trusted. */
const made = new WeakSet<object>();

/**
 * An error thrown by foreign code, if it is one of ours; undefined if not. One that only resembles ours (of another copy of the
 * package, or a plain object) is rebuilt from its code and message.
 */
export function ownError(thrown: unknown): SmartCardError | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  if (made.has(thrown)) return thrown as SmartCardError;
  if (!(thrown instanceof SmartCardError)) return undefined;
  try {
    const { code } = thrown;
    const message: unknown = thrown.message;
    if (typeof code !== "string" || typeof message !== "string" || !Object.hasOwn(errorCodes, code)) return undefined;
    return new SmartCardError(code, reasonIn(message, code), {}, { cause: thrown });
  } catch {
    return undefined;
  }
}

/** The reason in the message of an error that came from elsewhere: of another process, or another copy of the package. @throws TypeError */
export function reasonIn(message: string, code: ErrorCode): string {
  checkText(message, "reasonIn: message");
  const prefix = `${errorName(code)}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/** Describes the holder of a reader: "opensc-tool (pid 4711) holds it exclusively since 3.2 s". */
export function describeHolder(holder: Holder): string {
  checkHolder(holder);
  const who = holder.pid === undefined ? holder.client : `${holder.client} (pid ${holder.pid})`;
  const how = holder.transaction ? "is in a transaction" : `is connected ${adverbs[holder.shareMode]}`;
  const since = holder.heldMs < 1000 ? `${Math.round(holder.heldMs)} ms` : `${(holder.heldMs / 1000).toFixed(1)} s`;
  return `${who} ${how} since ${since}`;
}

function checkHolder(holder: Holder): void {
  checkObject(holder, "describeHolder: holder", "pass the holder of an error's details, or of an inspection");
  const { client, heldMs, pid, shareMode, transaction } = holder;
  checkText(client, "describeHolder: holder.client");
  if (pid !== undefined && !Number.isInteger(pid)) throw new TypeError(`describeHolder: holder.pid is ${shown(pid)}`);
  checkWord(shareMode, Object.keys(adverbs), "describeHolder: holder.shareMode");
  checkTruth(transaction, "describeHolder: holder.transaction");
  if (!Number.isFinite(heldMs))
    throw new TypeError(`describeHolder: holder.heldMs is ${shown(heldMs)}; give milliseconds`);
}

const adverbs: Readonly<Record<ShareMode, string>> = {
  shared: "in shared mode",
  exclusive: "in exclusive mode",
  direct: "in direct mode",
};

/** A broken invariant of our own: a bug, never the fault of a caller, a card or a peer. It is not to be caught. */
export class AssertionError extends Error {
  override readonly name: string = "AssertionError";
}

/** Checks an invariant of our own code. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends every switch over a union: a new member becomes a compile error, and a bad cast throws. */
export function assertNever(value: never, what: string): never {
  throw new AssertionError(`unknown ${what}: ${JSON.stringify(value)}`);
}

/** A failure of ours, for anything that was thrown: itself, or an internal-error with it as its cause. */
export function asFailure(thrown: unknown): SmartCardError {
  if (thrown instanceof SmartCardError) return thrown;
  const message = thrown instanceof Error ? String(thrown.message) : `${shown(thrown)} was thrown`;
  return new SmartCardError("internal-error", message, {}, { cause: thrown });
}
