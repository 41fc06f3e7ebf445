// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import {
  compareRecordings,
  differenceText,
  type RecordedEvent,
  type Recording,
  redactRecording,
  replayToCard,
  wholeBytes,
} from "./index.ts";

function recordingOf(...exchanges: readonly (readonly [string, string])[]): Recording {
  const events = exchanges.map(([command, response]): RecordedEvent => {
    const name = command.startsWith("0020") ? "VERIFY" : undefined;
    return {
      event: "exchange",
      atMs: 0,
      command: wholeBytes(hexBytes(command)),
      response: wholeBytes(hexBytes(response)),
      ...(name && { name }),
    };
  });
  return { header: { recorded: 0, data: "raw" }, events };
}

const select = ["00A4040005A000000308", "9000"] as const;
const verify = ["0020008004 31323334", "9000"] as const;
const read = ["00B0000002", "01029000"] as const;
const challenge = ["0084000004", "010203049000"] as const;

const texts = (one: Recording, other: Recording): string[] =>
  compareRecordings(one, other).differences.map(differenceText);

describe("two recordings", () => {
  test("that are alike have no difference", () => {
    expect(compareRecordings(recordingOf(select, verify), recordingOf(select, verify))).toEqual({
      alike: 2,
      differences: [],
    });
    const random = recordingOf(["0084000004", "AABBCCDD9000"]);
    expect(texts(recordingOf(challenge), random)).toEqual([]);
  });

  test("show an answer that is another one", () => {
    expect(texts(recordingOf(select, verify), recordingOf(select, [verify[0], "63C2"]))).toEqual([
      "  2: 00 20 00 80 04 [4 bytes withheld]   VERIFY\n- 90 00\n+ 63 C2",
    ]);
  });

  test("go on behind commands that one of them has", () => {
    expect(texts(recordingOf(select, read, challenge), recordingOf(select, verify, challenge))).toEqual([
      "- 2: 00 B0 00 00 02\n+ 2: 00 20 00 80 04 [4 bytes withheld]   VERIFY",
    ]);
    expect(texts(recordingOf(select, challenge), recordingOf(select, verify, read, challenge))).toHaveLength(2);
    expect(texts(recordingOf(select), recordingOf())).toEqual(["- 1: 00 A4 04 00 05 A0 00 00 03 08"]);
  });

  test("that differ in a PIN say so, and do not show it", () => {
    const [difference, ...others] = texts(recordingOf(verify), recordingOf(["0020008004 39393939", "9000"]));
    expect(others).toEqual([]);
    expect(difference).toContain("They differ in bytes that are withheld here.");
    expect(difference).not.toMatch(/31 32|39 39/);
    expect(texts(redactRecording(recordingOf(verify)), recordingOf(["0020008004 39393939", "9000"]))).toEqual([]);
  });

  test("end, however different they are", () => {
    const many = (command: string): Recording =>
      recordingOf(...Array.from({ length: 500 }, () => [command, "9000"] as const));
    expect(compareRecordings(many("00B0000001"), many("00B0000002")).differences).toHaveLength(500);
  });
});

describe("a recording against another card", () => {
  const card = (answers: readonly string[]) => {
    const sent: string[] = [];
    let resets = 0;
    return {
      sent,
      resets: () => resets,
      transmit: async (command: Uint8Array) => {
        sent.push(String(command));
        return hexBytes(answers[sent.length - 1] ?? "6F00");
      },
      reset: async () => {
        resets++;
      },
    };
  };

  test("sends all, and resets the card where it was reset", async () => {
    const { events, header } = recordingOf(select, verify, challenge);
    const target = card(["9000", "9000", "FFFFFFFF9000"]);
    const reset: RecordedEvent = { event: "reset", atMs: 0 };
    const recording = { header, events: [reset, ...events.slice(0, 1), reset, ...events.slice(1)] };
    expect(await replayToCard(recording, target)).toEqual({ sent: 3, skipped: 0, difference: undefined });
    expect(target.resets()).toBe(1);
  });

  test("stops at the first difference: a wrong PIN is tried once", async () => {
    const target = card(["9000", "63C2"]);
    const { difference, sent } = await replayToCard(recordingOf(select, verify, read), target);
    expect(sent).toBe(2);
    expect(difference && differenceText(difference)).toBe(
      "  2: 00 20 00 80 04 [4 bytes withheld]   VERIFY\n- 90 00\n+ 63 C2",
    );
  });

  test("does not send what is withheld", async () => {
    const redacted = redactRecording(recordingOf(select, verify, read));
    const target = card(["9000", "01029000"]);
    await expect(replayToCard(redacted, target)).rejects.toThrow(/VERIFY, number 2.*--raw/);
    expect(target.sent).toEqual([]);
    expect(await replayToCard(redacted, target, { skipWithheld: true })).toMatchObject({
      sent: 2,
      skipped: 1,
      difference: undefined,
    });
  });

  test("can be ended", async () => {
    await expect(replayToCard(recordingOf(select), card([]), { signal: AbortSignal.abort() })).rejects.toThrow(
      SmartCardError,
    );
  });
});
