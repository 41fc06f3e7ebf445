// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { startScard } from "./daemon.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { run } from "./program.ts";
import { Vicc, viccProgram } from "./vicc.ts";

const openscTool: PeerProgram = {
  name: "opensc-tool",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
};

describePeer(openscTool, (tool) => {
  describePeer(viccProgram, (path) => {
    it("is a card for opensc-tool, by way of the daemon", async () => {
      const service = await startScard();
      const { environment } = service;
      const vicc = new Vicc(path, service.ports[1]);
      try {
        // It waits until the card is there: vicc takes its time to start.
        const select = ["--reader", "Virtual PCD 1", "--wait", "--send-apdu", "00A4000C023F00"];
        expect((await run(tool, select, { environment })).stdout).toContain("Received (SW1=0x90, SW2=0x00)");
        const atr = await run(tool, ["--reader", "Virtual PCD 1", "--atr"], { environment });
        expect(atr.stdout.trim()).toBe("3b:95:13:81:01:80:73:ff:01:00:0b");
      } finally {
        await vicc.kill();
        await service.stop();
      }
    });
  });
});
