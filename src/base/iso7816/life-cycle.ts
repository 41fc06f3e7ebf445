// SPDX-License-Identifier: MIT

import { checkWhole, checkWord } from "../binary/index.ts";

/**
 * The life cycle state of a file or a card. Before its first activation no access rules apply; while it is deactivated, and
 * once it is terminated, it cannot be used. ISO/IEC 7816-4:2005, 5.3.3.2, table 13.
 */
export type LifeCycle = "creation" | "initialisation" | "activated" | "deactivated" | "terminated";

const lifeCycleBytes: Readonly<Record<LifeCycle, number>> = {
  creation: 0x01,
  initialisation: 0x03,
  activated: 0x05,
  deactivated: 0x04,
  terminated: 0x0c,
};

/** The life cycle status byte. ISO/IEC 7816-4:2005, 5.3.3.2, table 13. @throws TypeError (an unknown word) */
export function encodeLifeCycle(lifeCycle: LifeCycle): number {
  checkWord(lifeCycle, Object.keys(lifeCycleBytes), "encodeLifeCycle: lifeCycle");
  return lifeCycleBytes[lifeCycle];
}

/**
 * Reads a life cycle status byte. Bits that mean nothing are not looked at: bit 2 in the operational states, bits 2 and 1 in
 * the termination state.
 *
 * @returns undefined for 00 (not told), and for reserved and proprietary values
 * @throws TypeError (not a number), RangeError (not 0 to 255)
 * @see ISO/IEC 7816-4:2005, 5.3.3.2, table 13
 */
export function decodeLifeCycle(byte: number): LifeCycle | undefined {
  checkWhole(byte, 0, 0xff, "decodeLifeCycle: byte");
  const isTermination = (byte & 0xfc) === 0x0c;
  const isOperational = (byte & 0xfc) === 0x04;
  const plain = isTermination ? 0x0c : isOperational ? byte & 0xfd : byte;
  const states: readonly LifeCycle[] = ["creation", "initialisation", "activated", "deactivated", "terminated"];
  return states.find((state) => lifeCycleBytes[state] === plain);
}
