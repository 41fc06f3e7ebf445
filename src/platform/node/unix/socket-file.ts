// SPDX-License-Identifier: MIT

import { randomBytes } from "node:crypto";
import { chmodSync, lchownSync, linkSync, lstatSync, rmdirSync, type Stats, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { SmartCardError } from "../../../port/index.ts";
import { maxSocketPathBytes, socketPathProblem } from "../../../wire/pcsclite/index.ts";
import { makeFolders } from "../runtime/index.ts";
import { thisUser, whyUnsafeFolder } from "./trusted-path.ts";

/** The longest path of a Unix socket on this system. */
export const MAX_SOCKET_PATH_BYTES: number = maxSocketPathBytes(process.platform);

/** How often a path is retried that other processes create and remove at the same moment. */
const MAX_ATTEMPTS = 5;

/** Where a socket is to be, and who may connect to it. */
export interface SocketPlace {
  /** At most {@link MAX_SOCKET_PATH_BYTES} bytes. Its folder is made where it is missing, for all to look into. */
  readonly path: string;
  /** Permissions, such as 0o666; connecting needs the right to write. */
  readonly mode: number;
  /** Number of the group that the socket belongs to; this process' own without it. */
  readonly group?: number;
  /** What names the path, for messages. @default "--socket" */
  readonly namedBy?: string;
}

const operation = { operation: "listen" };

/**
 * The name of a socket in the file system. The socket is bound to a temporary name, with its permissions from the first
 * moment, gets its group there, and appears under its own name, by a hard link, when all is ready: of two daemons that
 * start at once only one gets the name. No step follows a symbolic link, and the folder is one in which others cannot
 * put anything in the place of the socket.
 */
export class SocketFile {
  /** What the socket is to be bound to. */
  readonly temporaryPath: string;
  readonly #place: SocketPlace;
  /** The first of the folders that were made for it. */
  readonly #made: string | undefined;
  #ours: Stats | undefined;

  /** @throws invalid-parameter (the path is too long), no-access (its folder cannot be made, or others can change it) */
  constructor(place: SocketPlace) {
    this.#place = place;
    const folder = dirname(place.path);
    this.temporaryPath = join(folder, `.${randomBytes(3).toString("hex")}`);
    for (const name of [place.path, this.temporaryPath]) checkLength(name);
    checkFolder(place, folder);
    this.#made = makeFolder(folder, place.namedBy);
    // A folder that we made has the right owner and mode. Another process may have been faster, though.
    checkFolder(place, folder);
  }

  /**
   * Does with the bound socket all that {@link publish} does, but for its name, and removes it with the folders that were
   * made for it. What is at the path, and may be a daemon that answers, stays.
   *
   * @throws as `listenUnix`, but for sharing-violation
   */
  tryOut(): void {
    try {
      this.#setGroup();
      const found = lstatSync(this.#place.path, { throwIfNoEntry: false });
      if (found?.isSocket() === false) throw noSocket(this.#place);
    } catch (error) {
      throw error instanceof SmartCardError ? error : this.error(error as NodeJS.ErrnoException);
    } finally {
      unlinkSync(this.temporaryPath);
      this.removeFolders();
    }
  }

  /** Removes the folders that were made for the socket, as far as they are empty. */
  removeFolders(): void {
    if (this.#made === undefined) return;
    try {
      for (let folder = dirname(this.#place.path); ; folder = dirname(folder)) {
        rmdirSync(folder);
        if (folder === this.#made) return;
      }
    } catch {
      // Another process has created a file there meanwhile: the folder stays.
    }
  }

  #setGroup(): void {
    const { group } = this.#place;
    if (group !== undefined) setGroup(this.temporaryPath, group);
  }

  /** What `umask(2)` has to be while the socket is bound, so that it has its permissions from the first moment. */
  get umask(): number {
    return 0o777 & ~this.#place.mode;
  }

  /** Gives the bound socket its group and its name. @throws as `listenUnix` */
  async publish(): Promise<void> {
    const { path } = this.#place;
    try {
      this.#setGroup();
      const ours = lstatSync(this.temporaryPath);
      for (let attempt = 1; !linked(this.temporaryPath, path); attempt++) {
        if (attempt === MAX_ATTEMPTS) throw taken(this.#place);
        await removeStale(this.#place);
      }
      this.#ours = ours;
    } catch (error) {
      throw error instanceof SmartCardError ? error : this.error(error as NodeJS.ErrnoException);
    } finally {
      unlinkSync(this.temporaryPath);
    }
  }

  /** What to tell where listening failed. */
  error(error: NodeJS.ErrnoException): SmartCardError {
    return listenError(this.#place.path, error, this.#place.namedBy);
  }

  /** Takes the name back, if it is still that of our socket. */
  withdraw(): void {
    if (sameFile(lstatSync(this.#place.path, { throwIfNoEntry: false }), this.#ours)) unlinkSync(this.#place.path);
    this.#ours = undefined;
  }
}

/** What to tell of a failure to listen. */
export function listenError(path: string, error: NodeJS.ErrnoException, namedBy = "--socket"): SmartCardError {
  if (error.code === "EACCES" || error.code === "EPERM" || error.code === "EROFS") {
    const message = `${dirname(path)} is not yours to write to: become root, or name another socket with ${namedBy}`;
    return new SmartCardError("no-access", message, operation, { cause: error });
  }
  return new SmartCardError("comm-error", `cannot listen on ${path}: ${error.message}`, operation, { cause: error });
}

function checkLength(path: string): void {
  const problem = socketPathProblem(path, process.platform);
  if (problem !== undefined) throw new SmartCardError("invalid-parameter", `${path} ${problem}`, operation);
}

/** @throws no-access where others could put another file in the place of the socket */
function checkFolder({ namedBy = "--socket", path }: SocketPlace, folder: string): void {
  const user = thisUser();
  if (user === undefined) return;
  let why: string | undefined;
  try {
    why = whyUnsafeFolder(folder, user);
  } catch (error) {
    throw listenError(path, error as NodeJS.ErrnoException, namedBy);
  }
  if (why === undefined) return;
  const message = `${path} is no safe place for a socket, as ${why}: choose a folder of your own with ${namedBy}`;
  throw new SmartCardError("no-access", message, operation);
}

function makeFolder(folder: string, namedBy: string | undefined): string | undefined {
  try {
    const made = makeFolders(folder, 0o755);
    // Folders are readable by all, regardless of the umask: the socket's own mode controls who may connect.
    if (made !== undefined) chmodSync(folder, 0o755);
    return made;
  } catch (error) {
    throw listenError(folder, error as NodeJS.ErrnoException, namedBy);
  }
}

function setGroup(path: string, group: number): void {
  try {
    lchownSync(path, -1, group);
  } catch (error) {
    throw noMember(group, error);
  }
}

function noMember(group: number, cause: unknown): SmartCardError {
  const message = `the socket cannot be given to group ${group}: become root, or a member of that group`;
  return new SmartCardError("no-access", message, operation, { cause });
}

/** False where the name is taken. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes what a daemon that was killed has left. @throws sharing-violation, no-access for everything else */
async function removeStale(place: SocketPlace): Promise<void> {
  const { path } = place;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw noSocket(place);
  if (await answers(path)) throw taken(place);
  // Another daemon may have cleaned up, and taken the name, in the meantime.
  if (sameFile(lstatSync(path, { throwIfNoEntry: false }), found)) unlinkSync(path);
}

/** Whether a process listens. A socket that cannot be reached for any other reason counts as in use. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    const settle = (answer: boolean): void => {
      probe.destroy();
      resolve(answer);
    };
    probe.once("connect", () => settle(true));
    probe.once("error", (error: NodeJS.ErrnoException) => {
      settle(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}

function noSocket({ namedBy = "--socket", path }: SocketPlace): SmartCardError {
  const message = `${path} is there and is no socket, so it was left alone: move it away, or choose another path with ${namedBy}`;
  return new SmartCardError("no-access", message, operation);
}

function sameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

function taken({ namedBy = "--socket", path }: SocketPlace): SmartCardError {
  const stop = basename(path) === "pcscd.comm" ? " (pcscd: systemctl stop pcscd.socket pcscd.service)" : "";
  const message = `another daemon answers on ${path}: stop it${stop}, or choose another socket with ${namedBy}`;
  return new SmartCardError("sharing-violation", message, operation);
}
