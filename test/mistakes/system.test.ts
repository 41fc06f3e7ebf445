// SPDX-License-Identifier: MIT

// The mistakes that callers make, on the operating system's manager: the system's libpcsclite over a service of ours.

import { expect, test } from "vitest";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { servedWorld } from "../system/served-world.ts";
import { faultsOf, timeless } from "./judge.ts";

describePeer(clientLibrary, () => {
  test("the system's manager", { timeout: 120_000 }, async () => {
    // Nothing is kept for the next connect, so that what is left can be told from it.
    const world = await servedWorld({ limits: { spareContexts: 0 } });
    try {
      const look = async (): Promise<unknown> => timeless(await world.inspect());
      expect(await faultsOf({ manager: world.system, reader: world.name, look })).toEqual([]);
    } finally {
      await world.end();
    }
  });
});
