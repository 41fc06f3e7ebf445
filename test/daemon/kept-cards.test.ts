// SPDX-License-Identifier: MIT

// Cards that are kept in files: one reader at a time has one, in any program.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../peers/program.ts";
import { scard, scardProgram, startDaemon, testFolder } from "./running.ts";

async function newCard(folder: string, name = "card.json"): Promise<string> {
  const path = join(folder, name);
  expect((await scard("card", "new", "openpgp", path)).status).toBe(0);
  return path;
}

const daemonArgs = (folder: string, name: string, ...readers: readonly string[]): readonly string[] => {
  return ["--socket", join(folder, name), "--control", join(folder, `${name}.control`), ...readers];
};
const withCard = (name: string, card: string): readonly string[] => ["--reader", `virtual:${name}`, "--card", card];

describe("a card that is kept in a file", () => {
  it("is in the reader of one daemon; another is refused, and gets it once the first was killed", async () => {
    const folder = testFolder();
    const path = await newCard(folder);
    const first = await startDaemon(...daemonArgs(folder, "first", ...withCard("One", path)));
    const { pid } = JSON.parse(readFileSync(`${path}.lock`, "utf8"));
    const refused = await scard("daemon", ...daemonArgs(folder, "second", ...withCard("Two", path)));
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(
      `card.json is in use: process ${pid} has it: end that program, or take the card out`,
    );
    process.kill(pid, "SIGKILL");
    await first.program.ended;
    expect(existsSync(`${path}.lock`), "it could not remove it").toBe(true);
    const second = await startDaemon(...daemonArgs(folder, "second", ...withCard("Two", path)));
    expect(JSON.parse(readFileSync(`${path}.lock`, "utf8")).pid).not.toBe(pid);
    const third = await scard("daemon", ...daemonArgs(folder, "third", ...withCard("Three", path)));
    expect(third.stderr).toContain("is in use");
    await second.program.end("SIGTERM");
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it("is in one reader of a daemon; taken out there, another gets it", async () => {
    const folder = testFolder();
    const path = await newCard(folder);
    const twice = await scard(
      "daemon",
      ...daemonArgs(folder, "twice", ...withCard("One", path), ...withCard("Two", path)),
    );
    expect(twice.status).not.toBe(0);
    expect(twice.stderr).toContain(
      "card.json is in use: it is in another reader of this program: take it out there first",
    );
    expect(existsSync(`${path}.lock`), "a daemon that did not start holds nothing").toBe(false);
    await startDaemon(...daemonArgs(folder, "comm", ...withCard("One", path), "--reader", "virtual:Two"));
    const control = ["--control", join(folder, "comm.control")];
    const refused = await scard("insert", ...control, "Two", path);
    expect(refused.stderr).toContain("is in use");
    expect((await scard("insert", ...control, "One", path)).status, "the same card again").toBe(0);
    expect((await scard("remove", ...control, "One")).status).toBe(0);
    expect((await scard("insert", ...control, "Two", path)).status).toBe(0);
  });

  it("is not provisioned while it is in a reader", async () => {
    const folder = testFolder();
    const path = await newCard(folder);
    const before = readFileSync(path, "utf8");
    await startDaemon(...daemonArgs(folder, "comm", ...withCard("One", path)));
    const provision = [scardProgram, "card", "provision", "--pin", "stdin", path];
    const { status, stderr } = await run(process.execPath, provision, { input: "654321\n" });
    expect([status, readFileSync(path, "utf8")]).toEqual([1, before]);
    expect(stderr).toContain("is in use");
  });
});
