// SPDX-License-Identifier: MIT

import { beforeAll, describe, expect, it } from "vitest";
import { describePeer } from "../peers/peers.ts";
import { isWanted } from "./guest/scenario.ts";
import { scenarios } from "./guest/scenarios.ts";
import { type Boot, bootMachine, usbMachine } from "./machine.ts";

// One boot for all: the scenarios run one after the other in the machine, and each is a test here.

/** For one who works on them: only the scenarios whose titles have this in them; several with | between them. */
const wanted = process.env.SCARD_USB_SCENARIOS ?? "";
/** It ends a machine that hangs, and no busy one. */
const BOOT_LIMIT_MS = 3_700_000;

describePeer(usbMachine, () => {
  let boot: Boot;
  beforeAll(async () => {
    boot = await bootMachine(wanted);
  }, BOOT_LIMIT_MS);

  describe("in a machine with USB", () => {
    it.each(scenarios.map(({ title }) => title).filter((title) => isWanted(title, wanted)))("%s", (title) => {
      const outcome = boot.outcomes.find((one) => one.title === title);
      if (outcome === undefined) expect.fail(`the machine did not come so far:\n${boot.console.slice(-4000)}`);
      expect(outcome.error).toBeUndefined();
    });
  });
});
