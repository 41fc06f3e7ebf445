// SPDX-License-Identifier: MIT

/** Write permission of the group, and of all others. */
const WRITE_BY_OTHERS = 0o022;

/** Whether other users than the owner and root may connect to a socket with this mode: connecting needs the right to write (unix(7)). */
export function admitsOthers(mode: number): boolean {
  return (mode & WRITE_BY_OTHERS) !== 0;
}
