// SPDX-License-Identifier: MIT

import { checkList } from "../base/binary/index.ts";
import { sameName } from "./names.ts";

/** The groups that the system defines, as winscard.h names them (SCARD_ALL_READERS and so on). */
export const systemGroups = {
  /** All readers, in any group. It can be searched, but is never listed. */
  all: "SCard$AllReaders",
  /** Every reader is put into it when it is introduced, and can be taken out. */
  default: "SCard$DefaultReaders",
  /** Unused. It has no readers here. */
  local: "SCard$LocalReaders",
  /** Unused. It has no readers here. */
  system: "SCard$SystemReaders",
} as const;

/**
 * Whether a list of groups includes every reader of a manager without a database: such a manager has only the default group.
 *
 * @param groups undefined for no choice
 */
export function includesEveryReader(groups: readonly string[] | undefined): boolean {
  if (groups === undefined) return true;
  checkList(groups, "names of groups", "includesEveryReader: groups");
  return groups.some((group) => sameName(group, systemGroups.all) || sameName(group, systemGroups.default));
}
