// SPDX-License-Identifier: MIT

// The mistakes that callers make, on services that are processes of their own.

import { describe, expect, test } from "vitest";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { ConformanceCard } from "../../src/testing/conformance/index.ts";
import { ourDaemon, type RestartableService, stockPcscd } from "../pcscd/services.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";
import { faultsOf, timeless } from "./judge.ts";

function suite(make: () => Promise<RestartableService>): void {
  test("a service, through our client", { timeout: 120_000 }, async () => {
    const service = await make();
    try {
      await service.start();
      const runtime = nodeRuntime();
      const manager = new PcscdManager({ dial: dialPcscd({ sockets: [service.socket] }), runtime });
      await manager.waitForService();
      const card = await SoftwareVpcdCard.insert(new ConformanceCard(runtime.clock), service.port);
      const context = await manager.establishContext();
      const [reader = ""] = await context.listReaders();
      await context.getStatusChange([{ reader, flags: { empty: true } }], { timeoutMs: 60_000 });
      // A service reports only its readers, and whether they are in use.
      const look = async (): Promise<unknown> =>
        timeless([await context.listReaders(), await context.getStatusChange([{ reader }])]);
      expect(await faultsOf({ manager, reader, look })).toEqual([]);
      await context.release();
      await card.remove();
    } finally {
      await service.remove();
    }
  });
}

describe("scard daemon", () => suite(ourDaemon));
describePeer(pcscdProgram, () => suite(stockPcscd));
