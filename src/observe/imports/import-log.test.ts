// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../base/binary/index.ts";
import { type RecordedEvent, recordedText } from "../recordings/index.ts";
import { type ImportOptions, importLog, logKindOf } from "./index.ts";

/** Logs of our own making, in the form that each program gives them. */
const logs = {
  opensc: `P:17; T:0x139717820364864 23:59:59.900 [opensc-tool] card.c:1234:match_atr_table: ATR     : 3b:80:01
P:17; T:0x139717820364864 23:59:59.950 [opensc-tool] reader-pcsc.c:325:pcsc_transmit: reader 'Desk'
P:17; T:0x139717820364864 23:59:59.950 [opensc-tool] reader-pcsc.c:326:pcsc_transmit:
Outgoing APDU (17 bytes):
00 A4 04 00 0B A0 00 00 03 08 00 00 10 00 01 00 ................
00                                              .

P:17; T:0x139717820364864 00:00:00.050 [opensc-tool] reader-pcsc.c:335:pcsc_transmit:
Incoming APDU (2 bytes):
6A 82 j.

P:17; T:0x139717820364864 00:00:00.150 [opensc-tool] reader-pcsc.c:326:pcsc_transmit:
Outgoing APDU data [    9 bytes] =====================================
00 20 00 80 04 31 32 33 34 . ...1234
======================================================================
P:17; T:0x139717820364864 00:00:00.250 [opensc-tool] apdu.c:187:sc_apdu_log:
Incoming APDU data [    2 bytes] =====================================
90 00 ..
`,
  "pcsc-spy": `SCardConnect
 i hContext: 0x00000001
 i szReader Desk
 i dwShareMode: SCARD_SHARE_SHARED (0x00000002)
 => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.001000]
SCardTransmit
 i hCard: 0x00000001
 i bSendLength 0x00000011 (17)
 i bSendBuffer
 i  0000 00 A4 04 00 0B A0 00 00 03 08 00 00 10 00 01 00 ................
 i  0010 00                                              .
 o bRecvLength 0x00000002 (2)
 o bRecvBuffer
 o  0000 6A 82                                           j.
 => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.100000]
\u001b[34mSCardTransmit\u001b[0m
 i bSendLength 0x00000009 (9)
 i bSendBuffer
 i  0000 00 20 00 80 04 31 32 33 34                      . ...1234
 o bRecvLength 0x00000002 (2)
 o bRecvBuffer
 o  0000 90 00                                           ..
 => Command successful. (SCARD_S_SUCCESS [0x00000000])  [??.??]
SCardStatus
 o bAtr 3B 80 01
 => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.000100]
`,
  apdu4j: `# SCardConnect("Desk", T=*) -> T=1, 3B8001
A>> T=1 (4+0011) 00A40400 0B A000000308000010000100 00
A<< (0000+2) (100ms) 6A82
A>> T=1 (4+0004) 00200080 04 31323334
A<< (0000+2) (1s20ms) 9000
# SCardDisconnect("Desk", false) tx:13/rx:2 in 97ms
`,
  "apdu4j-dump": `# A dump
# ATR: 3B8001
# PROTOCOL: T=1
00A404000BA00000030800001000010000
# 100ms
6A82
002000800431323334
# 3ms
9000
`,
  pysim: `INFO pySim.transport: -> 00a404000b a00000030800001000010000
INFO pySim.transport: <- 6a82:
-> 0020008004 31323334
<- 9000:
`,
} as const;

type Kind = keyof typeof logs;
const kinds = Object.keys(logs) as Kind[];

function read(text: string, options: ImportOptions = {}) {
  const imported = importLog(text, options);
  if (!imported.ok) throw new Error(`line ${imported.error.line} ${imported.error.message}`);
  return imported.value;
}

function texts(events: readonly RecordedEvent[]): string[] {
  return events.map((event) => {
    if (event.event !== "exchange") return event.event;
    return `${recordedText(event.command)} -> ${event.response ? recordedText(event.response) : event.failed}`;
  });
}

describe.each(kinds)("a log of %s", (kind) => {
  test("is known by its lines, and read", () => {
    expect(logKindOf(logs[kind])).toBe(kind);
    const { recording, unanswered } = read(logs[kind], { raw: true });
    expect(texts(recording.events)).toEqual([
      "00 A4 04 00 0B A0 00 00 03 08 00 00 10 00 01 00 00 -> 6A 82",
      "00 20 00 80 04 31 32 33 34 -> 90 00",
    ]);
    expect(recording.header.data).toBe("raw");
    expect(unanswered).toBe(0);
    const { atr, reader } = recording.header;
    if (kind !== "pysim") expect(encodeHex(atr ?? new Uint8Array())).toBe("3B8001");
    if (kind !== "pysim" && kind !== "apdu4j-dump") expect(reader).toBe("Desk");
  });

  test("has no PIN in it, unless the owner wants it so", () => {
    const { recording } = read(logs[kind]);
    expect(texts(recording.events)[1]).toBe("00 20 00 80 04 [4 bytes withheld] -> 90 00");
    expect(recording.header.data).toBe("redacted");
  });

  test("may end anywhere, and have other lines between", () => {
    const text = logs[kind];
    for (let length = 0; length < text.length; length += 7) {
      const imported = importLog(text.slice(0, length), { from: kind });
      if (!imported.ok) expect(imported.error.message).not.toMatch(/31 ?32 ?33/);
    }
    const windows = text.replaceAll("\n", "\r\n");
    expect(texts(read(windows, { raw: true }).recording.events)).toHaveLength(2);
  });
});

describe("logs", () => {
  test("tell when and how long, past midnight too", () => {
    const [first, second] = read(logs.opensc).recording.events;
    expect(first).toMatchObject({ atMs: expect.closeTo(50, 3), tookMs: expect.closeTo(100, 3) });
    expect(second).toMatchObject({ atMs: expect.closeTo(250, 3) });
    const spied = read(logs["pcsc-spy"]).recording.events[0];
    expect(spied).toMatchObject({ tookMs: expect.closeTo(100, 3) });
    expect(read(logs.apdu4j).recording.events[1]).toMatchObject({ tookMs: expect.closeTo(1020, 3) });
  });

  test("tell of resets and failures", () => {
    const resetting = logs["pcsc-spy"].replace(
      "SCardStatus",
      "SCardDisconnect\n i dwDisposition: SCARD_RESET_CARD (0x00000001)\n => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.1]\nSCardStatus",
    );
    expect(texts(read(resetting).recording.events)).toHaveLength(3);
    expect(texts(read(resetting).recording.events).at(-1)).toBe("reset");
    const failing = logs["pcsc-spy"].replace(
      "(SCARD_S_SUCCESS [0x00000000])  [??.??]",
      "(SCARD_E_ [0x80100013])  [0.1]",
    );
    expect(texts(read(failing, { raw: true }).recording.events).at(-1)).toMatch(/-> comm-error$/);
    expect(texts(read(`${logs.pysim}-- RESET\n`).recording.events).at(-1)).toBe("reset");
  });

  test("count commands without a response", () => {
    expect(read(`${logs.pysim}-> 00b0000002\n-> 00b0000002\n`).unanswered).toBe(2);
  });

  test("of an unknown form are refused with the remedy", () => {
    expect(importLog("hello\n")).toMatchObject({ ok: false, error: { message: expect.stringContaining("--from") } });
    expect(importLog("hello\n", { from: "opensc" })).toMatchObject({ ok: false });
    const long = "Outgoing APDU (999999 bytes):\n";
    expect(importLog(long)).toMatchObject({ ok: false, error: { line: 1, message: expect.stringContaining("65544") } });
    expect(importLog("# ATR: 3B8001\n00A40\n")).toMatchObject({ ok: false, error: { line: 2 } });
  });
});
