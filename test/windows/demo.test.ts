// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describePeer } from "../peers/peers.ts";
import { type Installed, installForWindows, nodeVersions, runNode, windows } from "./rig.ts";

describePeer(windows, () => {
  let installed: Installed;
  beforeAll(async () => {
    installed = await installForWindows();
  });
  afterAll(() => installed?.remove());

  test("npm brings what the package needs on Windows", () => {
    const lock = JSON.parse(readFileSync(join(installed.folder, "node_modules/.package-lock.json"), "utf8"));
    const names = Object.keys(lock.packages).map((path) => path.replace(/.*node_modules\//, ""));
    expect(names).toEqual(expect.arrayContaining(["@koromix/koffi-win32-x64", "@libsql/win32-x64-msvc"]));
    expect(names.filter((name) => /linux|darwin/.test(name))).toEqual([]);
  });

  describe.each(nodeVersions)("Node %s for Windows", (version) => {
    test("runs scard demo, and every step is right", async () => {
      const program = await runNode(version, ["-p", "process.platform + process.version"]);
      expect(program).toEqual({ status: 0, stdout: expect.stringMatching(`^win32v${version}[.]`), stderr: "" });
      const { status, stdout, stderr } = await runNode(version, [installed.scard, "demo"]);
      expect(stderr).toBe("");
      expect(stdout).toContain("75 steps");
      expect(status).toBe(0);
    });
  });
});
