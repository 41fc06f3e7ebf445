// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { describePeer } from "./peers/peers.ts";
import { secondNode } from "./peers/second-node.ts";

// A seed is worth something only where it means the same on every machine: what a Node prints in hash order, or does in
// another order of promise callbacks, would show here.

function hashesOn(node: string): string[] {
  const args = ["scripts/simulate.js", "--hash", "--histories", "20", "--from", "1001"];
  const { status, stderr, stdout } = spawnSync(node, args, { encoding: "utf8" });
  expect(stderr.replace(/^npm warn.*\n/gm, "")).toBe("");
  expect(status).toBe(0);
  return stdout.trim().split("\n");
}

describePeer(secondNode, (node) => {
  test("the same seeds give the same timelines, byte for byte, as on the Node that runs this", () => {
    const here = hashesOn(process.execPath);
    expect(here.length).toBeGreaterThan(30);
    expect(new Set(here).size).toBe(here.length);
    expect(hashesOn(node)).toEqual(here);
  });
});
