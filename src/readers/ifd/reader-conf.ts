// SPDX-License-Identifier: MIT

/** A reader of a file in reader.conf.d. */
export interface ReaderConfEntry {
  /** FRIENDLYNAME, without its double quotation marks. */
  readonly friendlyName: string;
  /** LIBPATH: the driver's library. */
  readonly library: string;
  /** DEVICENAME; empty where there is none, and the driver is given the channel alone. */
  readonly device: string;
  /** CHANNELID; 0 where there is none. */
  readonly channel: number;
}

/** What a file of reader.conf.d comes to. */
export interface ReaderConf {
  readonly readers: readonly ReaderConfEntry[];
  /** The first error. Like pcscd, no reader that follows it in the file is taken; those before it are. */
  readonly problem?: { readonly line: number; readonly message: string };
}

/** Longest file that is read, in UTF-16 code units. */
const MAX_READER_CONF_CHARACTERS = 262_144;

const keys = ["FRIENDLYNAME", "DEVICENAME", "LIBPATH", "CHANNELID"] as const;
type Key = (typeof keys)[number];

/** Comment, end of line, quoted text, white space, word, anything else. A quoted text that is not closed ends with its line. */
const token = /(#[^\n]*)|(\n)|("[^"\n]*["\n]|'[^'\n]*['\n])|([ \t])|([A-Za-z0-9=\\/\-._@:]+)|([^\n])/gy;

/**
 * Reads a file of reader.conf.d as pcscd does: pairs of a key and a value, each pair on one line. A reader is complete as soon
 * as it has FRIENDLYNAME, LIBPATH, and DEVICENAME or CHANNELID; what follows belongs to the next one. So a CHANNELID
 * that comes last goes to the next reader.
 *
 * @param exists whether there is a file: a LIBPATH must exist, and a DEVICENAME without a colon
 * @see reader.conf(5), PCSC/src/configfile.l
 */
export function parseReaderConf(text: string, exists: (path: string) => boolean): ReaderConf {
  const readers: ReaderConfEntry[] = [];
  let values: Partial<Record<Key, string>> = {};
  let pending: { readonly key: string; readonly line: number } | undefined;
  let line = 1;
  const fail = (at: number, message: string): ReaderConf => ({ readers, problem: { line: at, message } });
  for (const [word, , newline, quoted, , plain, other] of text.slice(0, MAX_READER_CONF_CHARACTERS).matchAll(token)) {
    if (newline !== undefined) line++;
    if (other !== undefined)
      return fail(line, `the character ${JSON.stringify(other)} cannot stand outside quotation marks`);
    if (quoted === undefined && plain === undefined) continue;
    if (pending === undefined) {
      pending = { key: word, line };
    } else {
      const { key } = pending;
      if (pending.line !== line) return fail(pending.line, `${shownWord(key)} has no value on its line`);
      pending = undefined;
      const problem = take(values, key, word, exists);
      if (problem !== undefined) return fail(line, problem);
    }
    if (quoted?.endsWith("\n")) line++;
    const entry = complete(values);
    if (entry === undefined) continue;
    readers.push(entry);
    values = {};
  }
  if (pending !== undefined) return fail(pending.line, `${shownWord(pending.key)} has no value on its line`);
  return { readers };
}

/** Takes a pair; returns what is wrong with it. */
function take(
  values: Partial<Record<Key, string>>,
  key: string,
  value: string,
  exists: (path: string) => boolean,
): string | undefined {
  if (!isKey(key)) return `${shownWord(key)} is not one of ${keys.join(", ")}`;
  if (values[key] !== undefined) return `${key} stands twice`;
  values[key] = key === "FRIENDLYNAME" ? value.replaceAll('"', "") : value;
  if (key === "LIBPATH" && !exists(value)) return `the library ${shownWord(value)} of LIBPATH is not there`;
  if (key === "DEVICENAME" && !value.includes(":") && !exists(value)) {
    return `the device ${shownWord(value)} of DEVICENAME is not there: leave DEVICENAME out where the driver does not use it`;
  }
  return undefined;
}

function complete(values: Partial<Record<Key, string>>): ReaderConfEntry | undefined {
  const { FRIENDLYNAME: friendlyName, LIBPATH: library, DEVICENAME: device, CHANNELID: channel } = values;
  if (friendlyName === undefined || library === undefined) return undefined;
  if (device === undefined && channel === undefined) return undefined;
  return { friendlyName, library, device: device ?? "", channel: channelNumber(channel) };
}

function isKey(word: string): word is Key {
  return (keys as readonly string[]).includes(word);
}

/** As strtoul with base 0 reads it: 0x… is hexadecimal, 0… octal, and what follows the digits is ignored. */
export function channelNumber(text = "0"): number {
  const [, hex, octal, decimal] = /^(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))/.exec(text) ?? [];
  const digits = hex ?? octal ?? decimal ?? "0";
  const number = BigInt(hex !== undefined ? `0x${digits}` : octal !== undefined ? `0o${digits}` : digits);
  return Number(BigInt.asUintN(32, number));
}

/** Longest word that a message repeats. */
const MAX_SHOWN_CHARACTERS = 100;

function shownWord(word: string): string {
  return JSON.stringify(word.slice(0, MAX_SHOWN_CHARACTERS));
}
