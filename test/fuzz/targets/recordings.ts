// SPDX-License-Identifier: MIT

import { hexByte } from "../../../src/base/binary/index.ts";
import { captureKinds, captureOf } from "../../../src/observe/captures/index.ts";
import { importLog, logKinds } from "../../../src/observe/imports/index.ts";
import {
  compareRecordings,
  formatRecording,
  parseRecording,
  type RecordedExchange,
  type Recording,
  recordedCard,
  recordedLength,
  redactRecording,
} from "../../../src/observe/recordings/index.ts";
import type { Dice } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike } from "../target.ts";

const utf8 = new TextEncoder();
const words = (...texts: readonly string[]): Uint8Array[] => texts.map((text) => utf8.encode(text));

const HEADER = '{"format":"scard-recording","version":1,"recorded":"2026-11-30T21:55:00.000Z","data":"raw"}';
const lines = [
  '{"event":"reset","atMs":0,"atr":"3B8001"}',
  '{"event":"removed","atMs":1}',
  '{"event":"exchange","atMs":1,"tookMs":2,"client":"a","name":"VERIFY","command":"00 20 00 80 [5 bytes withheld]","response":"9000"}',
  '{"event":"exchange","atMs":1,"command":"00B0000002","response":"[2 bytes withheld] 90 00"}',
  '{"event":"exchange","atMs":1,"command":"00A40000023F00","failed":"comm-error"}',
];

function makeRecording(dice: Dice): Uint8Array {
  const some = Array.from({ length: dice.below(6) }, () => dice.pick(lines));
  return utf8.encode([HEADER, ...some].join(dice.chance(90) ? "\n" : "\r\n"));
}

/** Whatever was read can be written, redacted, compared, captured and played. */
function use(recording: Recording): void {
  const again = parseRecording(formatRecording(recording));
  must(again.ok, "what was written is read");
  mustBeAlike(again.value.events.length, recording.events.length, "the events that were read again");
  const redacted = redactRecording({ ...recording, header: { ...recording.header, data: "raw" } });
  mustBeAlike(compareRecordings(recording, recording).differences, [], "a recording compared with itself");
  // Withheld bytes take no room in the input, and much in a capture.
  const bytes = redacted.events.reduce((sum, one) => sum + (one.event === "exchange" ? lengthOf(one) : 0), 0);
  for (const kind of bytes < 10_000 ? captureKinds : []) {
    const most = 2_000 * (recording.events.length + 2) + 3 * bytes;
    must(captureOf(redacted, kind).length < most, "a capture is not much longer than what was exchanged");
  }
  const card = recordedCard(recording);
  const atr = card.reset();
  must(atr.length >= 2 && atr.length <= 33, `an ATR of ${atr.length} bytes`);
  for (const event of recording.events) {
    if (event.event !== "exchange" || event.command.withheld > 0 || event.response === undefined) return;
    const answer = card.process(Uint8Array.from(event.command.before));
    must(answer.length <= 65_544, `an answer of ${answer.length} bytes`);
  }
}

function lengthOf({ command, response }: RecordedExchange): number {
  return recordedLength(command) + (response === undefined ? 0 : recordedLength(response));
}

const recordingTarget: FuzzTarget = {
  name: "recording",
  about: "A recording: it is refused by line, or can be written, compared, captured and played as a card",
  covers: ["parseRecording"],
  measures: ["observe/recordings/", "observe/captures/"],
  maxBytes: 4096,
  dictionary: words(
    "[5 bytes withheld]",
    '"event":"exchange"',
    '"atMs":',
    '"response":"9000"',
    '"failed":"x"',
    "\n",
    HEADER,
  ),
  generate: makeRecording,
  run(input) {
    const text = new TextDecoder().decode(input);
    const parsed = parseRecording(text);
    if (!parsed.ok) {
      must(
        parsed.error.line >= 1 && parsed.error.message !== "",
        "a recording that is refused has a line and a reason",
      );
      must(!/[0-9A-F]{24}/.test(parsed.error.message), "no message shows bytes");
      return;
    }
    use(parsed.value);
  },
};

const logLines = [
  "P:1; T:0x1 23:59:59.900 [x] card.c:1:match_atr_table: ATR     : 3b:80:01",
  "P:1; T:0x1 00:00:01.000 [x] reader-pcsc.c:1:pcsc_transmit: reader 'Desk'",
  "Outgoing APDU (5 bytes):",
  "00 B0 00 00 02 .....",
  "Incoming APDU data [    2 bytes] =====",
  "90 00 ..",
  "SCardTransmit",
  " i bSendLength 0x00000005 (5)",
  " i bSendBuffer",
  " i  0000 00 B0 00 00 02                                  .....",
  " o bRecvBuffer",
  " o  0000 90 00                                           ..",
  " => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.001234]",
  " i dwDisposition: SCARD_RESET_CARD (0x00000001)",
  '# SCardConnect("Desk", T=*) -> T=1, 3B8001',
  "A>> T=1 (4+0000) 00A40400 00",
  "A<< (0002+2) (18ms) 6F009000",
  "# ATR: 3B8001",
  "# PROTOCOL: T=1",
  "00A4040000",
  "# 12ms",
  "9000",
  "-> 00a4000402 3f00",
  "<- 9000: 6200",
  "-- RESET",
];

const logTarget: FuzzTarget = {
  name: "card-log",
  about: "The log of another program: it is refused by line, or is a recording, which has no secret unless asked for",
  covers: ["importLog"],
  measures: ["observe/imports/"],
  maxBytes: 4096,
  dictionary: words(...logLines),
  generate: (dice) => utf8.encode(Array.from({ length: 1 + dice.below(12) }, () => dice.pick(logLines)).join("\n")),
  run(input) {
    const text = new TextDecoder().decode(input);
    for (const from of [undefined, ...logKinds]) {
      const imported = importLog(text, { raw: true, ...(from && { from }) });
      if (imported.ok) use(imported.value.recording);
      else
        must(
          imported.error.line >= 1 && imported.error.message !== "",
          "a log that is refused has a line and a reason",
        );
    }
  },
};

/** PINs in any of the logs: none may be in the recording. */
const secretLog: FuzzTarget = {
  name: "card-log-secrets",
  about: "A log in which a PIN stands in commands: the recording of it never has the PIN",
  covers: [],
  measures: ["observe/imports/", "observe/recordings/redact"],
  maxBytes: 64,
  generate: (dice) => dice.bytes(1 + dice.below(30)),
  run(input) {
    const pin = "D1D2D3D4D5D6D7D8";
    const [cla = 0, ins = 0, p1 = 0, p2 = 0] = input;
    const command = [cla & 0x0f, 0x20 | (ins & 0x0d), p1 & 0x03, p2 & 0x1f].map(hexByte).join("");
    const imported = importLog(`-> ${command}08 ${pin}\n<- 9000: \n`);
    must(imported.ok, "it is a log of pySim");
    must(
      !formatRecording(imported.value.recording).replaceAll(" ", "").includes("D2D3D4"),
      "the PIN is in the recording",
    );
  },
};

/** Recordings and logs. */
export const recordingTargets: readonly FuzzTarget[] = [recordingTarget, logTarget, secretLog];
