// SPDX-License-Identifier: MIT

import type { Holder } from "../../port/index.ts";
import { DomExceptionBase, setCause } from "./dom-exception.ts";
import type { SmartCardErrorExtension } from "./extensions.ts";
import type { SmartCardErrorOptions, SmartCardResponseCode } from "./idl.ts";
import { dictionary, domString, enumeration } from "./web-idl.ts";

/** The values of SmartCardResponseCode. */
export const responseCodes: readonly SmartCardResponseCode[] = [
  "no-service",
  "no-smartcard",
  "not-ready",
  "not-transacted",
  "proto-mismatch",
  "reader-unavailable",
  "removed-card",
  "reset-card",
  "server-too-busy",
  "sharing-violation",
  "system-cancelled",
  "unknown-reader",
  "unpowered-card",
  "unresponsive-card",
  "unsupported-card",
  "unsupported-feature",
];

const errorOptions = dictionary<SmartCardErrorOptions>({
  responseCode: { convert: enumeration(responseCodes), isRequired: true },
});

const holders = new WeakMap<object, Holder>();

/**
 * The failure of a PC/SC call: a DOMException with the name "SmartCardError". Draft, SmartCardError interface.
 *
 * It is not the `SmartCardError` of `scard` itself, which is its `cause` where this package has made it.
 */
export class SmartCardError extends DomExceptionBase implements SmartCardErrorExtension {
  readonly #responseCode: SmartCardResponseCode;

  /** @throws TypeError (no response code, or none of the draft's) */
  constructor(message: string | undefined, options: SmartCardErrorOptions) {
    const text = message === undefined ? "" : domString(message, "SmartCardError: message");
    const { responseCode } = errorOptions(options, "SmartCardError: options");
    super(text, "SmartCardError");
    this.#responseCode = responseCode;
  }

  /** The error or warning code of the PC/SC call. */
  get responseCode(): SmartCardResponseCode {
    return this.#responseCode;
  }

  /** Who has the reader, for "sharing-violation"; undefined where it is not known. Not of the draft. */
  get holder(): Holder | undefined {
    return holders.get(this);
  }
}

Object.defineProperty(SmartCardError.prototype, "responseCode", { enumerable: true });
Object.defineProperty(SmartCardError.prototype, Symbol.toStringTag, { value: "SmartCardError", configurable: true });
// A bundle for pages may shorten names.
Object.defineProperty(SmartCardError, "name", { value: "SmartCardError", configurable: true });
Object.defineProperty(SmartCardError, "length", { value: 1, configurable: true });

/** Makes the error of a PC/SC code. */
export function makeSmartCardError(
  responseCode: SmartCardResponseCode,
  message: string,
  known: { readonly holder?: Holder | undefined; readonly cause?: unknown },
): SmartCardError {
  const error = new SmartCardError(message, { responseCode });
  if (known.holder !== undefined) holders.set(error, known.holder);
  if (known.cause !== undefined) setCause(error, known.cause);
  return error;
}
