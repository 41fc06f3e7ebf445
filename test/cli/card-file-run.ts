// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

/** What a command came to. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The bytes that were written to standard output. */
  readonly bytes: Uint8Array;
}

/** What a command is given. */
export interface Setting {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

/** PINs that tests give by the environment; none may be in an output. */
export const secrets: Readonly<Record<string, string>> = {
  PIN: "123456",
  PUK: "12345678",
  ADMIN: "12345678",
  WRONG: "999999",
  NEXT: "271828",
  NEXT8: "27182818",
};

/** Runs a command in this process. */
export async function scard(args: readonly string[], { environment = {}, input = "" }: Setting = {}): Promise<Run> {
  const terminal = new RecordedTerminal({ input, environment: { ...secrets, ...environment } });
  const code = await runProgram(args, terminal);
  return { code, out: terminal.printed, err: terminal.said, bytes: terminal.written };
}

/** A card in a file, which every command finds in a virtual reader; and a folder for other files. */
export interface CardBench {
  path(name: string): string;
  read(name: string): Buffer;
  write(name: string, data: string | Uint8Array): string;
  run(args: readonly string[], setting?: Setting): Promise<Run>;
  /** Runs a command that has to succeed; what it printed. */
  done(args: readonly string[], setting?: Setting): Promise<string>;
  /** The same with --json. */
  json(args: readonly string[], setting?: Setting): Promise<unknown>;
  /** Runs a command that has to fail; its message. */
  fails(code: 1 | 2, args: readonly string[], setting?: Setting): Promise<string>;
  /** A new card. */
  fresh(kind: string): Promise<void>;
}

/** Makes a card before the tests of a file or a block. */
export function cardBench(kind: string): CardBench {
  let folder = "";
  const path = (name: string): string => join(folder, name);
  const fresh = async (which: string): Promise<void> => {
    rmSync(path("card.json"), { force: true });
    expect(await scard(["card", "new", which, path("card.json")])).toMatchObject({ code: 0, err: "" });
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scard-bench-"));
    await fresh(kind);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (args: readonly string[], { environment, input }: Setting = {}): Promise<Run> => {
    const manager = { SCARD_MANAGER: `embedded:virtual+${path("card.json")}` };
    return scard(args, { environment: { ...manager, ...environment }, ...(input !== undefined && { input }) });
  };
  const done = async (args: readonly string[], setting?: Setting): Promise<string> => {
    const { code, err, out } = await run(args, setting);
    expect(code, `${args.join(" ")}: ${out}${err}`).toBe(0);
    return out;
  };
  return {
    path,
    run,
    done,
    fresh,
    read: (name) => readFileSync(path(name)),
    write(name, data) {
      writeFileSync(path(name), data);
      return path(name);
    },
    json: async (args, setting) => JSON.parse(await done([...args, "--json"], setting)),
    async fails(code, args, setting) {
      const ended = await run(args, setting);
      expect([ended.code, ended.out], `${args.join(" ")}: ${ended.err}`).toEqual([code, ""]);
      return ended.err;
    },
  };
}
