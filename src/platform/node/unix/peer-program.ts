// SPDX-License-Identifier: MIT

import { type BigIntStats, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Clock } from "../../../port/index.ts";

/** Which program a process runs. */
export interface PeerProgram {
  /** For people: `scdaemon`, `python3.11 scan.py`; "unknown" where the system does not tell. */
  readonly name: string;
  /**
   * The executable, as the kernel knows it; for scripts it is the interpreter. Undefined where only root may know:
   * processes of other users, and those that hide themselves, as gpg-agent does. Undefined, too, where that path is another
   * file here: the process has mounts of its own, or its file was replaced since it began.
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
  readonly #known = new Map<
    number,
    {
      readonly uid: number;
      readonly started: string | undefined;
      readonly program: PeerProgram;
      readonly until: number;
    }
  >();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What the process runs. Never throws.
   *
   * @param uid the user that it belongs to
   * @param started when it began, as {@link startOf} had it: a process of that number that began at another time is not it
   */
  lookUp(pid: number, uid: number, started: string | undefined = startOf(pid)): PeerProgram {
    const now = this.#clock.now();
    const known = this.#known.get(pid);
    if (known !== undefined && known.uid === uid && known.started === started && now < known.until) {
      if (executableOf(`/proc/${pid}`) === known.program.path && startOf(pid) === started) return known.program;
    }
    const found = readProgram(pid, uid);
    // What was read is of one process only if that was there before and after.
    const program = started !== undefined && startOf(pid) === started ? found : unknown;
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(pid, { uid, started, program, until: now + REMEMBERED_MS });
    return program;
  }
}

/**
 * When a process began, in the system's ticks since its start: with the number it names one process (proc_pid_stat(5), field
 * 22). Undefined where the system does not tell.
 */
export function startOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name is in parentheses and may have any characters in it; the state behind it is field 3.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
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
  const link = linkOf(folder);
  const name = link === undefined ? nameWithoutPath(folder) : basename(link);
  if (name === undefined) return unknown;
  const running = interpreters.test(name) ? scriptOf(argumentsOf(folder), name) : undefined;
  const shown = running === undefined ? name : `${name} ${running}`;
  return { name: shown.slice(0, MAX_NAME_CHARACTERS), path: executableOf(folder) };
}

function linkOf(folder: string): string | undefined {
  try {
    // An update may have replaced the file while the program runs.
    return readlinkSync(`${folder}/exe`).replace(/ \(deleted\)$/, "");
  } catch {
    return undefined;
  }
}

/**
 * The path of the executable, if the file that runs is the one that is there. The path alone proves nothing: it is the one in
 * the mounts of the process, and any user can mount any file there in a namespace of their own (user_namespaces(7)).
 */
function executableOf(folder: string): string | undefined {
  const path = linkOf(folder);
  if (path === undefined) return undefined;
  try {
    // The link refers to the file itself, even if its path has changed.
    const [runs, there] = [`${folder}/exe`, path].map((file) => statSync(file, { bigint: true }));
    return isSame(runs, there) ? path : undefined;
  } catch {
    return undefined;
  }
}

function isSame(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** Any user may read the name that a process gives itself, and its command line. The name is cut; the line is not. */
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
