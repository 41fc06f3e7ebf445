// SPDX-License-Identifier: MIT

import {
  controlPathOf,
  ownSocketPath,
  privateFolder,
  type SocketSurroundings,
  SYSTEM_SOCKET_PATH,
  sharedFolder,
} from "../../platform/node/unix/index.ts";

export { controlPathOf } from "../../platform/node/unix/index.ts";

/** The environment variable that names another socket to libpcsclite. */
const SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME";

/**
 * Where a daemon listens by default: on pcscd's path for root, and in a private folder for other users.
 *
 * @throws no-access (without XDG_RUNTIME_DIR: the folder in its stead is not the user's alone)
 */
export function defaultSocketPath(surroundings: SocketSurroundings): string {
  if (surroundings.uid === 0) return SYSTEM_SOCKET_PATH;
  if (!surroundings.environment.XDG_RUNTIME_DIR) privateFolder(sharedFolder(surroundings.uid), surroundings.uid);
  return ownSocketPath(surroundings);
}

/**
 * Where the control socket of a daemon may be, most likely first: the one configured for programs here, the user's
 * own, the system's.
 */
export function likelyControlPaths(surroundings: SocketSurroundings): string[] {
  const named = surroundings.environment[SOCKET_VARIABLE];
  const sockets = [...(named ? [named] : []), ownSocketPath(surroundings), SYSTEM_SOCKET_PATH];
  return [...new Set([...sockets.map(controlPathOf), controlPathOf(undefined)])];
}

/** The shell command that makes programs started from it use a socket. */
export function exportLine(socketPath: string): string {
  const plain = /^[\w./:@%+,-]+$/.test(socketPath);
  return `export ${SOCKET_VARIABLE}=${plain ? socketPath : `'${socketPath.replaceAll("'", "'\\''")}'`}`;
}
