// SPDX-License-Identifier: MIT

import { randomUUID } from "node:crypto";
import {
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { SmartCardError } from "../../../port/index.ts";

/** Only the owner may read or write. */
const OWNER_ALONE = 0o600;
/** A file with such a name beside the one that is held says who has it. */
const ENDING = ".lock";
/** Fields of /proc/PID/stat behind the name, which ends with the last bracket: the start of the process is the 22nd of all. */
const START_FIELD = 19;

/** Who has a file, as its lock says. */
interface Holder {
  readonly pid: number;
  /** When that process began, where the system tells: another one may have its number later. */
  readonly started?: string;
}

/** Locks that this process has, to be removed at its end. */
const held = new Set<string>();
let endIsWatched = false;

/**
 * A file that one program alone may change. Node has no lock of the operating system for that, so a file beside it, with
 * `.lock` at the end of its name, says who has it. The lock of a process that has ended, or was killed, counts no more.
 */
export class FileHold {
  readonly #lock: string;
  readonly #token: string;

  private constructor(lock: string, token: string) {
    this.#lock = lock;
    this.#token = token;
  }

  /**
   * Takes a file. Where its path is a link, the file that it leads to is taken.
   *
   * @throws sharing-violation (another program has it, or another part of this one), no-access, file-not-found (the folder)
   */
  static take(path: string): FileHold {
    const lock = `${realPath(path)}${ENDING}`;
    const token = `${JSON.stringify({ ...ourselves(), token: randomUUID() })}\n`;
    // The second try comes after a lock was removed that counted no more, the third where another program was quicker.
    for (let tries = 0; tries < 3; tries++) {
      if (create(lock, token, path)) {
        held.add(lock);
        watchEnd();
        return new FileHold(lock, token);
      }
      const text = textOf(lock);
      if (text === undefined) continue;
      const holder = holderIn(text);
      if (holder === undefined || isAlive(holder)) throw inUse(path, lock, holder);
      removeStale(lock, text);
    }
    throw inUse(path, lock, undefined);
  }

  /** Gives it free. */
  release(): void {
    held.delete(this.#lock);
    // A lock that was taken from us by mistake is another's now.
    if (textOf(this.#lock) === this.#token) rmSync(this.#lock, { force: true });
  }
}

/** What changes whenever a file is replaced or written; undefined where there is none. */
export function fileStamp(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function ourselves(): Holder {
  const started = startOf(process.pid);
  return { pid: process.pid, ...(started !== undefined && { started }) };
}

/** The lock is there with its whole text, or not at all. */
function create(lock: string, text: string, path: string): boolean {
  const temporary = `${lock}.${randomUUID()}.tmp`;
  try {
    writeFileSync(temporary, text, { flag: "wx", mode: OWNER_ALONE });
    placeAs(temporary, lock);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw notWritten(path, lock, cause);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function notWritten(path: string, lock: string, cause: unknown): SmartCardError {
  const { code } = cause as NodeJS.ErrnoException;
  const reason = `${path} cannot be kept: a file beside it, ${lock}, cannot be written (${code})`;
  return new SmartCardError(code === "ENOENT" ? "file-not-found" : "no-access", reason, {}, { cause });
}

/** Some file systems have no links. @throws EEXIST where the name is taken */
function placeAs(temporary: string, lock: string): void {
  try {
    linkSync(temporary, lock);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    copyFileSync(temporary, lock, constants.COPYFILE_EXCL);
  }
}

function textOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return undefined;
  }
}

function holderIn(text: string): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || pid === undefined || pid < 1) return undefined;
    return { pid, ...(typeof started === "string" && { started }) };
  } catch {
    return undefined;
  }
}

/** In a container that was started again, another process may have the number of the one before. */
function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = startOf(pid);
  return started === undefined || now === undefined || now === started;
}

/** When a process began, in ticks since the machine did: Linux alone tells. */
function startOf(pid: number): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[START_FIELD];
}

/** Another program may have removed it and put its own there meanwhile: that one is put back. */
function removeStale(lock: string, text: string): void {
  const aside = `${lock}.${randomUUID()}.tmp`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (textOf(aside) !== text) {
    try {
      placeAs(aside, lock);
    } catch {
      // A third one was quicker.
    }
  }
  rmSync(aside, { force: true });
}

function inUse(path: string, lock: string, holder: Holder | undefined): SmartCardError {
  const by =
    holder === undefined
      ? `${lock} does not say which program has it: remove that file if none does`
      : holder.pid === process.pid
        ? "it is in another reader of this program: take it out there first"
        : `process ${holder.pid} has it: end that program, or take the card out there first`;
  return new SmartCardError("sharing-violation", `${path} is in use: ${by}`, {});
}

function watchEnd(): void {
  if (endIsWatched) return;
  endIsWatched = true;
  process.once("exit", () => {
    for (const lock of held) rmSync(lock, { force: true });
  });
}
