// SPDX-License-Identifier: MIT

import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Permission bits: writing by the group, by others, and the sticky bit, under which only owners rename and remove. */
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** What a folder is to whom. */
type Owned = Pick<Stats, "uid" | "gid" | "mode">;

/**
 * Why a folder is unsafe for a socket, or undefined if it is safe. It and all folders above it belong to root or to
 * this user, and others cannot write to them, except for folders with the sticky bit such as /tmp: else another user could
 * replace the socket at any time. A folder that the user's own group may write to is accepted, as many
 * systems give each user a group.
 *
 * @param folder need not exist; the nearest folder above it that does is looked at then
 * @see sshd_config(5), StrictModes, which asks the same of the folders with keys
 */
export function whyUnsafeFolder(
  folder: string,
  user: { readonly uid: number; readonly gid: number },
): string | undefined {
  for (let path = realpathOf(resolve(folder)); ; path = dirname(path)) {
    const stat = statSync(path);
    if (stat.uid !== 0 && stat.uid !== user.uid) return `${path} belongs to user ${stat.uid}`;
    if (canBeChangedByOthers(stat, user)) return `others can write to ${path}`;
    if (path === dirname(path)) return undefined;
  }
}

/**
 * Why a file may be another user's trap, or undefined if not: in a folder that others can write to, such as /tmp, it must
 * belong to root or to this user. In a folder of root it may belong to the user of a service.
 *
 * @param path must exist
 */
export function whyUntrusted(path: string, user: { readonly uid: number; readonly gid: number }): string | undefined {
  return whyPlacedByOthers(resolve(path), user) ?? whyPlacedByOthers(realpathSync(path), user);
}

function whyPlacedByOthers(path: string, user: { readonly uid: number; readonly gid: number }): string | undefined {
  for (let part = path; part !== dirname(part); part = dirname(part)) {
    const { uid } = lstatSync(part);
    if (uid === 0 || uid === user.uid) continue;
    const folder = statSync(dirname(part));
    const isOpen = (folder.mode & OTHERS_WRITE) !== 0 || canBeChangedByOthers(folder, user);
    if (isOpen) return `${part} belongs to user ${uid}, in a folder that others can write to`;
  }
  return undefined;
}

function canBeChangedByOthers({ gid, mode }: Owned, user: { readonly gid: number }): boolean {
  if ((mode & STICKY) !== 0) return false;
  return (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITE) !== 0 && gid !== user.gid);
}

/** The folder without symbolic links, or the nearest one above it that exists. */
function realpathOf(folder: string): string {
  for (let path = folder; ; path = dirname(path)) {
    try {
      return realpathSync(path);
    } catch (error) {
      if (path === dirname(path) || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** Who this process acts as, where users have numbers. */
export function thisUser(): { readonly uid: number; readonly gid: number } | undefined {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
