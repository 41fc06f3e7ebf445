// SPDX-License-Identifier: MIT

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { behaviours, managers, type Result } from "../../src/testing/conformance/index.ts";
import { faultsOf } from "../conformance/stages.ts";
import { describePeer } from "../peers/peers.ts";
import {
  type Installed,
  installForWindows,
  type NodeVersion,
  nodeVersions,
  runNode,
  windows,
  windowsPath,
} from "./rig.ts";
import { WindowsStage } from "./stage.ts";
import { compileWinscardDll, usingDll } from "./winscard-dll.ts";

const program = windowsPath(join(import.meta.dirname, "programs/conformance.mjs"));

describePeer(windows, () => {
  let installed: Installed;
  let dll: string;
  beforeAll(async () => {
    dll = compileWinscardDll();
    installed = await installForWindows();
  });
  afterAll(() => installed?.remove());

  /** Plays behaviours on a stage of their own. */
  async function play(version: NodeVersion, stage: WindowsStage, chosen: string): Promise<Result[]> {
    const env = { ...(await stage.start()), SCARD_TEST_BEHAVIOURS: chosen };
    const ended = await runNode(version, [program], usingDll(dll, installed, env));
    await stage.stop();
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    // The DLL refused nothing, and could look at the sizes of what it was given.
    expect(stage.winscard.refusals).toEqual([]);
    expect(stage.winscard.counts.get("sized")).toBeGreaterThan(20);
    return JSON.parse(ended.stdout);
  }

  describe.concurrent(managers["system-windows"], () => {
    test.for(nodeVersions)("is what the suite says, on Node %s", async (version) => {
      const results = await play(version, new WindowsStage(), "others");
      expect(faultsOf(results)).toEqual([]);
      const [idle] = await play(version, new WindowsStage(5_000), "transaction-idle");
      expect(faultsOf(idle === undefined ? [] : [idle])).toEqual([]);
      // Everything was played.
      expect([...results, idle].map((result) => result?.kind)).toEqual(behaviours.map(() => "played"));
    });
  });
});
