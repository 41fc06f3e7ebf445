// SPDX-License-Identifier: MIT

import { UsageError } from "./options.ts";

/** The port that an option names. @throws UsageError */
export function portOf(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 0xffff)) throw new UsageError(`${option} is a number from 0 to 65535; 0 lets the system choose`);
  return port;
}
