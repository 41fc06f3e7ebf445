// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, expect, test } from "vitest";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";
import { type ServedWorld, servedWorld } from "./served-world.ts";

// The program is run as it was built: node has to take it without help.
describePeer(clientLibrary, () => {
  let world: ServedWorld;

  beforeAll(async () => {
    world = await servedWorld();
  });

  afterAll(() => world.end());

  const start = (task: string): Program =>
    new Program(process.execPath, ["test/system/program.mjs", task], {
      ...process.env,
      // Its own process looks for the variable anew.
      PCSCLITE_CSOCK_NAME: process.env.PCSCLITE_CSOCK_NAME,
    });

  test.each(["watch", "hold", "forget"])(
    "a program that exits while it does not come back (%s) exits at once",
    async (task) => {
      const program = start(task);
      await program.line((line) => line === "done");
      if (task === "hold") await expect.poll(async () => (await world.inspect()).readers[0]?.queue.length).toBe(1);
      if (task === "watch") await expect.poll(() => world.waiting()).toBe(1);
      program.endInput();
      expect(await program.ended).toMatchObject({ status: 0, stderr: "" });
      await expect.poll(() => world.sessions()).toBe(0);
      expect((await world.inspect()).readers[0]).toMatchObject({ connections: [], lock: undefined, queue: [] });
    },
  );

  test("a program that has released its context ends by itself", async () => {
    const program = start("end");
    expect(await program.ended).toMatchObject({ status: 0, stdout: "done\n", stderr: "" });
    expect(world.sessions()).toBe(0);
  });
});
