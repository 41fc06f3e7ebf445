// SPDX-License-Identifier: MIT

import { join, resolve } from "node:path";
import { expect, onTestFinished } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import { askDaemon } from "../../src/apps/daemon/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { RecordedTerminal } from "../cli/recorded-terminal.ts";
import { startDaemon, testFolder } from "../daemon/running.ts";
import { Program } from "../peers/program.ts";

/** A daemon with two virtual readers: Desk has a card, Shelf has none. */
export async function daemonStage() {
  const folder = testFolder();
  const socket = join(folder, "comm");
  const control = join(folder, "control");
  const start = () =>
    startDaemon(
      ...["--socket", socket, "--control", control],
      ...["--reader", "virtual:Desk", "--card", "demo", "--reader", "virtual:Shelf"],
    );
  const daemon = await start();
  return { control, daemon, socket, start };
}

/** A program of its own that uses a card. */
export async function client(socket: string, reader = "Desk") {
  const program = new Program(process.execPath, [resolve("test/console/client.mjs"), socket, reader]);
  onTestFinished(async () => {
    await program.end();
  });
  await program.line((line) => line === "connected");
  return {
    pid: program.pid,
    end: () => program.end(),
    /** Begins something. */
    start: (line: string) => program.write(`${line}\n`),
    /** Waits for the answer to a line: `begin done`. */
    answer: (begin: string) => program.line((line) => line.startsWith(begin)),
    do: async (line: string): Promise<string> => {
      program.write(`${line}\n`);
      const [word = ""] = line.split(" ");
      return program.line((answer) => answer.startsWith(word));
    },
  };
}

/** Settles when the daemon has a program in a queue: what it began has arrived there. */
export async function waitsForLock(control: string, pid: number): Promise<void> {
  const waiting = async (): Promise<readonly (number | undefined)[]> => {
    const { readers } = await askDaemon(control, { command: "who" }, nodeClock);
    return readers.flatMap(({ queue }) => queue.map(({ client }) => client.pid));
  };
  await expect.poll(waiting).toContain(pid);
}

/** `scard console`, until the test has finished. */
export async function consoleProgram(control: string) {
  const terminal = new RecordedTerminal();
  const ended = runProgram(["console", "--json", "--control", control], terminal);
  const stop = async (): Promise<number> => {
    terminal.interrupt("SIGINT");
    return ended;
  };
  onTestFinished(async () => {
    await stop();
  });
  const urls = (): readonly string[] =>
    terminal.printed
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line).url);
  await expect.poll(urls, { message: "it prints its address" }).toHaveLength(1);
  return { stop, terminal, urls };
}
