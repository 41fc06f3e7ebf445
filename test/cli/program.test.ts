// SPDX-License-Identifier: MIT

// The built program as a process of its own: streams, signals and exit codes.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("../../dist/bundle/entry/main.js", import.meta.url));

beforeAll(() => {
  if (!existsSync(program)) throw new Error("dist/ is missing: run `npm run build` first, as `npm test` does");
});

interface Started {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  /** The exit code, once all output is there; the signal's name where one killed it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Started {
  const env = { ...process.env, SCARD_MANAGER: "embedded:virtual+demo", ...environment };
  const child = spawn(process.execPath, [program, ...args], { env });
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.err += text;
  });
  child.stdin.on("error", () => {});
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  return { child, output, ended };
}

describe("the program", () => {
  it("plays the demo in less than a second and ends with 0", async () => {
    const { ended, output } = start(["demo"]);
    expect([await ended, output.err]).toEqual([0, ""]);
    expect(output.out).toMatch(/ steps, each as it should be, in [\d.]+ m?s\.\n$/);
  });

  it("ends with 1 and 2 where it should", async () => {
    const failing = start(["atr", "3B9F"]);
    expect([await failing.ended, failing.output.out]).toEqual([1, ""]);
    const senseless = start(["nonsense"]);
    expect([await senseless.ended, senseless.output.out]).toEqual([2, ""]);
  });

  it("takes the manager from the environment, and no colour into a pipe", async () => {
    const { ended, output } = start(["readers"], { SCARD_MANAGER: "embedded:virtual:Env", FORCE_COLOR: "1" });
    expect([await ended, output.out]).toEqual([0, "0  Env  empty\n"]);
  });

  it("reads commands from its standard input, and repeats no PIN", async () => {
    const { child, ended, output } = start(["apdu", "-"]);
    child.stdin?.end("00A404000BF073636172642E64656D6F00\n002000010431323334\n00B0830000\n");
    expect(await ended).toBe(0);
    expect(output.out).toContain('"Only those who know the PIN read this."');
    expect(output.out + output.err).not.toMatch(/31 ?32 ?33 ?34/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends its watch with 0 at a %s", async (signal) => {
    const { child, ended, output } = start(["watch", "--json"]);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    child.kill(signal);
    expect([await ended, output.err]).toEqual([0, ""]);
    expect(JSON.parse(output.out)).toMatchObject({ reader: "Virtual Reader" });
  });

  it("is quiet when its output is no longer read", async () => {
    const { child, ended, output } = start(["demo"]);
    child.stdout?.destroy();
    expect([await ended, output.err]).toEqual([0, ""]);
  });
});
