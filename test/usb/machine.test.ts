// SPDX-License-Identifier: MIT

import { beforeAll, describe, expect, it } from "vitest";
import { describePeer } from "../peers/peers.ts";
import { isWanted } from "./guest/scenario.ts";
import { scenarios } from "./guest/scenarios.ts";
import { type Boot, bootMachine, suspendMachine, usbMachine } from "./machine.ts";

// One boot for all: the scenarios run one after the other in the machine, and each is a test here.

/** For one who works on them: only the scenarios whose titles have this in them; several with | between them. */
const wanted = process.env.SCARD_USB_SCENARIOS ?? "";
/** It ends a machine that hangs, and no busy one. */
const BOOT_LIMIT_MS = 3_700_000;

describePeer(usbMachine, () => {
  const titles = scenarios.map(({ title }) => title).filter((title) => isWanted(title, wanted));
  describe.runIf(titles.length > 0)("in a machine with USB", () => {
    let boot: Boot;
    beforeAll(async () => {
      boot = await bootMachine(wanted);
    }, BOOT_LIMIT_MS);

    it.each(titles)("%s", (title) => {
      const outcome = boot.outcomes.find((one) => one.title === title);
      if (outcome === undefined) expect.fail(`the machine did not come so far:\n${boot.console.slice(-4000)}`);
      expect(outcome.error).toBeUndefined();
    });
  });

  const suspended = "a reader that was suspended with the machine is there again, and its card has lost its state";
  // Only where it is asked for by name: now and then the emulated machine does not wake up, and why was not found out.
  it.runIf(wanted !== "" && isWanted(suspended, wanted))(
    suspended,
    async () => {
      const { again, error, first, outcome, reader, readers } = await suspendMachine();
      expect(error).toBeUndefined();
      expect(first).toMatch(/^3B7A18000073667465206364313434 (9000|61..)$/);
      expect(["reset-card", "removed-card", "reader-unavailable"]).toContain(outcome);
      expect(again).toBe(first);
      expect(readers).toEqual([reader]);
    },
    BOOT_LIMIT_MS,
  );
});
