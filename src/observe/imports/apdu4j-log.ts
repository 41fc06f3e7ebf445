// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { LineError, type LogBuilder, type LogFormat } from "./log-lines.ts";

const sent = /^[AB]?(?:#\d{1,2})?>> (?:T=[01](?: \(BLOCK\))? )?\(4\+\d{1,6}\) +([0-9A-Fa-f ]{4,})/;
const received =
  /^[AB]?(?:#\d{1,2})?<< \(\d{1,6}\+2\) +\((?:(\d{1,6})s)?(?:(\d{1,6}(?:\.\d{1,3})?)ms)?\) ([0-9A-Fa-f ]{4,})/;
const lost = /^<< /;
const connected = /^# SCardConnect\("(.{1,256}?)", .{1,16}\) -> (T=[01]|T=CL)?(?:, ([0-9A-Fa-f]{4,66}))?/;

/**
 * What apdu4j and GlobalPlatformPro print with `-d`: `A>> T=1 (4+0008) 00A40400 08 …` and `A<< (0018+2) (18ms) 6F10… 9000`, with the
 * calls of PC/SC as comments between them.
 */
export const apdu4jLog: LogFormat = {
  name: "apdu4j",
  isTypical: (line) => sent.test(line) || received.test(line) || connected.test(line),
  read: (log) => (line) => {
    const [, command] = sent.exec(line) ?? [];
    if (command !== undefined) {
      log.command(hexOf(command));
      return;
    }
    const [, seconds = "0", ms = "0", response] = received.exec(line) ?? [];
    if (response !== undefined) {
      log.passed(Number(seconds) * 1000 + Number(ms));
      log.response(hexOf(response));
      return;
    }
    if (lost.test(line)) log.failed("comm-error");
    const [all, reader, protocol, atr] = connected.exec(line) ?? [];
    if (all !== undefined) takeConnection(log, reader, protocol, atr);
    if (/^# SCardDisconnect\(".{1,256}?", true\)/.test(line)) log.reset();
  },
};

function takeConnection(
  log: LogBuilder,
  reader: string | undefined,
  protocol: string | undefined,
  atr: string | undefined,
): void {
  if (reader !== undefined) log.facts.reader ??= reader;
  if (protocol !== undefined) log.facts.protocol ??= protocol === "T=0" ? "t0" : "t1";
  const decoded = atr === undefined ? undefined : decodeHex(atr);
  if (decoded?.ok === true) log.facts.atr ??= decoded.value;
}

const dumpLine = /^[0-9A-Fa-f]{4,}$/;

/** A dump of apdu4j (`--dump FILE`): commands and responses in turns, one a line, and comments. */
export const apdu4jDump: LogFormat = {
  name: "apdu4j dump",
  isTypical: (line) => /^# (?:ATR: [0-9A-Fa-f]{4,66}|PROTOCOL: T=[01]|\d{1,6}ms)$/.test(line),
  read(log) {
    let isCommand = true;
    return (line) => {
      const text = line.trim();
      const [, ms, reason] = /^# (\d{1,6})ms( .*)?$/.exec(text) ?? [];
      if (ms !== undefined) log.passed(Number(ms));
      if (reason !== undefined && !isCommand) {
        log.failed("comm-error");
        isCommand = true;
      }
      const [, atr] = /^# ATR: ([0-9A-Fa-f]{4,66})$/.exec(text) ?? [];
      const [, protocol] = /^# PROTOCOL: (T=[01])$/.exec(text) ?? [];
      takeConnection(log, undefined, protocol, atr);
      if (!dumpLine.test(text)) return;
      if (isCommand) log.command(hexOf(text));
      else log.response(hexOf(text));
      isCommand = !isCommand;
    };
  },
};

function hexOf(text: string): Uint8Array {
  const decoded = decodeHex(text);
  // The decoder's message has no byte of the text.
  if (!decoded.ok) throw new LineError(`is not whole: ${decoded.error.message}`);
  return decoded.value;
}
