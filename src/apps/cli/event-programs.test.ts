// SPDX-License-Identifier: MIT

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { EventPrograms, removalProgram, wordsOf } from "./event-programs.ts";
import type { ReaderUpdate } from "./reader-watch.ts";

function stage(more: { readonly onRemove?: readonly string[] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "scard-programs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "out");
  const script = join(folder, "script.mjs");
  const told = '["SCARD_EVENT","SCARD_READER","SCARD_ATR","SCARD_CARD"].map((name) => process.env[name])';
  writeFileSync(
    script,
    `import { appendFileSync } from "node:fs"; appendFileSync(${JSON.stringify(out)}, JSON.stringify([process.argv.slice(2), ${told}]) + "\\n");`,
  );
  const said: string[] = [];
  const words = [process.execPath, script, "an argument; touch x"];
  const programs = new EventPrograms({
    onInsert: words,
    onRemove: words,
    environment: process.env,
    say: (message) => said.push(message),
    ...more,
  });
  onTestFinished(() => programs.close());
  const lines = (): unknown[] =>
    existsSync(out)
      ? readFileSync(out, "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line))
      : [];
  return { programs, said, lines, folder };
}

const update = (
  reader: string,
  flags: ReaderUpdate["flags"],
  happenings: ReaderUpdate["happenings"],
  atr = Uint8Array.of(0x3b, 0),
): ReaderUpdate => ({ reader, flags, happenings, eventCount: 0, atr });

describe("programs that run when cards come and go", () => {
  it("get names in their environment, where no shell reads them", async () => {
    const { folder, lines, programs } = stage();
    const reader = `Desk $(touch ${folder}/pwned); "quoted" \`id\`\n%PATH%`;
    programs.update(update(reader, ["empty"], ["reader-present"]), []);
    programs.update(update(reader, ["present"], ["card-inserted"]), ["Demo $HOME"]);
    programs.update(update(reader, ["empty"], ["card-removed"], new Uint8Array(0)), []);
    await expect.poll(lines).toHaveLength(2);
    const args = ["an argument; touch x"];
    expect(lines()).toEqual([
      [args, ["insert", reader, "3B00", "Demo $HOME"]],
      [args, ["remove", reader, "3B00", "Demo $HOME"]],
    ]);
    expect(existsSync(join(folder, "pwned"))).toBe(false);
  });

  it("do not run for cards that are in at the start, and run where a reader goes with its card", async () => {
    const { lines, programs } = stage();
    programs.update(update("A", ["present"], ["reader-present", "card-present"]), []);
    programs.update(update("A", ["present", "inuse"], ["in-use"]), []);
    programs.update(update("A", ["unknown", "unavailable"], ["reader-removed"], new Uint8Array(0)), []);
    programs.update(update("B", ["empty"], ["reader-added"], new Uint8Array(0)), []);
    programs.update(update("C", ["present"], ["reader-added", "card-present"]), []);
    await expect.poll(lines).toHaveLength(2);
    expect(lines()).toMatchObject(
      [
        [[], ["remove", "A", "3B00", ""]],
        [[], ["insert", "C", "3B00", ""]],
      ].map(([, told]) => [["an argument; touch x"], told]),
    );
  });

  it("say why they cannot run, and end with the program that started them", async () => {
    const missing = stage({ onRemove: ["/nowhere/program"] });
    missing.programs.update(update("A", ["present"], ["reader-present"]), []);
    missing.programs.update(update("A", ["empty"], ["card-removed"], new Uint8Array(0)), []);
    await expect.poll(() => missing.said).toEqual(["--on-remove: /nowhere/program cannot be run: ENOENT"]);
    const endless = stage({ onRemove: [process.execPath, "-e", "setInterval(() => {}, 1000)"] });
    endless.programs.update(update("A", ["present"], ["reader-present"]), []);
    endless.programs.update(update("A", ["empty"], ["card-removed"], new Uint8Array(0)), []);
    await endless.programs.close();
    expect(endless.said).toEqual([]);
  });

  it("are bounded in number: the oldest of those that wait are left out", () => {
    const { programs, said } = stage();
    for (let at = 0; at < 70; at++) programs.update(update(`R${at}`, ["present"], ["card-inserted"]), []);
    expect(said.length).toBe(5);
    expect(said[0]).toMatch("slower than the cards");
  });
});

describe("a removal policy", () => {
  it("is a program of the system, for the session of the user", () => {
    expect(removalProgram("lock", "linux", { XDG_SESSION_ID: "c2" })).toEqual(["loginctl", "lock-session", "c2"]);
    expect(removalProgram("end-session", "linux", { XDG_SESSION_ID: "3" })).toEqual([
      "loginctl",
      "terminate-session",
      "3",
    ]);
    expect(removalProgram("lock", "linux", {})).toBeUndefined();
    expect(removalProgram("lock", "linux", { XDG_SESSION_ID: "--help" })).toBeUndefined();
    expect(removalProgram("lock", "win32", {})).toEqual(["rundll32.exe", "user32.dll,LockWorkStation"]);
    expect(removalProgram("lock", "freebsd", {})).toBeUndefined();
    expect(wordsOf("  loginctl  lock-session ")).toEqual(["loginctl", "lock-session"]);
  });
});
