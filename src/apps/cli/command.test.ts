// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { command } from "./command.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { painter, type Terminal } from "./terminal.ts";

const terminal: Terminal = {
  environment: {},
  stop: new AbortController().signal,
  paint: painter(false),
  screen: undefined,
  openScreen: () => undefined,
  print: () => {},
  say: () => {},
  write: () => {},
  readInput: async () => "",
  readBytes: async () => new Uint8Array(0),
  readLines: async function* () {},
  onInterrupt: () => () => {},
};
const options = { long: { type: "boolean", help: "more" } } as const satisfies OptionTable;

/** A command of that usage, and what it was run with. */
function recorded(...usage: string[]): { readonly seen: unknown[]; run(...args: string[]): Promise<number> } {
  const seen: unknown[] = [];
  const { run } = command({
    name: "look",
    summary: "look",
    usage,
    description: [],
    options,
    async run({ positionals, values }) {
      seen.push(positionals, { ...values });
      return 7;
    },
  });
  return { seen, run: (...args) => run(args, terminal) };
}

describe("a command", () => {
  it("runs with its options and arguments, and ends with its exit code", async () => {
    const look = recorded("[OPTION…] NAME…");
    expect(await look.run("a", "--long", "b", "--json")).toBe(7);
    expect(look.seen).toEqual([["a", "b"], { long: true, json: true }]);
  });

  it("does not run with options that it does not have", async () => {
    const look = recorded("[OPTION…]");
    await expect(look.run("--short")).rejects.toThrow(UsageError);
    expect(look.seen).toEqual([]);
  });

  it("refuses arguments where its usage has none", async () => {
    const look = recorded("[OPTION…]");
    await expect(look.run("--long", "a")).rejects.toThrow("this command takes options only");
    expect(look.seen).toEqual([]);
    expect(await look.run("--long")).toBe(7);
    expect(await recorded("[OPTION…]", "[OPTION…] -").run("-")).toBe(7);
    expect(await recorded("HEX…").run("a")).toBe(7);
  });
});
