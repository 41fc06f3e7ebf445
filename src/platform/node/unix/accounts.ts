// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";

/** Number of a group of this machine (`/etc/group`); undefined if it is not there, or comes from a directory service. */
export function findGroup(name: string): number | undefined {
  return findAccount("/etc/group", name);
}

/** Number of a user of this machine (`/etc/passwd`); undefined if it is not there, or comes from a directory service. */
export function findUser(name: string): number | undefined {
  return findAccount("/etc/passwd", name);
}

/** In both files the name comes first and the number third, with colons between. */
function findAccount(file: string, name: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  for (const line of text.split("\n")) {
    const [account, , id = ""] = line.split(":");
    if (account === name && /^\d+$/.test(id)) return Number(id);
  }
  return undefined;
}
