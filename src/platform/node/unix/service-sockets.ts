// SPDX-License-Identifier: MIT

import { lstatSync, type Stats, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { posix } from "node:path";

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
  return runtimeFolder ? posix.join(runtimeFolder, "scard", "pcscd.comm") : posix.join(sharedFolder(uid), "pcscd.comm");
}

/** In a world-writable place, for users without XDG_RUNTIME_DIR. */
export function sharedFolder(uid: number): string {
  return posix.join(tmpdir(), `scard-${uid}`);
}

/**
 * Whether the listener on {@link ownSocketPath} can only be the user's: PINs go there. In a world-writable place another user
 * could have created the folder, and XDG_RUNTIME_DIR may be another user's.
 */
export function isOwnSocketSafe({ environment, uid }: SocketSurroundings): boolean {
  const { XDG_RUNTIME_DIR } = environment;
  // The variable survives su and sudo, and then names the folder of another user.
  try {
    if (XDG_RUNTIME_DIR) {
      const folder = statSync(XDG_RUNTIME_DIR, { throwIfNoEntry: false });
      // Nothing listens in a folder that is not there.
      return folder === undefined || isOnlyChangedBy(uid, folder, 0o022);
    }
    return isOnlyChangedBy(uid, lstatSync(sharedFolder(uid), { throwIfNoEntry: false }), 0o077);
  } catch {
    // A folder that this user may not even look at.
    return false;
  }
}

function isOnlyChangedBy(uid: number, folder: Stats | undefined, forbidden: number): boolean {
  return folder?.isDirectory() === true && folder.uid === uid && (folder.mode & forbidden) === 0;
}

/**
 * The control socket of a daemon stands beside the socket of its clients; where that is not known it has a place of its
 * own, which the unit file names too.
 */
export function controlPathOf(socketPath: string | undefined): string {
  return socketPath === undefined ? "/run/scard/control" : `${socketPath}.control`;
}
