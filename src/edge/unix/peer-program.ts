// SPDX-License-Identifier: MIT

import { readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Clock } from "../../pcsc/index.ts";

/** Which program a process runs. */
export interface PeerProgram {
  /** For people: `scdaemon`, `python3.11 scan.py`; "unknown" where the system does not tell. */
  readonly name: string;
  /**
   * The executable, as the kernel knows it; for scripts it is the interpreter. Undefined where only root may know:
   * processes of other users, and those that hide themselves, as gpg-agent does.
   */
  readonly path: string | undefined;
}

const unknown: PeerProgram = { name: "unknown", path: undefined };

/** Programs that are better known by what they run. */
const interpreters = /^(?:python|node|java|perl|ruby|bash|sh|dash|zsh)[\d.]*$/;

/** What looks like the name of a script. Other arguments are never shown: they may be PINs. */
const script = /^[\w./+-]+\.(?:py|[cm]?js|ts|pl|rb|sh|jar)$/;

/** Longer names are cut. */
const MAX_NAME_CHARACTERS = 100;

/** The kernel cuts the name of a process here. */
const COMM_CHARACTERS = 15;

/** For so long what a process runs is not looked up again, in milliseconds. Its number is not another's so soon. */
const REMEMBERED_MS = 2000;

/** So many processes are remembered. */
const MAX_REMEMBERED = 256;

/**
 * Looks up the programs of processes of this machine. A process may have ended, and its number may be another's by now:
 * one that belongs to another user is not taken for it.
 *
 * Programs open and close contexts in a row, so what was found is remembered for a moment; the executable is read each
 * time, as a process can become another program.
 */
export class PeerPrograms {
  readonly #clock: Clock;
  readonly #known = new Map<number, { uid: number; program: PeerProgram; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the process runs. Never throws. @param uid the user that it belongs to */
  lookUp(pid: number, uid: number): PeerProgram {
    const now = this.#clock.now();
    const known = this.#known.get(pid);
    if (known !== undefined && known.uid === uid && now < known.until) {
      if (executableOf(`/proc/${pid}`) === known.program.path) return known.program;
    }
    const program = readProgram(pid, uid);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(pid, { uid, program, until: now + REMEMBERED_MS });
    return program;
  }
}

function readProgram(pid: number, uid: number): PeerProgram {
  const folder = `/proc/${pid}`;
  try {
    // The folder itself belongs to the effective user of the process, also where what is in it belongs to root.
    if (statSync(folder).uid !== uid) return unknown;
  } catch {
    // It has ended, or /proc is mounted so that only root sees others (hidepid).
    return unknown;
  }
  const path = executableOf(folder);
  const name = path === undefined ? nameWithoutPath(folder) : basename(path);
  if (name === undefined) return unknown;
  const running = interpreters.test(name) ? scriptOf(argumentsOf(folder), name) : undefined;
  return { name: (running === undefined ? name : `${name} ${running}`).slice(0, MAX_NAME_CHARACTERS), path };
}

function executableOf(folder: string): string | undefined {
  try {
    // An update may have replaced the file while the program runs.
    return readlinkSync(`${folder}/exe`).replace(/ \(deleted\)$/, "");
  } catch {
    return undefined;
  }
}

/** Everybody may read the name that a process gives itself, and its command line. The name is cut; the line is not. */
function nameWithoutPath(folder: string): string | undefined {
  const name = read(`${folder}/comm`)?.trimEnd();
  if (name === undefined || name.length < COMM_CHARACTERS) return name;
  const [first = ""] = argumentsOf(folder);
  return basename(first).startsWith(name) ? basename(first) : name;
}

function argumentsOf(folder: string): string[] {
  return read(`${folder}/cmdline`)?.split("\0") ?? [];
}

/** The script, which stands first or says what it is by its name. */
export function scriptOf([, ...args]: readonly string[], interpreter: string): string | undefined {
  const [first = ""] = args;
  const found = interpreter !== "java" && /^\/[\w./+-]+$/.test(first) ? first : args.find((arg) => script.test(arg));
  return found === undefined ? undefined : basename(found);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
