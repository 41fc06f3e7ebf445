// SPDX-License-Identifier: MIT

import { fstatSync, readFileSync } from "node:fs";

/** A listening socket that the service manager opened for this process. */
export interface InheritedSocket {
  readonly fd: number;
  /** The name that the unit gives it (`FileDescriptorName=`); the unit's own name without one. */
  readonly name: string | undefined;
  /** Where it listens; undefined where the system does not tell. */
  readonly path: string | undefined;
}

/** File descriptors of the service manager begin here: SD_LISTEN_FDS_START. */
const FIRST_FD = 3;

/** More are not looked at: a unit of ours has one or two. */
const MAX_FDS = 16;

/**
 * The sockets that the service manager handed over; none where this process was started otherwise. The variables that
 * say so are taken out of the environment, so that no child process uses them.
 *
 * @see sd_listen_fds(3)
 */
export function inheritedSockets(environment: NodeJS.ProcessEnv, pid: number): InheritedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  if (LISTEN_PID !== String(pid)) return [];
  delete environment.LISTEN_PID;
  delete environment.LISTEN_FDS;
  delete environment.LISTEN_FDNAMES;
  const count = /^\d{1,4}$/.test(LISTEN_FDS ?? "") ? Math.min(Number(LISTEN_FDS), MAX_FDS) : 0;
  const names = LISTEN_FDNAMES?.split(":") ?? [];
  return Array.from({ length: count }, (_, index) => {
    const fd = FIRST_FD + index;
    return { fd, name: names[index], path: boundPath(fd) };
  });
}

/** Where a Unix socket is bound. Node tells this only of those that it bound itself. */
function boundPath(fd: number): string | undefined {
  try {
    const inode = String(fstatSync(fd).ino);
    // Num RefCount Protocol Flags Type St Inode Path; the path is the rest of the line.
    for (const line of readFileSync("/proc/net/unix", "utf8").split("\n")) {
      const [, of, path] = /^\S+ \S+ \S+ \S+ \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
      if (of === inode) return path;
    }
  } catch {
    // Not Linux, or /proc is not there.
  }
  return undefined;
}
