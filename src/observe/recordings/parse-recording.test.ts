// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import {
  bytesWithZeros,
  formatRecording,
  isRecording,
  parseRecording,
  type Recording,
  recordedText,
  redactRecording,
  shownBytes,
  wholeBytes,
} from "./index.ts";

const recording: Recording = {
  header: {
    recorded: 1_790_000_000_000,
    data: "raw",
    atr: hexBytes("3B8001"),
    reader: "Desk",
    protocol: "t1",
    source: "test",
  },
  events: [
    { event: "reset", atMs: 0, atr: hexBytes("3B8001") },
    {
      event: "exchange",
      atMs: 1.5,
      tookMs: 2.25,
      client: "gpg (17)",
      name: "VERIFY",
      command: wholeBytes(hexBytes("002000800431323334")),
      response: wholeBytes(hexBytes("9000")),
    },
    { event: "exchange", atMs: 4, command: wholeBytes(hexBytes("00B0000002")), failed: "removed-card" },
    { event: "removed", atMs: 5 },
  ],
};

function parsed(text: string): Recording {
  const read = parseRecording(text);
  if (!read.ok) throw new Error(`line ${read.error.line} ${read.error.message}`);
  return read.value;
}

describe("recordings", () => {
  test("are read as they were written", () => {
    const text = formatRecording(recording);
    expect(text.split("\n")[0]).toBe(
      '{"format":"scard-recording","version":1,"recorded":"2026-09-21T14:13:20.000Z","data":"raw","atr":"3B8001","reader":"Desk","protocol":"t1","source":"test"}',
    );
    expect(text.split("\n")[2]).toBe(
      '{"event":"exchange","atMs":1.5,"tookMs":2.25,"client":"gpg (17)","name":"VERIFY","command":"00 20 00 80 04 31 32 33 34","response":"90 00"}',
    );
    expect(parsed(text)).toEqual(recording);
    expect(isRecording(text)).toBe(true);
    expect(isRecording('{"kind":"piv"}')).toBe(false);
  });

  test("withhold what may be secret, once and again", () => {
    const text = formatRecording(redactRecording(recording));
    expect(text).toContain('"data":"redacted"');
    expect(text).toContain('"command":"00 20 00 80 04 [4 bytes withheld]"');
    expect(text).not.toContain("31 32");
    expect(formatRecording(redactRecording(parsed(text)))).toBe(text);
  });

  test.each([
    ["a line that is no JSON", 2, (lines: string[]) => lines.splice(1, 0, "{nonsense")],
    ["an unknown member", 3, (lines: string[]) => lines.splice(2, 1, '{"event":"reset","atMs":1,"pin":"1234"}')],
    [
      "neither response nor failure",
      2,
      (lines: string[]) => lines.splice(1, 0, '{"event":"exchange","atMs":0,"command":"00"}'),
    ],
    [
      "bytes that are malformed",
      2,
      (lines: string[]) => lines.splice(1, 0, '{"event":"exchange","atMs":0,"command":"0g","response":"9000"}'),
    ],
    [
      "too many bytes",
      2,
      (lines: string[]) =>
        lines.splice(1, 0, '{"event":"exchange","atMs":0,"command":"[99999 bytes withheld]","response":"9000"}'),
    ],
    ["no header", 1, (lines: string[]) => lines.shift()],
    [
      "another version",
      1,
      (lines: string[]) => lines.splice(0, 1, (lines[0] ?? "").replace('"version":1', '"version":2')),
    ],
    [
      "a time that there is not",
      1,
      (lines: string[]) => lines.splice(0, 1, (lines[0] ?? "").replace("2026-09", "2026-19")),
    ],
  ])("with %s are refused by line", (_, line, change) => {
    const lines = formatRecording(recording).split("\n");
    change(lines);
    const read = parseRecording(lines.join("\n"));
    expect(read.ok).toBe(false);
    if (read.ok) return;
    expect(read.error.line).toBe(line);
    expect(read.error.message).not.toMatch(/1234|0g/);
  });

  test("that were cut in their last line are read without it", () => {
    const text = formatRecording(recording);
    expect(parsed(text.slice(0, -10)).events).toEqual(recording.events.slice(0, 3));
    expect(parseRecording("").ok).toBe(false);
  });

  test("bound lines and their number", () => {
    const [header = ""] = formatRecording(recording).split("\n");
    const long = `${header}\n{"event":"removed","atMs":${" ".repeat(400_000)}1}\n`;
    expect(parseRecording(long)).toMatchObject({ ok: false, error: { line: 2 } });
    const event = '{"event":"removed","atMs":1}\n';
    // Empty lines count as well.
    const most = `${header}\n${"\n".repeat(199_998)}${event}`;
    expect(parseRecording(most)).toMatchObject({ ok: true });
    const many = most + event;
    expect(parseRecording(many)).toMatchObject({ ok: false, error: { line: 200_001 } });
  });
});

describe("bytes of which some are withheld", () => {
  test("keep their length, and Lc where it can be told", () => {
    expect(shownBytes("00 20 00 80 [4 bytes withheld]", 9)).toMatchObject({
      before: hexBytes("0020008004"),
      withheld: 4,
    });
    expect(recordedText(shownBytes("00 20 00 80 [4 bytes withheld]", 10))).toBe("00 20 00 80 04 [5 bytes withheld]");
    expect(recordedText(shownBytes("00 20 00 80 [300 bytes withheld]", 307))).toBe(
      "00 20 00 80 00 01 2C [300 bytes withheld]",
    );
    // Lc was wrong: all behind the header is withheld.
    expect(recordedText(shownBytes("00 20 00 80 [5 bytes withheld]", 9))).toBe("00 20 00 80 [5 bytes withheld]");
    expect(recordedText(shownBytes("[16 bytes withheld] 90 00", 18))).toBe("[16 bytes withheld] 90 00");
  });

  test("are as long as they were, whatever the command", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ minLength: 2, maxLength: 300 }),
        (command, response) => {
          const [redacted] = redactRecording({
            header: { recorded: 0, data: "raw" },
            events: [{ event: "exchange", atMs: 0, command: wholeBytes(command), response: wholeBytes(response) }],
          }).events;
          if (redacted?.event !== "exchange" || redacted.response === undefined) throw new Error("it is gone");
          expect(bytesWithZeros(redacted.command)).toHaveLength(command.length);
          expect(bytesWithZeros(redacted.response)).toHaveLength(response.length);
          expect(redacted.response.after.length === 2 || redacted.response.withheld === 0).toBe(true);
        },
      ),
    );
  });
});
