// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { run } from "../peers/program.ts";

/** What a program logs whose only thread for writing has something else to do first. */
const program = `
  import { pbkdf2 } from "node:crypto";
  const { openLog } = await import(${JSON.stringify(new URL("../../dist/apps/daemon/log.js", import.meta.url).href)});
  const log = await openLog("info", "json");
  pbkdf2("", "", 300_000, 64, "sha512", () => {});
  log.write("info", "first");
  log.write("info", "second");
  await log.end();
  log.write("info", "too late");
  await log.end();
`;

it("the log ends with its lines in their order, and with all of them", async () => {
  const environment = { ...process.env, UV_THREADPOOL_SIZE: "1" };
  const { status, stderr } = await run(process.execPath, ["--input-type=module", "-e", program], { environment });
  const lines = stderr.trim().split("\n");
  expect([status, lines.map((line) => JSON.parse(line).msg)]).toEqual([0, ["first", "second"]]);
});

it("a line of the log acts on no terminal, whatever a program is called", async () => {
  const name = "/tmp/\u009b31m\u202eexe\u2028\u001b[2J";
  const source = `
    const { openLog } = await import(${JSON.stringify(new URL("../../dist/apps/daemon/log.js", import.meta.url).href)});
    const log = await openLog("info", "json");
    log.write("info", "a card was plugged in", { program: ${JSON.stringify(name)} });
    await log.end();
  `;
  const { stderr } = await run(process.execPath, ["--input-type=module", "-e", source]);
  expect(stderr).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(stderr).program).toBe(name);
});
