// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { eventForPrograms, type ObservedCall } from "../../observe/calls/index.ts";
import { readTraceLine } from "./control-results.ts";
import { tracedEvent } from "./traced-event.ts";

const call: ObservedCall = {
  kind: "call",
  number: 1,
  time: 1_700_000_000_123,
  tookMs: 2.5,
  waitedMs: 0.5,
  client: { name: "gpg", pid: 17, uid: 1000 },
  context: 1,
  connection: 2,
  reader: "Desk",
  operation: "transmit",
  outcome: "success",
  shareMode: undefined,
  protocol: undefined,
  disposition: undefined,
  exchange: {
    name: "VERIFY",
    command: { bytes: "00 20 00 80 [4 bytes withheld]", text: "VERIFY" },
    response: { bytes: "63 C2", withheldBytes: 0 },
    statusWord: 0x63c2,
    commandBytes: 9,
    responseBytes: 2,
    application: "A000000308",
    raw: { command: hexBytes("002000800431323334"), response: hexBytes("63C2") },
  },
  code: undefined,
};

/** What a client reads of a line that has the event. */
function sent(change: object = {}, exchange: object = {}): ReturnType<typeof readTraceLine> {
  const event = eventForPrograms(call);
  const changed = { ...event, ...change, exchange: { ...("exchange" in event && event.exchange), ...exchange } };
  return readTraceLine(JSON.parse(JSON.stringify({ version: 1, event: changed })));
}

describe("an event that comes from a daemon", () => {
  test("is the one that its observer told", () => {
    const line = sent();
    expect("event" in line && tracedEvent(line.event)).toEqual(call);
  });

  test("may be of a PIN at a reader's pad", () => {
    const line = sent({ operation: "control", exchange: undefined, pinPad: { name: "VERIFY", statusWord: "63C2" } });
    const event = "event" in line ? tracedEvent(line.event) : undefined;
    expect(event).toMatchObject({ operation: "control", pinPad: { name: "VERIFY", statusWord: 0x63c2 } });
  });

  test("may have selected an application by a name of any length", () => {
    for (const application of ["", "A0".repeat(17), "A0".repeat(65_000)]) {
      const line = sent({}, { application });
      expect("event" in line && line.event.kind === "call" && line.event.exchange?.application).toBe(application);
    }
  });

  test.each<[string, object, object]>([
    ["a time that there is not", { time: "2026-13-30T21:55:00.000Z" }, {}],
    ["a time in words", { time: "yesterday" }, {}],
    ["a command longer than one may be", {}, { commandBytes: 65_545 }],
    ["more of a text than a command has", {}, { command: { bytes: "00 ".repeat(65_545), text: "" } }],
    ["a status word of other characters", {}, { statusWord: "9x00" }],
    ["an application that is no digits", {}, { application: "PIV" }],
    ["raw bytes of other characters", {}, { raw: { command: "PIN 1234" } }],
  ])("is refused with %s", (_, change, exchange) => {
    expect(sent(change, exchange)).toMatchObject([{ path: expect.stringContaining("event") }]);
  });
});
