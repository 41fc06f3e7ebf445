// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { PIV_PIN_BYTES, PIV_PIN_PADDING } from "../../base/card-applications/index.ts";
import { type Answer, matchesSecret, RetryCounter, status, sw } from "../software-card/index.ts";
import { MIN_PIN_CHARACTERS } from "./limits.ts";
import type { ReferenceData } from "./piv-image.ts";

/** 63Cx counts to 15. */
const MAX_SHOWN_TRIES = 15;

/** A PIN or PUK as the card keeps it: filled up to 8 bytes with FF. */
export function paddedPin(pin: Uint8Array): Uint8Array {
  return concatBytes(pin, new Uint8Array(PIV_PIN_BYTES - pin.length).fill(PIV_PIN_PADDING));
}

/**
 * Whether these 8 bytes can become a PIN or PUK: 6 to 8 characters, then FF. The standard takes digits alone; Yubico's
 * tokens take any characters.
 *
 * @see NIST SP 800-73-4 part 2, 2.4.3
 */
export function isUsablePin(bytes: Uint8Array, { digitsOnly }: { readonly digitsOnly: boolean }): boolean {
  if (bytes.length !== PIV_PIN_BYTES) return false;
  const end = bytes.indexOf(PIV_PIN_PADDING);
  const characters = end < 0 ? bytes : bytes.subarray(0, end);
  const padding = bytes.subarray(characters.length);
  if (characters.length < MIN_PIN_CHARACTERS || padding.some((byte) => byte !== PIV_PIN_PADDING)) return false;
  return !digitsOnly || characters.every((byte) => byte >= 0x30 && byte <= 0x39);
}

/**
 * What is wrong with a try: 63Cx, or 6983 where none was left; undefined where it was right. The try that uses up the last one
 * is answered with 63C0, and by Yubico's tokens with 6983.
 */
export function tryReferenceData(
  data: ReferenceData,
  presented: Uint8Array,
  { saysBlocked }: { readonly saysBlocked: boolean },
): Answer | undefined {
  const counter = new RetryCounter(data.tries, data.triesLeft);
  const attempt = counter.attempt(() => matchesSecret(data.value, presented));
  data.triesLeft = counter.left;
  if (attempt === "right") return undefined;
  return attempt === "blocked" || saysBlocked ? triesLeft(data) : furtherTries(data);
}

/** How many tries are left: 63Cx; 6983 where it is blocked. */
export function triesLeft(data: ReferenceData): Answer {
  return data.triesLeft === 0 ? status(sw.methodBlocked) : furtherTries(data);
}

function furtherTries(data: ReferenceData): Answer {
  return status(sw.counter | Math.min(data.triesLeft, MAX_SHOWN_TRIES));
}
