// SPDX-License-Identifier: MIT

/** The thread behind compat-look.ts: looks at this machine's readers each time it is asked. */

import { workerData } from "node:worker_threads";
import { type ReaderStateReport, SmartCardError } from "../port/index.ts";
import type { LookAnswer, LookRequest } from "./compat-look.ts";
import { defaultManager } from "./machine.ts";

const { port, answers }: LookRequest = workerData;
const counter = new Int32Array(answers);

port.on("message", () => {
  void look().then((answer) => {
    port.postMessage(answer);
    Atomics.add(counter, 0, 1);
    Atomics.notify(counter, 0);
  });
});

async function look(): Promise<LookAnswer> {
  try {
    return { reports: await readersNow() };
  } catch (error) {
    const code = error instanceof SmartCardError ? error.code : "internal-error";
    return { failed: { code, message: error instanceof Error ? error.message : String(error) } };
  }
}

async function readersNow(): Promise<readonly ReaderStateReport[]> {
  const context = await (await defaultManager()).establishContext();
  try {
    const names = await context.listReaders();
    if (names.length === 0) return [];
    const queries = names.map((reader) => ({ reader }));
    return await context.getStatusChange(queries, { timeoutMs: 0 });
  } finally {
    // A context ends with its service.
    await context.release().catch(() => {});
  }
}
