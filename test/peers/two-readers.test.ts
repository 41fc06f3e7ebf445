// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { clientLibrary, compileC } from "./compile.ts";
import { startScard } from "./daemon.ts";
import { describePeer } from "./peers.ts";
import { run } from "./program.ts";
import { VpcdCard } from "./vpcd-card.ts";

const EXCHANGES = 50;
/** A request that is held in vain keeps the context from the other thread for so long: then the program does not end in time. */
const HOLD_MS = 600_000;

describePeer(clientLibrary, () => {
  it("has a thread use one reader while another thread waits for the other, on one context", async () => {
    const program = compileC("two-readers", ["test/peers/two-readers.c"]);
    const folder = mkdtempSync(join(tmpdir(), "scard-two-readers-"));
    const config = join(folder, "config.json");
    writeFileSync(config, JSON.stringify({ limits: { holdMs: HOLD_MS } }));
    const service = await startScard(["--config", config]);
    const cards = [await VpcdCard.insert(service.ports[0]), await VpcdCard.insert(service.ports[1])];
    try {
      await service.seesCards(2);
      // docs/decisions/0010-held-requests.md: a request is not held where another reader of the context would suffer.
      const args = ["Virtual PCD", "Virtual PCD 1", String(EXCHANGES)];
      const { status, stdout } = await run(program, args, { environment: service.environment });
      expect(status, stdout).toBe(0);
      expect(Number(stdout)).toBeGreaterThanOrEqual(EXCHANGES);
    } finally {
      for (const card of cards) await card.end();
      await service.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
