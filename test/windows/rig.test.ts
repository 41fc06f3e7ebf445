// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeer } from "../peers/peers.ts";
import { HANG_MS, nodeVersions, runNode, WindowsProgram, windows, windowsPath } from "./rig.ts";

describePeer(windows, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-rig-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(nodeVersions)(
    "Node %s gets its arguments, environment, folder and input, and its status comes back",
    async (version) => {
      const code = `
      const [, ...args] = process.argv;
      const { LOCALAPPDATA, PATH, VITEST } = process.env;
      const input = require("node:fs").readFileSync(0, "utf8");
      console.log(JSON.stringify({ args, LOCALAPPDATA, PATH, VITEST, cwd: process.cwd(), input }));
      console.error("an error: é€");
      process.exitCode = 7;`;
      const args = ["a b", 'c"d', "", "e\\", "*", "%PATH%", "ü€"];
      const env = { LOCALAPPDATA: "D:\\Local" };
      const ended = await runNode(version, ["-e", code, ...args], {
        env,
        cwd: folder,
        input: "a line\n",
        dllFolder: folder,
      });
      expect(ended).toMatchObject({ status: 7, stderr: "an error: é€\n" });
      expect(JSON.parse(ended.stdout)).toEqual({
        args,
        LOCALAPPDATA: "D:\\Local",
        PATH: expect.stringMatching(/^Z:\\[^;]*scard-rig-[^;]*;Z:\\[^;]*dll;C:\\windows\\system32;/),
        cwd: windowsPath(folder),
        input: "a line\n",
      });
    },
  );

  test("a program that does not end by itself is ended", { timeout: HANG_MS }, async () => {
    const program = new WindowsProgram(22, ["-e", "console.log('here'); setInterval(() => {}, 1000);"]);
    await vi.waitFor(() => expect(program.stdout).toBe("here\n"), { timeout: HANG_MS, interval: 50 });
    expect((await program.kill()).status).not.toBe(0);
  });
});
