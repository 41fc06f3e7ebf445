// SPDX-License-Identifier: MIT

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run } from "../peers/program.ts";
import { scardProgram, testFolder } from "./running.ts";

it("the space of new objects has not grown while the daemon was loaded", async () => {
  const folder = testFolder();
  const [config, hook, told] = [join(folder, "daemon.json"), join(folder, "hook.cjs"), join(folder, "told")];
  writeFileSync(config, JSON.stringify({ readers: [{ type: "virtual", name: "Desk" }] }));
  writeFileSync(
    hook,
    `process.on("exit", () => {
      const spaces = require("node:v8").getHeapSpaceStatistics();
      const { space_size } = spaces.find(({ space_name }) => space_name === "new_space");
      require("node:fs").writeFileSync(${JSON.stringify(told)}, String(space_size / 2 ** 20));
    });`,
  );
  const line = [scardProgram, "daemon", "--config", config, "--check-config"];
  expect((await run(process.execPath, ["--require", hook, ...line])).status).toBe(0);
  // Two halves of 1 MiB, of which one may be told; it is 16 MiB where nothing keeps it small before the rest is loaded.
  expect(Number(readFileSync(told, "utf8"))).toBeLessThanOrEqual(2);
});
