// SPDX-License-Identifier: MIT

import { describeEvent } from "../../../src/apps/cli/trace-text.ts";
import { decodePageMessage, encodeMessage } from "../../../src/apps/console/messages.ts";
import { readTraceLine } from "../../../src/apps/daemon/control-results.ts";
import { tracedEvent } from "../../../src/apps/daemon/traced-event.ts";
import { encodeHex, hexBytes } from "../../../src/base/binary/index.ts";
import { applicationIdentifiers, describeCommandBytes } from "../../../src/base/iso7816/index.ts";
import { commandName, eventForPrograms, filterEvents, type ObservedEvent } from "../../../src/observe/calls/index.ts";
import { CaptureWriter, captureKinds } from "../../../src/observe/captures/index.ts";
import { parseRecording, Recorder, RecordingWriter } from "../../../src/observe/recordings/index.ts";
import { type FuzzTarget, must, mustBeAlike, weightOf } from "../target.ts";
import { documentTarget } from "./documents.ts";

const exchange = {
  name: "VERIFY",
  command: { bytes: "00 20 00 80 [8 bytes withheld]", text: "VERIFY (00 20 00 80)" },
  response: { bytes: "63 C2", withheldBytes: 0 },
  statusWord: "63C2",
  commandBytes: 13,
  responseBytes: 2,
  application: "A000000308",
};
const call = {
  kind: "call",
  number: 7,
  time: "2026-11-30T21:55:00.000Z",
  tookMs: 1.5,
  waitedMs: 0.2,
  client: { name: "gpg", pid: 4711, uid: 1000 },
  context: 1,
  connection: 2,
  reader: "Desk",
  operation: "transmit",
  outcome: "success",
  exchange,
};
const card = {
  kind: "card",
  number: 8,
  time: "2026-11-30T21:55:00.000Z",
  reader: "Desk",
  change: "reset",
  atr: "3B8001",
  client: { name: "gpg" },
  cause: "disposition",
};

/** Records an event as a file of each form, and reads it again. */
function record(event: ObservedEvent): void {
  for (const data of ["redacted", "raw"] as const) {
    const header = { recorded: 1_700_000_000_000, data };
    const taken = new Recorder(header).take(event);
    if (taken === undefined) continue;
    const writer = new RecordingWriter(header);
    const text = writer.begin() + writer.event(taken);
    const read = parseRecording(text);
    must(read.ok && read.value.events.length === 1, "an event that was recorded can be read");
    const raw = event.kind === "call" ? event.exchange?.raw : undefined;
    const secret = raw && encodeHex(raw.command.slice(5));
    const shown = event.kind === "call" ? event.exchange?.command.bytes.replaceAll(" ", "") : "";
    if (data === "redacted" && secret !== undefined && secret.length >= 16 && !shown?.includes(secret))
      must(!text.replaceAll(" ", "").includes(secret), "raw bytes are in a recording without secrets");
    for (const kind of captureKinds) {
      const capture = new CaptureWriter(kind, header).event(taken);
      must(capture.length < 300_000, "a capture is not much longer than a command may be");
    }
  }
}

const traceLines = documentTarget({
  name: "trace-lines",
  about: "A line of a trace, of a daemon or of something in its place: it is refused, or can be shown and recorded",
  covers: [],
  measures: ["apps/daemon/traced-event", "apps/cli/trace-text", "observe/calls/event", "observe/recordings/recorder"],
  members: [
    ..."event raw dropped kind number time tookMs waitedMs client name pid uid context connection reader operation".split(
      " ",
    ),
    ..."outcome shareMode protocol disposition exchange code command response bytes text withheldBytes statusWord".split(
      " ",
    ),
    ..."commandBytes responseBytes application change atr cause transmit call card inserted 63C2 [9 bytes withheld]".split(
      " ",
    ),
  ],
  examples: [
    { version: 1, event: call },
    { version: 1, event: card },
    {
      version: 1,
      raw: true,
      event: { ...call, exchange: { ...exchange, raw: { command: "0020008008C0FFEE5EC0FFEE5E", response: "63C2" } } },
    },
    { version: 1, event: { ...call, operation: "disconnect", disposition: "reset", exchange: undefined } },
    { version: 1, dropped: 3 },
  ],
  check(json, text) {
    const line = readTraceLine(json);
    if ("length" in line) {
      must(line.length > 0, "a line is refused without a reason");
      must(weightOf(line) < 1000 * (text.length + 10), "the reasons are far longer than the line");
      return;
    }
    if (!("event" in line) || line.event === undefined) return;
    for (const shown of describeEvent(line.event, (_, words) => words))
      must(!/\p{Cc}/u.test(shown), "a control character reaches the terminal");
    const event = tracedEvent(line.event);
    filterEvents({ reader: "desk", aid: "A0", sw: "63CX", slowerThanMs: 0.5 })(event);
    const written = JSON.stringify(eventForPrograms(event));
    const again = JSON.stringify(eventForPrograms(tracedEvent(JSON.parse(written))));
    must(again === written, "an event is another one when it is written and read again");
    record(event);
  },
});

const aids = Object.values(applicationIdentifiers).map((digits) => hexBytes(digits));

const commandNames: FuzzTarget = {
  name: "command-name",
  about: "A command, and the application that is selected: it has a name, in which no data is",
  covers: [],
  measures: ["observe/calls/command-names"],
  maxBytes: 300,
  dictionary: [...aids, Uint8Array.of(0x00, 0xa4, 0x04, 0x00), Uint8Array.of(0x80, 0x50, 0x00, 0x00, 0x08)],
  generate(dice) {
    const aid = dice.chance(70) ? dice.pick(aids) : dice.bytes(dice.below(17));
    const header = Uint8Array.of(
      dice.pick([0x00, 0x01, 0x80, 0xa0, 0xff, 0x0c]),
      dice.below(256),
      dice.below(256),
      dice.below(256),
    );
    return Uint8Array.of(aid.length, ...aid, ...header, ...dice.bytes(dice.below(12)));
  },
  run(input) {
    const [length = 0] = input;
    const application = length === 0 ? undefined : input.slice(1, 1 + length);
    const command = input.slice(1 + length);
    const name = commandName(command, application);
    must(/^[A-Za-z0-9 :.,()/-]{1,80}$/.test(name), `a name for people: ${name}`);
    // Other data of the same length, with the same length field.
    const other = command.map((byte, index) => (index < (command[4] === 0 ? 7 : 5) ? byte : byte ^ 0xff));
    const headerOf = (bytes: Uint8Array): string => describeCommandBytes(bytes).slice(0, 11);
    if (headerOf(command) === headerOf(other)) must(commandName(other, application) === name, "data changes the name");
  },
};

const pageMessages = documentTarget({
  name: "console-page-messages",
  about: "A message of a page of the console: it is refused, or is what it says",
  covers: [],
  measures: ["apps/console/messages", "base/json/"],
  members: "type hello do token session id action command insert remove eject reset disconnect reader card pid".split(
    " ",
  ),
  examples: [
    { type: "hello", token: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP_" },
    { type: "hello", session: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP-" },
    { type: "do", id: 1, action: { command: "insert", reader: "Desk", card: "demo" } },
    { type: "do", id: 2, action: { command: "disconnect", pid: 4711 } },
  ],
  check(_, text) {
    const message = decodePageMessage(new TextEncoder().encode(text));
    if (message === undefined) return;
    must(message.type === "hello" || message.type === "do", "a message has a type");
    mustBeAlike(decodePageMessage(encodeMessage(message)), message, "the same message");
  },
});

/** What observers tell, what shows it, and what the console's pages say. */
export const observeTargets: readonly FuzzTarget[] = [traceLines, commandNames, pageMessages];
