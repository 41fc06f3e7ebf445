// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { Command } from "./command.ts";
import { commandNames, loadCommands } from "./commands.ts";
import { completionScript, shells } from "./completion-scripts.ts";
import { fill, HELP_COLUMNS, helpOn, overview } from "./help.ts";
import { manualPage } from "./manual.ts";

const commands = await loadCommands();

/** Every command, and every action of those that have some, with the words that lead to it. */
const places: readonly (readonly [readonly string[], Command])[] = below([], commands);

function below(
  before: readonly string[],
  list: readonly Command[],
): readonly (readonly [readonly string[], Command])[] {
  return list.flatMap((command) => {
    const words = [...before, command.name];
    return [[words, command] as const, ...below(words, command.actions ?? [])];
  });
}

const tooLong = (text: string): string[] => text.split("\n").filter((line) => [...line].length > HELP_COLUMNS);

describe("help", () => {
  it.each(places.map(([path, command]) => [path.join(" "), path, command] as const))(
    "on %s",
    (words, path, command) => {
      const help = helpOn(path, command);
      expect(help).toMatch(new RegExp(`^Usage: scard ${words}`));
      expect(tooLong(help)).toEqual([]);
      expect(help).not.toMatch(/[\u00ab\u00bb]| $/m);
      for (const name of Object.keys(command.options)) expect(help).toContain(`--${name}`);
    },
  );

  it("finds each command by its own name", () => {
    expect(commands.map(({ name }) => name)).toEqual(commandNames);
  });

  it("lists every command within 80 columns", () => {
    const list = overview(commands);
    expect(tooLong(list)).toEqual([]);
    for (const { name } of commands) expect(list).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  it("fills lines, and keeps the blanks before them", () => {
    const words = Array.from({ length: 30 }, (_, number) => `word${number}`).join(" ");
    const filled = fill(`  ${words}`, "    ");
    expect(tooLong(filled)).toEqual([]);
    expect(filled.split("\n").every((line) => /^ {6}\S/.test(line))).toBe(true);
    expect(filled.split(/\s+/).join(" ").trim()).toBe(words);
    expect(fill("x".repeat(200))).toBe("x".repeat(200));
  });
});

describe("the manual page", () => {
  const page = manualPage(commands, "1.2.3");

  it("has every command, action and option", () => {
    for (const [path, command] of places) {
      expect(page).toContain(`.B scard ${path.join(" ").replaceAll("-", "\\-")}`);
      for (const name of Object.keys(command.options)) expect(page).toContain(`\\-\\-${name.replaceAll("-", "\\-")}`);
    }
  });

  it("keeps no line as it is: each breaks where a terminal's line ends", () => {
    expect(page).not.toMatch(/^\.nf/m);
    expect(page).toMatch(/^\.TP\n\.B pcscd\[:SOCKET\]\nthe service on this machine/m);
  });

  it("has no line that roff would take for a request by accident, and no bare backslash", () => {
    const requests = page.split("\n").filter((line) => /^[.']/.test(line));
    expect(requests.filter((line) => !/^\.(?:TH|SH|SS|B|BR|I|TP|PP|br|RS|RE|nf|fi)\b/.test(line))).toEqual([]);
    expect(page.replace(/\\(?:[e&-]|f[IR]|\(dq)/g, "")).not.toContain("\\");
  });
});

describe("completion", () => {
  it.each(shells)("for %s knows every command, action and option", (shell) => {
    const script = completionScript(shell, commands);
    for (const [path, command] of places) {
      for (const word of path) expect(script).toContain(word);
      for (const name of Object.keys(command.options)) {
        expect(script).toMatch(new RegExp(shell === "fish" ? `-l ${name}\\b` : `--${name}\\b`));
      }
    }
  });
});
