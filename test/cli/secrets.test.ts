// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import { encodeHex } from "../../src/base/binary/index.ts";
import { decodeCommand, disclosureOf, encodeCommand } from "../../src/base/iso7816/index.ts";
import vectors from "../vectors/secret-commands.json" with { type: "json" };
import { RecordedTerminal } from "./recorded-terminal.ts";

/** What the program prints and says for a command line. */
async function outputOf(args: readonly string[]): Promise<string> {
  const terminal = new RecordedTerminal();
  await runProgram(args, terminal);
  return terminal.printed + terminal.said;
}

/** Options with a value, of every command and action. */
const options: Readonly<Record<string, readonly string[]>> = {
  "": [],
  help: [],
  demo: [],
  readers: ["manager"],
  watch: ["manager", "timeout"],
  apdu: ["manager", "reader", "share", "protocol", "disposition"],
  atr: [],
  select: ["manager", "card", "atr", "interface", "group", "share", "protocol"],
  locate: ["manager", "timeout"],
  "types list": ["atr", "interface", "scope"],
  "types add": ["atr", "interface", "provider", "scope"],
  "types remove": ["scope"],
  "types import": ["scope"],
  "groups list": ["scope"],
  "groups add": ["scope"],
  types: [],
  groups: [],
  audit: ["since", "limit", "scope"],
  daemon: ["reader", "card", "profile", "log-level", "config"],
  "daemon --check-config": ["config"],
  who: ["control"],
  conformance: ["manager", "reader", "only"],
};

/** A VERIFY whose PIN is C0FFEE5E or 1234, as people type commands. */
const spellings = [
  ["0020008104C0FFEE5E"],
  ["00 20 00 81 04 C0 FF EE 5E"],
  ["00:20:00:81:04:C0:FF:EE:5E"],
  ["0020008104", "31323334"],
  ["0020008104c0ffee5e9"],
  ["0020008104C0FFEE5EX"],
  ["--0020008104C0FFEE5E"],
];
const secret = /C0[ :]?FF[ :]?EE[ :]?5E|31[ :]?32[ :]?33[ :]?34/i;

describe("no message repeats an argument that may be bytes for a card", () => {
  it.each(Object.entries(options))("scard %s", { timeout: 60_000 }, async (command, names) => {
    const words = command === "" ? [] : command.split(" ");
    for (const spelling of spellings) {
      const lines = [[...words, ...spelling], ...names.map((name) => [...words, `--${name}`, ...spelling])];
      // A value that begins with a hyphen.
      lines.push(...names.map((name) => [...words, `--${name}=${spelling.join(" ")}`]));
      for (const line of lines) {
        for (const more of [[], ["--json"]]) {
          const output = await outputOf([...line, ...more]);
          expect(output, line.join(" | ")).not.toMatch(secret);
          expect(output).not.toBe("");
        }
      }
    }
  });
});

describe("scard apdu prints no data that is not known to be harmless", () => {
  it.each(vectors.commands)("$name", { timeout: 60_000 }, async ({ command }) => {
    for (const more of [[], ["--json"]]) {
      const output = await outputOf(["apdu", command, ...more]);
      expect(output).not.toMatch(/C0[ :]?FF[ :]?EE/);
      expect(output).toMatch(/withheld|at least|4 bytes/);
    }
  });

  it("property: no four bytes in a row of any other command's data", { timeout: 60_000 }, async () => {
    const low = fc.nat(0xcf);
    const data = fc.uint8Array({ min: 0xd0, max: 0xdf, minLength: 4, maxLength: 40 });
    const line = fc.record({ cla: low, ins: low, p1: low, p2: low, data });
    await fc.assert(
      fc.asyncProperty(line, fc.boolean(), fc.boolean(), async (init, json, broken) => {
        const bytes = encodeCommand(init);
        const decoded = decodeCommand(bytes);
        fc.pre(decoded.ok && !disclosureOf(decoded.value).command);
        const hex = `${encodeHex(bytes)}${broken ? "X" : ""}`;
        expect(await outputOf(["apdu", hex, ...(json ? ["--json"] : [])])).not.toMatch(/(D[0-9A-F][ :]?){4}/i);
      }),
    );
  });

  it("shows it to an owner who asks, and says so", async () => {
    const people = await outputOf(["apdu", "--show-data", "002000010431323334"]);
    expect(people).toContain("> 00 20 00 01 04 31 32 33 34");
    expect(people).toContain("--show-data: the data of all commands and answers is shown");
    const programs = JSON.parse(await outputOf(["apdu", "--show-data", "--json", "002000010431323334"]));
    expect(programs).toMatchObject({ showData: true, commands: [{ command: "00 20 00 01 04 31 32 33 34" }] });
  });
});
