// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { ConformanceCard } from "../../src/testing/conformance/index.ts";
import { describePeer } from "../peers/peers.ts";
import { type Installed, installForWindows, nodeVersions, runNode, windows, windowsPath } from "./rig.ts";
import { WindowsStage } from "./stage.ts";
import { compileWinscardDll, usingDll } from "./winscard-dll.ts";

const program = windowsPath(join(import.meta.dirname, "programs/database.mjs"));

const atr = encodeHex(ConformanceCard.atr).toLowerCase();
const primary = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
const interfaces = ["{01234567-89AB-CDEF-0123-456789ABCDEF}", "{FEDCBA98-7654-3210-FEDC-BA9876543210}"];

/** What each call gives, or the code that it fails with; those that give nothing are not in it. */
const expected = {
  provider: { provider: "Grüner Anbieter" },
  "primary as text": { provider: primary },
  "no provider": "provider-not-found",
  "provider id": { providerId: primary },
  interfaces: { interfaces },
  "no interfaces": { interfaces: [] },
  cards: { cards: ["Ausweis 卡", "Plain"] },
  "cards of the ATR": { cards: ["Ausweis 卡"] },
  "cards of another ATR": { cards: [] },
  forgotten: "unknown-card",
  // SCARD_STATE_CHANGED and PRESENT, and ATRMATCH.
  locate: [[atr, 0x62]],
  "locate by ATR": [[atr, 0x62]],
  "locate nothing": [[atr, 0x22]],
  readers: { readers: ["Lesegerät 卡 0", "Zweiter Name"] },
  "readers of the group": { readers: ["Zweiter Name"] },
  groups: { groups: ["SCard$DefaultReaders", "Türen"] },
  "groups afterwards": { groups: ["SCard$DefaultReaders"] },
  // SCARD_READER_TYPE_VENDOR.
  type: { deviceTypeId: 0xf0 },
  instance: { deviceInstanceId: "virtual:Lesegerät 卡 0" },
  "readers of the instance": { readers: ["Lesegerät 卡 0"] },
  "readers of no instance": "no-readers-available",
  icon: readFileSync(join(import.meta.dirname, "../../src/faces/winscard/assets/vendor.png")).length,
  "no icon": "unknown-reader",
  "read cache": true,
  "not in the cache": "cache-item-not-found",
  "stale in the cache": "cache-item-stale",
  "cards afterwards": { cards: ["Plain"] },
  "cards of no context": { cards: ["Plain"] },
  released: "invalid-context",
};

describePeer(windows, () => {
  let installed: Installed;
  let dll: string;
  beforeAll(async () => {
    dll = compileWinscardDll();
    installed = await installForWindows();
  });
  afterAll(() => installed?.remove());

  describe("the database of Windows, through our DLL", () => {
    test.for(nodeVersions)("is asked by the functions of WinSCard, on Node %s", async (version) => {
      const stage = new WindowsStage();
      const env = await stage.start();
      const ended = await runNode(version, [program], usingDll(dll, installed, env));
      expect(ended).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(ended.stdout)).toEqual(expected);
      expect(stage.winscard.database.audit.entries().map(({ event }) => event)).toEqual(["chv-success"]);
      await stage.stop();
      expect(stage.winscard.refusals).toEqual([]);
    });
  });
});
