// SPDX-License-Identifier: MIT

// A context belongs to its thread: to another thread its number is the number of nothing.

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

const entry = new URL("../../dist/entry/winscard.js", import.meta.url).href;

const SCRIPT = `
  const { parentPort, workerData } = require("node:worker_threads");
  process.env.SCARD_MANAGER = "embedded:virtual+demo";
  import(workerData).then(async (api) => {
    const { context } = await api.SCardEstablishContext(0);
    const { readers } = await api.SCardListReaders(context);
    const { card } = await api.SCardConnect(context, readers[0], api.SCARD_SHARE_SHARED, 3);
    const wait = api.SCardGetStatusChange(context, api.INFINITE, [{ reader: "\\\\\\\\?PnP?\\\\Notification", currentState: 1 << 16 }]);
    let state = "waits";
    wait.catch((error) => { state = error.code; });
    const code = (promise) => promise.then(() => "ok", (error) => error.code);
    parentPort.on("message", async (message) => {
      if (message === "end") process.exit(0);
      const given = message;
      const answers = given === undefined ? [] : [
        await code(api.SCardCancel(given.context)),
        await code(api.SCardListReaders(given.context)),
        await code(api.SCardReleaseContext(given.context)),
        await code(api.SCardStatus(given.card)),
        await code(api.SCardDisconnect(given.card, 0)),
      ];
      parentPort.postMessage({ answers, state });
    });
    parentPort.postMessage({ context, card });
  });
`;

interface Handles {
  readonly context: number;
  readonly card: number;
}

interface Thread extends Handles {
  /** The results of calls with foreign handles, and the state of the thread's own wait after them. */
  try(handles: Handles | undefined): Promise<{ readonly answers: readonly string[]; readonly state: string }>;
  end(): void;
}

async function startThread(): Promise<Thread> {
  const worker = new Worker(SCRIPT, { eval: true, workerData: entry });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  const handles = await next<Handles>();
  return {
    ...handles,
    try: (given) => {
      const answer = next<{ answers: string[]; state: string }>();
      worker.postMessage(given);
      return answer;
    },
    end: () => worker.postMessage("end"),
  };
}

describe("a handle of another thread", () => {
  it("is refused by every call, and what it stands for there goes on", async () => {
    const threads = await Promise.all([startThread(), startThread(), startThread()]);
    const numbers = threads.flatMap(({ card, context }) => [context, card]);
    expect(new Set(numbers).size).toBe(6);
    for (const thread of threads) {
      for (const other of threads) {
        if (other === thread) continue;
        const { answers } = await thread.try({ context: other.context, card: other.card });
        const refused = ["invalid-context", "invalid-context", "invalid-context", "invalid-handle", "invalid-handle"];
        expect(answers).toEqual(refused);
      }
    }
    for (const thread of threads) {
      expect(await thread.try(undefined)).toEqual({ answers: [], state: "waits" });
      thread.end();
    }
  }, 60_000);
});
