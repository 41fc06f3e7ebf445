// SPDX-License-Identifier: MIT

// The samples of the explainer in our own words, which know only `navigator.smartCard`, on a virtual reader.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { embeddedManager, softwareCard } from "../../src/entry/software.ts";
import { createSmartCard, type InstalledSmartCard, polyfillSmartCard } from "../../src/entry/web.ts";
import type { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { loadSample } from "./samples/index.ts";

let manager: EmbeddedManager;
let installed: InstalledSmartCard;
const lines: string[] = [];
const tell = (line: string): void => void lines.push(line);

async function plugIn(name: string): Promise<void> {
  const reader = new VirtualReader({ clock: nodeClock, name });
  reader.insert(await softwareCard("demo"));
  await manager.addReader(reader);
}

beforeEach(async () => {
  lines.length = 0;
  // As on ChromeOS, where the API is at home.
  manager = embeddedManager({ profile: "pcsclite" });
  await plugIn("Desk");
  installed = polyfillSmartCard(createSmartCard({ manager }));
  expect(installed.isInstalled).toBe(true);
});
afterEach(async () => {
  installed.uninstall();
  await manager.close();
});

describe("the samples", () => {
  test("transmit: one command", async () => {
    await (await loadSample("transmit"))(tell);
    expect(lines).toEqual(["reader: Desk", "protocol: t1", "answer: 90 00"]);
  });

  test("transaction: several commands, and a callback that fails", async () => {
    await (await loadSample("transaction"))(tell);
    const ended = ["the transaction has ended", "RangeError: the callback has failed"];
    expect(lines).toEqual(["answer: 144 0", "answer: 106 130", ...ended]);
  });

  test("readers: a new one", async () => {
    const sample = await loadSample("readers");
    await sample((line) => {
      tell(line);
      // The sample looks at the readers before it waits: the new one comes afterwards.
      if (line === "readers: Desk") setTimeout(() => void plugIn("Wall"), 50);
    });
    expect(lines).toEqual(["readers: Desk", "new: Wall"]);
  });
});
