// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import type { StartDriver } from "../../../readers/ifd/index.ts";

/** Threads for the calls of a driver: each slot can be in two at a time, its polling function being one. */
const THREADS = 68;

/**
 * Starts the process that a driver lives in: this Node, with a program of ours. What the driver prints is thrown away, as it may be
 * an APDU.
 *
 * @param program path of the compiled driver-main
 */
export function driverStarter(
  program: string = fileURLToPath(new URL("./driver-main.js", import.meta.url)),
): StartDriver {
  return (events) => {
    let hasEnded = false;
    const ended = (how: string): void => {
      if (hasEnded) return;
      hasEnded = true;
      stream?.destroy();
      events.ended(how);
    };
    const [child, problem] = spawned(program);
    const stream = child?.stdio?.[3] as Duplex | null | undefined;
    // Not before this function has returned.
    if (problem !== undefined) queueMicrotask(() => ended(problem));
    child?.on("error", (error) => ended(`could not be started: ${error.message}`));
    child?.on("exit", (status, signal) => {
      ended(signal === null ? `ended with status ${status}` : `was ended by ${signal}`);
    });
    // The end of the process follows, or has come before.
    stream?.on("error", () => child?.kill("SIGKILL"));
    stream?.on("data", (bytes: Buffer) => {
      events.received(bytes);
      bytes.fill(0);
    });
    return {
      write: (message) => {
        if (stream === null || stream === undefined || hasEnded) message.fill(0);
        else stream.write(message, () => message.fill(0));
      },
      end: () => {
        stream?.end();
      },
      kill: () => {
        child?.kill("SIGKILL");
      },
    };
  };
}

/** The process, or why there is none: too many files are open, for one. */
function spawned(program: string): readonly [ChildProcess, undefined] | readonly [undefined, string] {
  try {
    const child = spawn(process.execPath, [program, String(process.pid)], {
      cwd: "/",
      env: driverEnvironment(process.env),
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    return [child, undefined];
  } catch (error) {
    return [undefined, `could not be started: ${error instanceof Error ? error.message : error}`];
  }
}

/** The environment of a driver: this process' own, without what is meant for a Node that runs another program. */
function driverEnvironment(own: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  const kept = Object.entries(own).filter(([name]) => !name.startsWith("NODE_"));
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: String(THREADS), ELECTRON_RUN_AS_NODE: "1" };
}
