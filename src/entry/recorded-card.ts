// SPDX-License-Identifier: MIT

/** Recordings where a card's description is expected: the card answers as it did when it was recorded. */

import type { CardPlan } from "../cards/descriptions/index.ts";
import {
  isRecording,
  parseRecording,
  type Recording,
  recordedCard,
  withheldResponses,
} from "../observe/recordings/index.ts";
import { SmartCardError } from "../port/index.ts";

/** Longest recording that is read. */
export const MAX_RECORDING_BYTES = 134_217_728;

/** Whether a text is a recording. */
export { isRecording };

/**
 * Reads a recording.
 *
 * @param path its file, for messages
 * @throws invalid-value with the line that is wrong
 */
export function recordingIn(text: string, path: string): Recording {
  const parsed = parseRecording(text);
  if (parsed.ok) return parsed.value;
  const { line, message } = parsed.error;
  throw new SmartCardError("invalid-value", `${path}: line ${line} ${message}`);
}

/** A recording as the plan of a card. Reads may come in another order, as programs look around in a card in their own way. */
export function recordingPlan(text: string, path: string): CardPlan {
  const recording = recordingIn(text, path);
  const { protocol, reader } = recording.header;
  const exchanges = recording.events.filter(({ event }) => event === "exchange").length;
  const withheld = withheldResponses(recording);
  const facts: readonly (readonly [string, string])[] = [
    ["exchanges", String(exchanges)],
    ...(withheld > 0
      ? [["withheld responses, of which it answers the status word alone", String(withheld)] as const]
      : []),
  ];
  return {
    kind: "recording",
    keep: "memory",
    reader,
    ...((protocol === "t0" || protocol === "t1") && { readerProtocols: [protocol] }),
    contents: [{ member: undefined, name: "recording", facts, provision: undefined }],
    async open() {
      const card = recordedCard(recording, {
        readsInAnyOrder: true,
        onDifference: (difference) => process.emitWarning(`${path}: ${difference.text}`, "RecordingDifference"),
      });
      return { card, describe };
    },
  };
}

function describe(): never {
  const remedy = "its file is what it is made from";
  throw new SmartCardError("unsupported-feature", `a recording has no description of a card: ${remedy}`);
}
