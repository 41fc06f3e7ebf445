// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import type { Command } from "./messages.ts";

/** What a bad reader does with an answer. */
export const answerFaults = [
  /** bSeq of another command. */
  "wrong-sequence",
  "wrong-slot",
  /** bMessageType of another message. */
  "wrong-type",
  /** Half of the message, and no more. */
  "short",
  /** Less than the ten bytes of a header. */
  "stub",
  /** The message in two transfers. */
  "split",
  /** An empty transfer before the message. */
  "empty-before",
  /** The answer to the command before comes once more, then this one. */
  "stray-before",
  /** The answer comes twice. */
  "twice",
  /** dwLength says more than there is. */
  "long-length",
  /** dwLength is FFFFFFFF. */
  "huge-length",
  /** More bytes than dwLength says. */
  "surplus",
  /** bmCommandStatus is the reserved 3. */
  "reserved-status",
  /** Bytes that are no message. */
  "garbage",
  /** The endpoint is halted, and the answer lost. */
  "stall",
  /** The endpoint is halted; the answer comes when that is cleared. */
  "stall-then-answer",
  /** No answer, ever. */
  "none",
  /** The answer comes late, without a time extension. */
  "late",
  /** Time extensions without end. */
  "endless-extension",
  /** The device is unplugged in place of the answer. */
  "gone",
] as const;

export type AnswerFault = (typeof answerFaults)[number];

/** An answer that is about to go out. */
export interface AnswerStep {
  /** Counts from 1, over the life of the model. */
  readonly number: number;
  readonly command: Command;
}

export type AnswerFaults = (step: AnswerStep) => AnswerFault | undefined;

/** How a fault changes the bytes: the transfers that go out in place of the one. */
export function spoil(message: Uint8Array, fault: AnswerFault, before: Uint8Array | undefined): readonly Uint8Array[] {
  const changed = (at: number, change: (byte: number) => number): readonly Uint8Array[] => {
    const copy = message.slice();
    copy[at] = change(copy[at] ?? 0) & 0xff;
    return [copy];
  };
  const half = Math.max(1, message.length >> 1);
  switch (fault) {
    case "wrong-sequence":
      return changed(6, (byte) => byte + 1);
    case "wrong-slot":
      return changed(5, (byte) => byte ^ 1);
    case "wrong-type":
      return changed(0, (byte) => (byte === 0x83 ? 0x80 : 0x83));
    case "short":
      return [message.slice(0, half)];
    case "stub":
      return [message.slice(0, 5)];
    case "split":
      return [message.slice(0, half), message.slice(half)];
    case "empty-before":
      return [new Uint8Array(0), message];
    case "stray-before":
      return before === undefined ? [message] : [before, message];
    case "twice":
      return [message, message.slice()];
    case "long-length":
      return changed(1, (byte) => byte + 7);
    case "huge-length": {
      const copy = message.slice();
      copy.fill(0xff, 1, 5);
      return [copy];
    }
    case "surplus":
      return [concatBytes(message, Uint8Array.of(0xee, 0xee, 0xee))];
    case "reserved-status":
      return changed(7, (byte) => byte | 0xc0);
    case "garbage":
      return [new Uint8Array(message.length).fill(0xa5)];
    default:
      return [message];
  }
}
