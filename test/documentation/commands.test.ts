// SPDX-License-Identifier: MIT

// The commands of README.md, as they stand there, in the checkout.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program, run } from "../peers/program.ts";
import { allPages, blocksOf, root } from "./pages.ts";

/** Commands that are not run here, by how they begin, and why. */
const notRun: Readonly<Record<string, string>> = {
  "npm ci ": "it would install and build anew what other tests are running. CI runs it on a fresh machine",
  "npm install ": "test/package/tarball.test.ts installs what was packed into an empty project",
  "opensc-tool ": "a program of others: test/peers/tools.test.ts runs it on the daemon",
};

/** Commands whose status says what they found. */
const findings = ["npx scard doctor"];

const readme = allPages().filter(({ path }) => path === "README.md");
const shell = blocksOf(readme).filter(({ language }) => language === "sh");
const commands = shell
  .flatMap(({ code }) => code.split("\n"))
  .map((line) => line.replace(/\s+#.*$/, ""))
  .filter((line) => line !== "");
const isRun = (command: string): boolean => !Object.keys(notRun).some((start) => command.startsWith(start));
const services = commands.filter((command) => command.startsWith("npx scard daemon "));
const ending = commands.filter((command) => isRun(command) && !services.includes(command));

describe("the commands of README.md", () => {
  let folder = "";
  let environment: NodeJS.ProcessEnv = {};
  const started: Program[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scard-readme-"));
    // Npm tells its scripts about itself, which is not so in a user's shell.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
    const own = { XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder, SCARD_MANAGER: "embedded:virtual+demo" };
    environment = { ...Object.fromEntries(inherited), ...own };
    for (const service of services) {
      // With exec, so that what ends the program ends it, and not a shell around it.
      const program = new Program(
        "sh",
        ["-c", `cd ${root} && exec node dist/bundle/entry/main.js ${service.slice(10)}`],
        environment,
      );
      started.push(program);
      const line = await program.line();
      const [, socket = ""] = /^export PCSCLITE_CSOCK_NAME=(\S+)/.exec(line) ?? [];
      expect(socket, line).not.toBe("");
      environment = { ...environment, PCSCLITE_CSOCK_NAME: socket };
    }
  });
  afterAll(async () => {
    for (const program of started) await program.end("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });

  test("are seen", () => {
    expect(services).toHaveLength(1);
    expect(ending.length).toBeGreaterThan(5);
    for (const start of Object.keys(notRun)) expect(commands.some((command) => command.startsWith(start))).toBe(true);
  });

  test.each(ending)("%s", async (command) => {
    const { status, stderr, stdout } = await run("sh", ["-c", `cd ${root} && ${command}`], { environment });
    expect(findings.includes(command) ? [0, 1] : [0], stdout + stderr).toContain(status);
    expect(stdout).not.toBe("");
  });
});
