// SPDX-License-Identifier: MIT

import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateFolder } from "../edge/unix/index.ts";

/** Where pcscd listens, and libpcsclite looks where nothing else is said. */
const SYSTEM_SOCKET_PATH = "/run/pcscd/pcscd.comm";

/** The environment variable that tells libpcsclite of another socket. */
const SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME";

/** What of the environment decides where sockets are. */
export interface SocketSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

/**
 * Where a daemon listens that is not told otherwise: in pcscd's place for root, and in a folder of the user's own for
 * everybody else.
 *
 * @throws no-access (without XDG_RUNTIME_DIR: the folder in its stead is not the user's alone)
 */
export function defaultSocketPath(surroundings: SocketSurroundings): string {
  if (surroundings.uid === 0) return SYSTEM_SOCKET_PATH;
  const runtimeFolder = surroundings.environment.XDG_RUNTIME_DIR;
  if (runtimeFolder) return join(runtimeFolder, "scard", "pcscd.comm");
  return join(privateFolder(fallbackFolder(surroundings.uid), surroundings.uid), "pcscd.comm");
}

function fallbackFolder(uid: number): string {
  return join(tmpdir(), `scard-${uid}`);
}

/**
 * The control socket of a daemon stands beside the socket of its clients; where that is not known it has a place of its
 * own, which the unit file names too.
 */
export function controlPathOf(socketPath: string | undefined): string {
  return socketPath === undefined ? "/run/scard/control" : `${socketPath}.control`;
}

/**
 * Where the control socket of a daemon may be, most likely first: the one that programs here are told to use, the
 * user's own, the system's.
 */
export function likelyControlPaths({ environment, uid }: SocketSurroundings): string[] {
  const runtimeFolder = environment.XDG_RUNTIME_DIR;
  const sockets = [
    environment[SOCKET_VARIABLE],
    runtimeFolder ? join(runtimeFolder, "scard", "pcscd.comm") : join(fallbackFolder(uid), "pcscd.comm"),
    SYSTEM_SOCKET_PATH,
  ];
  const known = sockets.filter((path) => path !== undefined && path !== "");
  return [...new Set([...known.map(controlPathOf), controlPathOf(undefined)])];
}

/** The line of a shell that makes the programs which it starts use a socket. */
export function exportLine(socketPath: string): string {
  const plain = /^[\w./:@%+,-]+$/.test(socketPath);
  return `export ${SOCKET_VARIABLE}=${plain ? socketPath : `'${socketPath.replaceAll("'", "'\\''")}'`}`;
}
