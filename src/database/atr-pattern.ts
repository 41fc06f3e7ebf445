// SPDX-License-Identifier: MIT

import { copyBytes, isBytes } from "../base/binary/index.ts";
import { MAX_ATR_BYTES } from "../base/iso7816/index.ts";
import { SmartCardError } from "../port/index.ts";
import { checkAtrBytes, checkKnown, isObject, refused } from "./arguments.ts";
import { MAX_DESCRIPTION_LENGTH } from "./limits.ts";

/** Identifies a card type by its ATR: an ATR, and which of its bits count. */
export interface AtrPattern {
  /** 1 to 33 bytes. Bits that the mask leaves out must be zero, or nothing ever matches. */
  readonly atr: Uint8Array;
  /** As long as `atr`: a bit that is 1 counts. Without one all bits do. */
  readonly mask?: Uint8Array | undefined;
  /** Description of the cards with this ATR, rather than of the whole type, in lines. */
  readonly description?: string | undefined;
}

/**
 * Whether the pattern matches a card's ATR: both have the same length, and ATR AND mask is the
 * pattern.
 *
 * @see SCardIntroduceCardType, parameter pbAtrMask
 */
export function matchesAtr(pattern: AtrPattern, atr: Uint8Array): boolean {
  checkPattern(pattern);
  checkAtrBytes("atr", atr);
  const { atr: wanted, mask } = pattern;
  if (wanted.length !== atr.length) return false;
  for (let index = 0; index < wanted.length; index++) {
    const byte = atr[index] ?? 0;
    if ((mask === undefined ? byte : byte & (mask[index] ?? 0)) !== wanted[index]) return false;
  }
  return true;
}

/** How many bits of an ATR the pattern compares: of two matches, the one with more bits is more specific. */
export function countedBits(pattern: AtrPattern): number {
  checkPattern(pattern);
  if (pattern.mask === undefined) return pattern.atr.length * 8;
  return pattern.mask.reduce((bits, byte) => bits + bitCount(byte), 0);
}

/** @throws invalid-parameter for anything but a pattern */
export function checkPattern(pattern: AtrPattern): void {
  const isPattern = isObject(pattern) && isBytes(pattern.atr) && (pattern.mask === undefined || isBytes(pattern.mask));
  if (!isPattern)
    throw refused("pattern", pattern, "pass an object with atr, and a mask if need be, both a Uint8Array");
}

/** How many bits of a number of 32 bits are 1. */
export function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * Checks a pattern that a caller gives, and copies it. A mask of ones only is left out: it says nothing.
 *
 * @throws invalid-atr where the ATR has no bytes or more than 33; invalid-parameter where the mask has another length, or
 * something is not what it has to be
 */
export function checkAtrPattern(pattern: AtrPattern, name = "pattern"): AtrPattern {
  if (!isObject(pattern)) throw refused(name, pattern, "pass an object with atr, and a mask if need be");
  checkKnown(name, pattern, ["atr", "mask", "description"]);
  checkAtrBytes(`${name}.atr`, pattern.atr);
  const atr = copyBytes(pattern.atr);
  if (atr.length < 1 || atr.length > MAX_ATR_BYTES) {
    throw new SmartCardError("invalid-atr", `an ATR has 1 to ${MAX_ATR_BYTES} bytes, not ${atr.length}`);
  }
  const description = pattern.description ?? "";
  if (typeof description !== "string") throw refused(`${name}.description`, description, "give a text");
  if (description.length > MAX_DESCRIPTION_LENGTH)
    throw new SmartCardError(
      "invalid-parameter",
      `an ATR has at most ${MAX_DESCRIPTION_LENGTH} characters of description`,
    );
  const about = description === "" ? {} : { description };
  if (pattern.mask === undefined) return { atr, ...about };
  checkAtrBytes(`${name}.mask`, pattern.mask);
  const mask = copyBytes(pattern.mask);
  if (mask.length !== atr.length) {
    throw new SmartCardError("invalid-parameter", `the mask has ${mask.length} bytes, the ATR ${atr.length}`);
  }
  return mask.every((byte) => byte === 0xff) ? { atr, ...about } : { atr, mask, ...about };
}

/** A copy that the receiver may change. */
export function copyAtrPattern({ atr, mask, ...about }: AtrPattern): AtrPattern {
  const copy = { atr: copyBytes(atr), ...about };
  return mask === undefined ? copy : { ...copy, mask: copyBytes(mask) };
}
