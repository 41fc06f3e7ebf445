// SPDX-License-Identifier: MIT

import { describe, expect, onTestFinished, test } from "vitest";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { watchDevices } from "../../src/platform/node/usb/watch-devices.ts";
import type { Clock } from "../../src/port/index.ts";
import { SysfsTree } from "./sysfs-tree.ts";

function watched(tree: SysfsTree, clock: Clock = nodeClock) {
  let told = 0;
  let waiting: (() => void) | undefined;
  const stop = watchDevices(tree.folders, clock, () => {
    told++;
    waiting?.();
  });
  onTestFinished(() => {
    stop();
    tree.remove();
  });
  return {
    stop,
    count: () => told,
    next: () =>
      new Promise<void>((resolve) => {
        waiting = resolve;
      }),
  };
}

describe.skipIf(process.platform !== "linux")("watching devices", () => {
  test("tells of a device on a bus that there was, on a new bus, and of its end", async () => {
    const tree = new SysfsTree();
    tree.plug({ port: "1-1", address: 2 });
    const watch = watched(tree);
    const noticed = async (change: () => void) => {
      const next = watch.next();
      change();
      await next;
    };
    await watch.next();
    await noticed(() => tree.plug({ port: "1-2", address: 3 }));
    await noticed(() => tree.plug({ port: "2-1", bus: 2, address: 2 }));
    await noticed(() => tree.unplug("1-2", 1, 3));
  });

  test("looks where there are no files to watch, and tells when USB comes", async () => {
    const tree = new SysfsTree(false);
    const timers: (() => void)[] = [];
    const schedule: Clock["schedule"] = (_, __, callback) => {
      timers.push(callback);
      return () => {};
    };
    const clock: Clock = { ...nodeClock, schedule };
    const watch = watched(tree, clock);
    const turn = async () => {
      while (timers.length === 0) await new Promise(setImmediate);
      timers.shift()?.();
    };
    await watch.next();
    await turn();
    expect(watch.count()).toBe(1);
    const next = watch.next();
    tree.plug({ port: "1-1" });
    await turn();
    await next;
  });

  test("tells nothing after its end", async () => {
    const tree = new SysfsTree();
    tree.plug({ port: "1-1" });
    const watch = watched(tree);
    await watch.next();
    watch.stop();
    tree.plug({ port: "1-2", address: 3 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(watch.count()).toBe(1);
  });
});
