// SPDX-License-Identifier: MIT

import { appendFile, chmod, lstat } from "node:fs/promises";
import { dirname, posix, win32 } from "node:path";
import { decodeHex, withoutBytes } from "../../base/binary/index.ts";
import { ExchangeRedactor } from "../../base/iso7816/index.ts";
import { makeFolders, readTextFile, replaceFile } from "../../platform/node/runtime/index.ts";
import type { Terminal } from "./terminal.ts";

/** So many lines are kept. */
const MOST_LINES = 1000;
/** A longer line is not kept. */
const MOST_LINE_CHARACTERS = 2000;
const MOST_FILE_BYTES = 8_388_608;
const OWNER_ONLY = 0o600;
const OWNER_FOLDER = 0o700;

/** Where the history of shells is: in the user's state. Undefined where there is no such place. */
export function historyPath(
  environment: Terminal["environment"],
  platform: string = process.platform,
): string | undefined {
  const { HOME, LOCALAPPDATA, XDG_STATE_HOME } = environment;
  const { join } = platform === "win32" ? win32 : posix;
  // A relative path is to be ignored. XDG Base Directory Specification 0.8.
  const own = XDG_STATE_HOME?.startsWith("/") ? XDG_STATE_HOME : undefined;
  const state = platform === "win32" ? LOCALAPPDATA : (own ?? (HOME && join(HOME, ".local", "state")));
  return state === undefined || state === "" ? undefined : join(state, "scard", "shell-history");
}

/**
 * What is kept of a line. A command in hexadecimal is kept without its data where that may be secret, which is of all
 * commands but those that are known to carry none. A line that the shell did not understand may be a PIN that was typed in
 * the wrong place: of it only the name of the command is kept, or nothing.
 *
 * @param words of the line, the name of the command first, also before bytes alone
 * @param command that name; undefined where it is no command
 * @param understood whether the command took its arguments
 */
export function keptLine(
  line: string,
  words: readonly string[],
  command: string | undefined,
  understood: boolean,
): string | undefined {
  if (command === undefined) return undefined;
  if (!understood) return command;
  const [first, ...rest] = words;
  if (first !== "apdu") {
    const mayHoldBytes = withoutBytes(line, rest) !== line && !takesDigits.has(command);
    return mayHoldBytes ? command : isKeepable(line) ? line.trim() : undefined;
  }
  const kept = keptCommand(rest.join(""));
  return kept === undefined ? "apdu" : `apdu ${kept}`;
}

/** Commands of a shell behind which digits are identifiers and status words, and no secret. */
export const takesDigits: ReadonlySet<string> = new Set(["select", "read", "expect"]);

function keptCommand(hex: string): string | undefined {
  const bytes = decodeHex(hex);
  if (!bytes.ok) return undefined;
  // The selection may have been another when the line is looked at again: nothing is known of it.
  const kept = new ExchangeRedactor({ continues: true }).command(bytes.value).bytes;
  bytes.value.fill(0);
  return isKeepable(kept) ? kept : undefined;
}

function isKeepable(line: string): boolean {
  return line.length <= MOST_LINE_CHARACTERS && !/\p{Cc}/u.test(line);
}

/** The lines of this shell and of those before, without secrets. */
export class ShellHistory {
  readonly #path: string | undefined;
  readonly #lines: string[];
  /** Why nothing can be written; told once. */
  readonly #tell: (problem: string) => void;
  #isBroken = false;

  private constructor(path: string | undefined, lines: string[], tell: (problem: string) => void) {
    this.#path = path;
    this.#lines = lines;
    this.#tell = tell;
  }

  /**
   * Reads the history. A shell works without, so a problem is told and nothing more.
   *
   * @param path undefined for one that is kept in memory
   */
  static async open(path: string | undefined, tell: (problem: string) => void): Promise<ShellHistory> {
    const history = new ShellHistory(path, [], tell);
    if (path === undefined) return history;
    try {
      const found = await lstat(path).catch(() => undefined);
      if (found !== undefined && !found.isFile()) throw new Error("it is not a file");
      if (found === undefined) makeFolders(dirname(path), OWNER_FOLDER);
      else await history.#read(path);
    } catch (error) {
      history.#broken(error);
    }
    return history;
  }

  /** The lines, the oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Keeps a line, unless it is the last one again. */
  async add(line: string | undefined): Promise<void> {
    if (line === undefined || line === "" || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
    if (this.#lines.length > MOST_LINES) this.#lines.splice(0, this.#lines.length - MOST_LINES);
    if (this.#path === undefined || this.#isBroken) return;
    try {
      await appendFile(this.#path, `${line}\n`, { mode: OWNER_ONLY });
    } catch (error) {
      this.#broken(error);
    }
  }

  async #read(path: string): Promise<void> {
    await chmod(path, OWNER_ONLY);
    const lines = (await readTextFile(path, { mostBytes: MOST_FILE_BYTES })).split("\n").filter(isFileLine);
    this.#lines.push(...lines.slice(-MOST_LINES));
    if (lines.length > 2 * MOST_LINES) await replaceFile(path, `${this.#lines.join("\n")}\n`);
  }

  #broken(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#tell(`the history is not kept: ${this.#path}: ${reason}`);
  }
}

function isFileLine(line: string): boolean {
  return line !== "" && isKeepable(line);
}
