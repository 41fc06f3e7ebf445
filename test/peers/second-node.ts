// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import type { PeerProgram } from "./peers.ts";

const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

/** Another Node, in which much has to be as it is in the one that runs the tests. It has SQLite itself. */
export const secondNode: PeerProgram = {
  name: join(cache, `scard-peers/node-24/node_modules/node-linux-${process.arch}/bin/node`),
  remedy: "scripts/setup-peers.sh installs Node 24 there, on Linux.",
  probe: (path) => {
    const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    return stdout?.startsWith("v24.") ? undefined : `it says that it is ${stdout}`;
  },
};
