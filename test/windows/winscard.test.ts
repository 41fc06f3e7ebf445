// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { managers } from "../../src/testing/conformance/index.ts";
import { describePeer } from "../peers/peers.ts";
import { conformanceProblems, databaseProblems } from "./checks.ts";
import { type Installed, installForWindows, nodeVersions, windows } from "./rig.ts";
import { compileWinscardDll } from "./winscard-dll.ts";

describePeer(windows, () => {
  let installed: Installed;
  let dll: string;
  beforeAll(async () => {
    dll = compileWinscardDll();
    installed = await installForWindows();
  });
  afterAll(() => installed?.remove());

  describe.concurrent(managers["system-windows"], () => {
    test.for(nodeVersions)("does what the conformance suite says, on Node %s", async (version) => {
      expect(await conformanceProblems({ version, installed, dll })).toEqual([]);
    });

    test.for(nodeVersions)("has the database of the functions of WinSCard, on Node %s", async (version) => {
      expect(await databaseProblems({ version, installed, dll })).toEqual([]);
    });
  });
});
