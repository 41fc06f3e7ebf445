// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";

/** How the program is asked for its version, in place of a command. */
export const versionOptions: readonly string[] = ["--version", "-V", "-v"];

/** The version of this package. */
export function readVersion(): string {
  // The same way from src/apps/cli, dist/apps/cli and dist/bundle/entry.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  return String((manifest as { readonly version: unknown }).version);
}
