// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { clientLibrary, compileC } from "./compile.ts";
import { startScard } from "./daemon.ts";
import { describePeer } from "./peers.ts";
import { run } from "./program.ts";
import { VpcdCard } from "./vpcd-card.ts";

const HOLD_MS = 600;
/** Far more than an exchange takes on a machine under load, and far less than the other process has its card. */
const STALL_MS = HOLD_MS / 2;

describePeer(clientLibrary, () => {
  it("has a thread use one reader while another thread waits for the other, on one context", async () => {
    const program = compileC("two-readers", ["test/peers/two-readers.c"]);
    const service = await startScard();
    const cards = [await VpcdCard.insert(service.ports[0]), await VpcdCard.insert(service.ports[1])];
    try {
      await service.seesCards(2);
      // docs/decisions/0010-held-requests.md: a request is not held where another reader of the context would suffer.
      const args = ["Virtual PCD", "Virtual PCD 1", String(HOLD_MS)];
      const { status, stdout } = await run(program, args, { environment: service.environment });
      expect(status, stdout).toBe(0);
      const { waitedUs, exchanges, longestUs } = JSON.parse(stdout);
      expect(waitedUs).toBeGreaterThan((HOLD_MS - 100) * 1000);
      expect(exchanges).toBeGreaterThan(20);
      expect(longestUs).toBeLessThan(STALL_MS * 1000);
    } finally {
      for (const card of cards) await card.end();
      await service.stop();
    }
  });
});
