// SPDX-License-Identifier: MIT

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, decodeHex, encodeHex, hexByte } from "../../src/base/binary/index.ts";

/** Where an input comes from: written by hand, out of a failure, or found because it reaches new blocks. */
type Origin = "written" | "failed" | "found";

/** An input that is kept. */
export interface CorpusEntry {
  readonly bytes: Uint8Array;
  readonly origin: Origin;
  /** What it is and where it is from. */
  readonly why: string;
}

const HEADER = "# SPDX-License-Identifier: MIT\n";
const FOUND_TITLE = "Found by the fuzzer: each reaches blocks that no input before it does.";
const FAILED_MARK = "Failed once: ";

/**
 * The inputs that are kept for a target, in `<folder>/<target>.txt`: one a line, in hexadecimal, where `00*12` stands for
 * twelve zeros, or as text behind `text `. The comment above a line says what it is and where it is from; lines without one of
 * their own share that of the line before.
 */
export function readCorpus(folder: string, target: string): CorpusEntry[] {
  const path = join(folder, `${target}.txt`);
  if (!existsSync(path)) return [];
  const entries: CorpusEntry[] = [];
  let why = "";
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line.startsWith("# SPDX")) continue;
    if (line.startsWith("#")) why = line.slice(1).trim();
    else if (line.trim() !== "") entries.push({ bytes: readLine(line, path), origin: originOf(why), why });
  }
  return entries;
}

/** Writes the inputs that are kept for a target. */
export function writeCorpus(folder: string, target: string, entries: readonly CorpusEntry[]): void {
  const lines: string[] = [];
  let why = "";
  for (const entry of entries) {
    const comment = entry.origin === "found" ? FOUND_TITLE : entry.why;
    if (comment !== why) lines.push(`\n# ${comment}`);
    why = comment;
    lines.push(writeLine(entry.bytes));
  }
  writeFileSync(join(folder, `${target}.txt`), `${HEADER}${lines.join("\n")}\n`);
}

/** Adds an input that failed; it stays for good. */
export function addFailure(folder: string, target: string, bytes: Uint8Array, message: string): void {
  const entries = readCorpus(folder, target);
  const text = encodeHex(bytes);
  if (entries.some((entry) => entry.origin === "failed" && encodeHex(entry.bytes) === text)) return;
  const why = `${FAILED_MARK}${message.split("\n")[0]}`;
  const at = entries.findIndex((entry) => entry.origin === "found");
  entries.splice(at < 0 ? entries.length : at, 0, { bytes, origin: "failed", why });
  writeCorpus(folder, target, entries);
}

function originOf(why: string): Origin {
  if (why === FOUND_TITLE) return "found";
  return why.startsWith(FAILED_MARK) ? "failed" : "written";
}

function readLine(line: string, path: string): Uint8Array {
  if (line.startsWith("text ")) return new TextEncoder().encode(line.slice(5));
  if (line.trim() === "empty") return new Uint8Array(0);
  const parts = line
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, digits = word, times = "1"] = /^([0-9A-F]{2})\*(\d+)$/.exec(word) ?? [];
      const decoded = decodeHex(digits);
      if (!decoded.ok) throw new Error(`${path}: "${word}" is no hexadecimal: ${decoded.error.message}`);
      return times === "1" ? decoded.value : new Uint8Array(Number(times)).fill(decoded.value[0] ?? 0);
    });
  return concatBytes(...parts);
}

/** Text where it can be read on one line, hexadecimal otherwise. */
function writeLine(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const isText = bytes.length >= 8 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isText && bytes.at(-1) !== 0x20) return `text ${new TextDecoder().decode(bytes)}`;
  const words: string[] = [];
  let plain = "";
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0;
    let run = 1;
    while (bytes[at + run] === byte) run++;
    if (run >= 6) {
      if (plain !== "") words.push(plain);
      plain = "";
      words.push(`${hexByte(byte)}*${run}`);
    } else plain += hexByte(byte).repeat(run);
    at += run;
  }
  if (plain !== "") words.push(plain);
  return words.join(" ");
}
