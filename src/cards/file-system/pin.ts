// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type Attempt, matchesSecret, RetryCounter } from "../software-card/index.ts";
import { cardLimits } from "./card-limits.ts";
import type { Access, PinImage } from "./file-system-image.ts";

/** The code that unblocks a PIN. */
interface ResettingCode {
  readonly value: Uint8Array;
  readonly counter: RetryCounter;
}

/** A PIN of a card: its persistent part. Each logical channel knows whether it was verified. */
export class Pin {
  /** P2 of the commands that mean it. */
  readonly reference: number;
  readonly canDisable: boolean;
  /** When its value may be replaced and its counter set back without the old value and the resetting code. */
  readonly reset: Access;
  readonly counter: RetryCounter;
  /** False while it is disabled: conditions that name it are fulfilled. */
  enabled: boolean;
  readonly #fixedLength: boolean;
  readonly #resettingCode: ResettingCode | undefined;
  #value: Uint8Array;

  constructor(image: PinImage) {
    this.reference = image.reference;
    this.canDisable = image.canDisable;
    this.reset = image.reset;
    this.enabled = image.enabled;
    this.counter = new RetryCounter(image.tries, image.triesLeft);
    this.#fixedLength = image.fixedLength;
    this.#value = copyBytes(image.value);
    const code = image.resettingCode;
    this.#resettingCode = code && {
      value: copyBytes(code.value),
      counter: new RetryCounter(code.tries, code.triesLeft),
    };
  }

  /** The one length that a value has; undefined where it may be any. */
  get fixedLength(): number | undefined {
    return this.#fixedLength ? this.#value.length : undefined;
  }

  /** Where the old value ends in data that contains the old and the new value. */
  get length(): number {
    return this.#value.length;
  }

  /** The resetting code's length and counter; undefined for a PIN without one. */
  get resettingCode(): { readonly length: number; readonly counter: RetryCounter } | undefined {
    const code = this.#resettingCode;
    return code && { length: code.value.length, counter: code.counter };
  }

  check(presented: Uint8Array): Attempt {
    return this.counter.attempt(() => matchesSecret(this.#value, presented));
  }

  checkResettingCode(presented: Uint8Array): Attempt {
    const code = this.#resettingCode;
    return code === undefined ? "blocked" : code.counter.attempt(() => matchesSecret(code.value, presented));
  }

  /** Sets a new value; false, without a change, for a wrong length. */
  replace(value: Uint8Array): boolean {
    const { length } = value;
    const fits = this.#fixedLength ? length === this.#value.length : length >= 1 && length <= cardLimits.pinBytes;
    if (!fits) return false;
    zeroBytes(this.#value);
    this.#value = copyBytes(value);
    return true;
  }

  /** Its current state, with its value: not for logs. */
  toImage(): PinImage {
    const code = this.#resettingCode;
    return {
      reference: this.reference,
      value: copyBytes(this.#value),
      fixedLength: this.#fixedLength,
      tries: this.counter.tries,
      triesLeft: this.counter.left,
      enabled: this.enabled,
      canDisable: this.canDisable,
      resettingCode: code && { value: copyBytes(code.value), tries: code.counter.tries, triesLeft: code.counter.left },
      reset: this.reset,
    };
  }
}
