// SPDX-License-Identifier: MIT

import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where scripts/setup-bench-clients.sh installs the packages of others. */
const addonFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "scard-peers/bench-clients");

/** Loads one of them; what it exports is described where it is used. */
export const requireAddon: NodeJS.Require = createRequire(join(addonFolder, "package.json"));
