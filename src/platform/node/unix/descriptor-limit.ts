// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync } from "node:fs";

/**
 * How many more descriptors this process may open (RLIMIT_NOFILE, getrlimit(2)); undefined where the system does not tell. Node has
 * raised the limit as far as it may by then.
 */
export function freeDescriptors(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    if (soft === undefined || soft === "unlimited") return undefined;
    return Number(soft) - readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
