// SPDX-License-Identifier: MIT

import { lstatSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where pcscd listens, and libpcsclite looks where nothing else is said. */
export const SYSTEM_SOCKET_PATH = "/run/pcscd/pcscd.comm";

/** What of the environment decides where sockets are. */
export interface SocketSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

/** Where a user's own `scard daemon` listens that is not told otherwise; it need not be there. */
export function ownSocketPath({ environment, uid }: SocketSurroundings): string {
  const runtimeFolder = environment.XDG_RUNTIME_DIR;
  return runtimeFolder ? join(runtimeFolder, "scard", "pcscd.comm") : join(sharedFolder(uid), "pcscd.comm");
}

/** In a place that everybody may write to, for users who have none of their own. */
export function sharedFolder(uid: number): string {
  return join(tmpdir(), `scard-${uid}`);
}

/**
 * Whether what listens on {@link ownSocketPath} can only be the user's: PINs go there. In a place that everybody may write
 * to somebody else could have made the folder.
 */
export function isOwnSocketSafe({ environment, uid }: SocketSurroundings): boolean {
  if (environment.XDG_RUNTIME_DIR) return true;
  const stat = lstatSync(sharedFolder(uid), { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o077) === 0;
}

/**
 * The control socket of a daemon stands beside the socket of its clients; where that is not known it has a place of its
 * own, which the unit file names too.
 */
export function controlPathOf(socketPath: string | undefined): string {
  return socketPath === undefined ? "/run/scard/control" : `${socketPath}.control`;
}
