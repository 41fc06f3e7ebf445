// SPDX-License-Identifier: MIT

// The script for bash, in a real bash: what it offers at a place on the command line.

import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { loadCommands } from "../../src/apps/cli/commands.ts";
import { completionScript } from "../../src/apps/cli/completion-scripts.ts";
import { runProgram } from "../../src/apps/cli/program.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

const commands = await loadCommands();

const hasBash = process.platform !== "win32" && spawnSync("bash", ["--version"]).status === 0;

/** What bash would offer for the last word. */
function offers(...words: string[]): string[] {
  const script = `${completionScript("bash", commands)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _scard; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stderr, stdout } = spawnSync("bash", ["--norc", "-c", script, "bash", ...words], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.trimEnd().split("\n");
}

describe.runIf(hasBash)("completion in bash", () => {
  it.each([
    [
      ["scard", "re"],
      ["readers", "record", "replay", "remove", "release"],
    ],
    [["scard", "types", "in"], ["introduce"]],
    [["scard", "types", "list", "--l"], ["--long"]],
    [
      ["scard", "apdu", "--share", ""],
      ["exclusive", "shared", "direct"],
    ],
    [["scard", "apdu", "--share", "=", "e"], ["exclusive"]],
    [
      ["scard", "daemon", "--profile", "="],
      ["pcsclite", "windows"],
    ],
    [["scard", "apdu", "--reader", "Desk", "--disp"], ["--disposition"]],
    [["scard", "help", "wa"], ["watch"]],
    [["scard", "completion", "f"], ["fish"]],
    [["scard", "daemon", "--config", "package.js"], ["package.json"]],
    [
      ["scard", "card", "run", "p"],
      ["piv", "package-lock.json", "package.json"],
    ],
    [["scard", "card", "new", "openpgp", "package.js"], ["package.json"]],
    [["scard", "no-such-command", "--no-s"], [""]],
  ])("%j", (words, offered) => {
    expect(offers(...words)).toEqual(offered);
  });
});

it("scard completion prints the script, and refuses other shells", async () => {
  const terminal = new RecordedTerminal();
  expect(await runProgram(["completion", "bash"], terminal)).toBe(0);
  expect(terminal.printed.trimEnd()).toBe(completionScript("bash", commands).trimEnd());
  const refused = new RecordedTerminal();
  expect(await runProgram(["completion", "tcsh"], refused)).toBe(2);
  expect(refused.said).toContain('the shell is one of bash, zsh, fish, not "tcsh"');
  expect(await runProgram(["completion", "zhs"], refused)).toBe(2);
  expect(refused.said).toContain('not "zhs"; did you mean "zsh"?');
});
