// SPDX-License-Identifier: MIT

// The unit and property tests of all rooms but platform/node, which is about the machine, and the conformance suite on the
// embedded manager in both profiles, run by vitest on Windows' Node.

import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../package/packed.ts";
import { describePeer } from "../peers/peers.ts";
import { HANG_MS, type Installed, installForWindows, nodeVersions, runNode, windows } from "./rig.ts";

interface Assertion {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

/** What the tests need of the repository. */
const copied = [
  "src",
  "docs",
  "README.md",
  "package.json",
  "architecture.json",
  ...["conformance", "farm", "manager", "pcscd", "peers", "vectors", "patience.ts"].map((name) => `test/${name}`),
];

/** Tests that are not for Windows; each says so itself. */
const needsUnix = /[\\/](?:apps[\\/]daemon|apps[\\/]cli|entry)[\\/]/;

describePeer(windows, () => {
  let installed: Installed;
  beforeAll(async () => {
    const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    const locked = ["vitest", "fast-check"].map((name) => `${name}@${packages[`node_modules/${name}`].version}`);
    installed = await installForWindows(locked);
    for (const name of copied) cpSync(join(root, name), join(installed.folder, name), { recursive: true });
  }, HANG_MS);
  afterAll(() => installed?.remove());

  test.each(nodeVersions)("pass on Node %s", { timeout: HANG_MS }, async (version) => {
    const report = `report-${version}.json`;
    const options = [
      "--reporter=json",
      `--outputFile=${report}`,
      "--pool=forks",
      "--no-isolate",
      "--no-file-parallelism",
    ];
    const limits = [`--testTimeout=${HANG_MS}`, `--hookTimeout=${HANG_MS}`, "--expect.poll.timeout=120000"];
    const args = ["node_modules/vitest/vitest.mjs", "run", ...options, ...limits, "--exclude=src/platform/**"];
    const tests = ["src", "test/conformance/embedded.test.ts"];
    const { status, stderr, stdout } = await runNode(version, [...args, ...tests], { cwd: installed.folder });
    const path = join(installed.folder, report);
    const { numPassedTests, testResults }: Report = JSON.parse(readFileSync(path, "utf8"));
    const failures = testResults.flatMap(({ assertionResults, message, name, status: ofFile }) => {
      const failed = assertionResults.filter((one) => one.status === "failed");
      if (failed.length > 0) return failed.map((one) => `${name}: ${one.fullName}: ${one.failureMessages[0]}`);
      return ofFile === "failed" ? [`${name}: ${message}`] : [];
    });
    expect(failures).toEqual([]);
    expect({ status, output: stdout + stderr }).toMatchObject({ status: 0 });
    expect(numPassedTests).toBeGreaterThan(2_500);
    expect(testResults.filter(({ name }) => name.endsWith("/conformance/embedded.test.ts"))).toHaveLength(1);
    const left = testResults.filter(({ assertionResults, name }) => {
      return !needsUnix.test(name) && assertionResults.some((one) => one.status !== "passed");
    });
    expect(left.map(({ name }) => name)).toEqual([]);
  });
});
