// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
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
    const child = spawn(process.execPath, [program, String(process.pid)], {
      cwd: "/",
      env: driverEnvironment(process.env),
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const stream = child.stdio[3] as Duplex;
    let hasEnded = false;
    const ended = (how: string): void => {
      if (hasEnded) return;
      hasEnded = true;
      stream.destroy();
      events.ended(how);
    };
    child.on("error", (error) => ended(`could not be started: ${error.message}`));
    child.on("exit", (status, signal) =>
      ended(signal === null ? `ended with status ${status}` : `was ended by ${signal}`),
    );
    // The end of the process follows, or has come before.
    stream.on("error", () => child.kill("SIGKILL"));
    stream.on("data", (bytes: Buffer) => {
      events.received(bytes);
      bytes.fill(0);
    });
    return {
      write: (message) => {
        stream.write(message, () => message.fill(0));
      },
      end: () => {
        stream.end();
      },
      kill: () => {
        child.kill("SIGKILL");
      },
    };
  };
}

/** The environment of a driver: this process' own, without what is meant for a Node that runs another program. */
function driverEnvironment(own: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  const kept = Object.entries(own).filter(([name]) => !name.startsWith("NODE_"));
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: String(THREADS), ELECTRON_RUN_AS_NODE: "1" };
}
