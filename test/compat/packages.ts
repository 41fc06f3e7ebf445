// SPDX-License-Identifier: MIT

import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { PeerProgram } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

/** A package from npm that scripts/setup-compat.sh has installed: the path of its folder. */
export function npmPackage(name: string): PeerProgram {
  return {
    name: join(cache, "scard-peers/compat/node_modules", name),
    remedy: "scripts/setup-compat.sh installs it there.",
    probe: (path) => {
      if (!existsSync(join(path, "package.json"))) return "it has no package.json";
      // What it requires as scard has to be what is tested: several checkouts may have installed it there, one after the other.
      return linksHere() ? undefined : "it requires the scard of another checkout";
    },
  };
}

function linksHere(): boolean {
  try {
    return realpathSync(join(cache, "scard-peers/compat/node_modules/scard")) === realpathSync(root);
  } catch {
    return false;
  }
}

const contactless = fileURLToPath(new URL("contactless.mjs", import.meta.url));

/**
 * Runs a program that knows nothing of managers on one with a contactless reader, "ACS ACR122U PICC Interface", and a Type
 * 2 tag. Write `insert`, `remove`, `unplug` and `memory` to it, each on a line.
 */
export function runContactless(file: string, environment: NodeJS.ProcessEnv = {}): Program {
  const program = new Program(process.execPath, ["--import", contactless, file], { ...process.env, ...environment });
  onTestFinished(async () => {
    await program.end();
  });
  return program;
}
