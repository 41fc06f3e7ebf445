// SPDX-License-Identifier: MIT

import { checkName, SmartCardError } from "../pcsc/index.ts";
import { foldName, sameName } from "./names.ts";

/** The groups that the system defines, as winscard.h names them (SCARD_ALL_READERS and so on). */
export const systemGroups = {
  /** Every reader, whatever its groups. It is asked for, and never listed. */
  all: "SCard$AllReaders",
  /** Every reader is put into it when it is introduced, and can be taken out. */
  default: "SCard$DefaultReaders",
  /** Unused. It has no readers here. */
  local: "SCard$LocalReaders",
  /** Unused. It has no readers here. */
  system: "SCard$SystemReaders",
} as const;

/** Microsoft keeps names with a dollar sign for itself; of those only the default group is for programs to change. */
export function checkGroupToChange(group: string): void {
  checkName(group, "group");
  if (foldName(group).startsWith("SCARD$") && !sameName(group, systemGroups.default)) {
    throw new SmartCardError("invalid-parameter", `the group ${group} is the system's and cannot be changed`);
  }
}

/** A group that can be introduced and forgotten: one that is not the system's. */
export function checkOwnGroup(group: string): void {
  checkName(group, "group");
  if (foldName(group).startsWith("SCARD$")) {
    throw new SmartCardError("invalid-parameter", `the group ${group} is the system's: it comes and goes by itself`);
  }
}

/** Tells whether a list of groups names the one that every reader is in. */
export function asksForAll(groups: readonly string[]): boolean {
  return groups.some((group) => sameName(group, systemGroups.all));
}
