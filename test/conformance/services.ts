// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { type Ability, behaviours, type ManagerKey, managers } from "../../src/conformance/index.ts";
import { nodeRuntime } from "../../src/edge/node/index.ts";
import { dialPcscd } from "../../src/edge/pcscd/index.ts";
import { openSystemManager } from "../../src/edge/system/index.ts";
import type { ResourceManager } from "../../src/pcsc/index.ts";
import { PcscdManager } from "../../src/pcscd/index.ts";
import { privatePcscd, type RestartableService } from "../pcscd/services.ts";
import type { PeerProgram } from "../peers/peers.ts";
import { faultsOf, serviceResults } from "./stages.ts";

/** A run takes some fifteen seconds, most of which is waits that have to last. */
const PATIENCE_MS = 120_000;

/** A reader of vpcd cannot be unplugged. */
const lackingInVpcd: readonly Ability[] = ["reader-moves"];
/** And pcscd's driver for it takes a card that has no ATR for none. */
const lackingInPcscd: readonly Ability[] = [...lackingInVpcd, "silent-card"];

/** The release that the table of differences is about. */
export const stockService: PeerProgram = {
  ...privatePcscd,
  probe: (path) => {
    const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    return stdout.includes("version 1.9.9")
      ? privatePcscd.probe(path)
      : "it is not 1.9.9, which the table of differences is about";
  },
};

/** A service, used through our client. */
export function throughOurClient(make: () => Promise<RestartableService>, key: ManagerKey): void {
  suite(make, key, async ({ socket }) => {
    return new PcscdManager({ dial: dialPcscd({ sockets: [socket] }), runtime: nodeRuntime() });
  });
}

/** A service, used through the system's library; once in a process, for the library looks for its socket once. */
export function throughTheSystem(make: () => Promise<RestartableService>, key: ManagerKey): void {
  suite(make, key, async ({ socket }) => {
    process.env.PCSCLITE_CSOCK_NAME = socket;
    return openSystemManager({ runtime: nodeRuntime() });
  });
}

function suite(
  make: () => Promise<RestartableService>,
  key: ManagerKey,
  open: (service: RestartableService) => Promise<ResourceManager>,
): void {
  describe(managers[key], () => {
    test("is what the suite says, but where the table of differences says so", { timeout: PATIENCE_MS }, async () => {
      const service = await make();
      const lacking = key.endsWith("pcscd") ? lackingInPcscd : lackingInVpcd;
      const results = await serviceResults(service, key, lacking, () => open(service));
      expect(faultsOf(results)).toEqual([]);
      // Everything else was played.
      const skipped = results.filter(({ kind }) => kind === "skipped").map(({ behaviour }) => behaviour);
      expect(skipped).toEqual(behaviours.filter(({ needs }) => needs?.some((need) => lacking.includes(need))));
    });
  });
}
