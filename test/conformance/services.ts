// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { openSystemManager } from "../../src/platform/node/system/index.ts";
import type { ResourceManager } from "../../src/port/index.ts";
import { type Ability, behaviours, type ManagerKey, managers } from "../../src/testing/conformance/index.ts";
import type { RestartableService } from "../pcscd/services.ts";
import { faultsOf, serviceResults } from "./stages.ts";

/** A reader of vpcd cannot be unplugged. */
const lackingInVpcd: readonly Ability[] = ["reader-moves"];
/** And pcscd's driver for it takes a card that has no ATR for none. */
const lackingInPcscd: readonly Ability[] = [...lackingInVpcd, "silent-card"];

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
    test("is what the suite says, but where the table of differences says so", async () => {
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
