// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { DebianDriver } from "./driver-packages.ts";

/** Where libgcr410 looks for serial lines: the last character is the number of the line. */
const LINES = "/dev/ttyS%c\0\0\0\0\0";

/**
 * A copy of libgcr410 whose first serial line is another file than /dev/ttyS0, which few machines have: the name of the files is the
 * one thing that is other in it.
 */
export function serialDriver(
  driver: DebianDriver,
  line: string,
): { readonly driver: DebianDriver; readonly remove: () => void } {
  // The name has the room of the one before.
  const folder = mkdtempSync("/tmp/g");
  const file = readFileSync(driver.library);
  const at = file.indexOf(LINES);
  if (at < 0) throw new Error(`${driver.library} has no "/dev/ttyS%c"`);
  file.write(`${folder}/%c`.padEnd(LINES.length, "\0"), at, "latin1");
  const library = join(folder, basename(driver.library));
  writeFileSync(library, file);
  symlinkSync(line, join(folder, "0"));
  return { driver: { ...driver, library }, remove: () => rmSync(folder, { recursive: true }) };
}
