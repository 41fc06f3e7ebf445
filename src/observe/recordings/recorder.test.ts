// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import type { ObservedCall, ObservedCardEvent } from "../calls/index.ts";
import { formatRecording, Recorder, type RecordingHeader, RecordingWriter } from "./index.ts";

const transmit: ObservedCall = {
  kind: "call",
  number: 1,
  time: 1_050,
  tookMs: 2,
  waitedMs: undefined,
  client: { name: "gpg", pid: 17 },
  context: 1,
  connection: 1,
  reader: "Desk",
  operation: "transmit",
  outcome: "success",
  shareMode: undefined,
  protocol: undefined,
  disposition: undefined,
  exchange: {
    name: "VERIFY",
    command: { bytes: "00 20 00 80 [4 bytes withheld]", text: "" },
    response: { bytes: "90 00", withheldBytes: 0 },
    statusWord: 0x9000,
    commandBytes: 9,
    responseBytes: 2,
    application: undefined,
    raw: { command: hexBytes("002000800431323334"), response: hexBytes("9000") },
  },
  code: undefined,
};
const card: ObservedCardEvent = {
  kind: "card",
  number: 2,
  time: 1_060,
  reader: "Desk",
  change: "reset",
  atr: "3B8001",
  client: undefined,
  cause: undefined,
};
const header: RecordingHeader = { recorded: 1_000, data: "redacted", reader: "Desk" };

function linesOf(given: RecordingHeader, ...events: readonly Parameters<Recorder["take"]>[0][]): string[] {
  const recorder = new Recorder(given);
  const taken = events.map((event) => recorder.take(event)).filter((event) => event !== undefined);
  return formatRecording({ header: given, events: taken }).trim().split("\n").slice(1);
}

describe("what an observer tells, as a recording", () => {
  test("has no byte that may be secret, whatever the observer tells", () => {
    expect(linesOf(header, transmit, card)).toEqual([
      '{"event":"exchange","atMs":50,"tookMs":2,"client":"gpg (17)","name":"VERIFY","command":"00 20 00 80 04 [4 bytes withheld]","response":"90 00"}',
      '{"event":"reset","atMs":60,"atr":"3B8001"}',
    ]);
  });

  test("has all bytes where the owner wants it so", () => {
    expect(linesOf({ ...header, data: "raw" }, transmit)[0]).toContain('"command":"00 20 00 80 04 31 32 33 34"');
  });

  test("is of one reader", () => {
    expect(linesOf(header, { ...transmit, reader: "Other" }, { ...card, reader: "Other" })).toEqual([]);
    const { reader: _, ...all } = header;
    expect(linesOf(all, { ...transmit, reader: "Other" })).toHaveLength(1);
  });

  test("has what reached the card, and failed there", () => {
    const { exchange } = transmit;
    if (exchange === undefined) throw new Error("it has an exchange");
    const lost = { ...transmit, exchange: { ...exchange, response: undefined, responseBytes: 0, raw: undefined } };
    expect(linesOf(header, { ...lost, outcome: "comm-error" })[0]).toContain('"failed":"comm-error"');
    expect(linesOf(header, { ...lost, outcome: "sharing-violation" })).toEqual([]);
  });

  test("is told of resets by those who asked for them", () => {
    const end: ObservedCall = { ...transmit, operation: "disconnect", disposition: "reset", exchange: undefined };
    expect(linesOf(header, end, { ...end, disposition: "leave" })).toEqual(['{"event":"reset","atMs":52}']);
    const reset = '{"event":"reset","atMs":60,"atr":"3B8001"}';
    expect(linesOf(header, card, end, card)).toEqual([reset, reset]);
    expect(linesOf(header, card, transmit, end)).toHaveLength(3);
    expect(linesOf(header, { ...card, change: "removed" })).toEqual(['{"event":"removed","atMs":60}']);
  });

  test("can be written line by line", () => {
    const recorder = new Recorder(header);
    const writer = new RecordingWriter(header);
    const events = [transmit, card].map((event) => recorder.take(event)).filter((event) => event !== undefined);
    const lines = [writer.begin(), ...events.map((event) => writer.event(event))];
    expect(lines.join("")).toBe(formatRecording({ header, events }));
    expect(writer.event({ event: "removed", atMs: 1e308 })).toBe('{"event":"removed","atMs":8640000000000000}\n');
  });
});
