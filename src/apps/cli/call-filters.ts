// SPDX-License-Identifier: MIT

import { UsageError } from "./options.ts";

/** The options of commands that take some of what programs ask of the daemon. */
export const callFilters = {
  client: {
    type: "string",
    value: "PROGRAM",
    help: "only programs whose name has this in it, or the process with this number",
  },
  aid: { type: "string", value: "HEX", reads: aidOf, help: "only commands to applications whose identifier begins so" },
} as const;

/** Digits of an identifier, in any case and with blanks. @throws UsageError */
function aidOf(option: string, value: string): string {
  const digits = value.replaceAll(" ", "").toUpperCase();
  if (!/^[0-9A-F]{2,32}$/.test(digits)) throw new UsageError(`${option} is 2 to 32 hexadecimal digits`);
  return digits;
}
