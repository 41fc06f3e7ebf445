// SPDX-License-Identifier: MIT

import { checkName, SmartCardError, sameName, systemGroups } from "../port/index.ts";

/** A group that readers can be put into and taken out of. @throws invalid-parameter for a bad or reserved name */
export function checkGroupToChange(group: string): void {
  checkName(group, "group");
  if (!sameName(group, systemGroups.default)) checkNotReserved(group, "its readers cannot be changed");
}

/** A group that can be introduced and forgotten. @throws invalid-parameter for a bad or reserved name */
export function checkOwnGroup(group: string): void {
  checkName(group, "group");
  checkNotReserved(group, "it is managed automatically");
}

/** Microsoft reserves every name with a dollar sign; of those only the default group is for programs to change. */
function checkNotReserved(group: string, consequence: string): void {
  if (!group.includes("$")) return;
  const message = `the group ${JSON.stringify(group)} is the system's: ${consequence}. Choose a name without "$"`;
  throw new SmartCardError("invalid-parameter", message);
}

/** Tells whether a list of groups names the one that every reader is in. */
export function asksForAll(groups: readonly string[]): boolean {
  return groups.some((group) => sameName(group, systemGroups.all));
}
