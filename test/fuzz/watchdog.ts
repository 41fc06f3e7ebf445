// SPDX-License-Identifier: MIT

import { writeSync } from "node:fs";
import { Worker, workerData } from "node:worker_threads";
import { addFailure } from "./corpus.ts";

/** An input that is not through after so long never will be, in milliseconds. */
const longestMs = 20_000;
/** What is shared: a number that changes with each input, its length, the length of the target's name; then both. */
const headWords = 3;
const nameBytes = 64;
/** The longest input that is kept. */
const mostBytes = 131_072;

/** Where the thread writes what the main thread is at. */
export interface Watchdog {
  /** To be called before each input. */
  readonly begin: (target: string, input: Uint8Array) => void;
  readonly stop: () => Promise<number>;
}

/**
 * Watches from another thread that inputs come to an end: a decoder that loops for ever cannot be stopped from within. The
 * input is printed, and kept in the corpus; the process is killed.
 */
export function startWatchdog(corpus: string): Watchdog {
  const shared = new SharedArrayBuffer(headWords * 4 + nameBytes + mostBytes);
  const head = new Int32Array(shared, 0, headWords);
  const bytes = new Uint8Array(shared, headWords * 4);
  const worker = new Worker(new URL(import.meta.url), { workerData: { corpus, shared } });
  return {
    begin(target, input) {
      const name = new TextEncoder().encode(target).subarray(0, nameBytes);
      bytes.set(name);
      bytes.set(input.subarray(0, mostBytes), nameBytes);
      head[1] = Math.min(input.length, mostBytes);
      head[2] = name.length;
      Atomics.add(head, 0, 1);
    },
    stop: () => worker.terminate(),
  };
}

/** The other thread. */
function watch(corpus: string, shared: SharedArrayBuffer): void {
  const head = new Int32Array(shared, 0, headWords);
  const bytes = new Uint8Array(shared, headWords * 4);
  let before = -1;
  setInterval(() => {
    const now = Atomics.load(head, 0);
    if (now !== before) {
      before = now;
      return;
    }
    const [, length = 0, nameLength = 0] = head;
    const target = new TextDecoder().decode(bytes.slice(0, nameLength));
    const input = bytes.slice(nameBytes, nameBytes + length);
    const message = `it does not come to an end within ${longestMs / 1000} s`;
    writeSync(2, `${target}: ${message}\n${Buffer.from(input).toString("hex")}\n`);
    addFailure(corpus, target, input, message);
    process.kill(process.pid, "SIGKILL");
  }, longestMs);
}

const given: unknown = workerData;
if (typeof given === "object" && given !== null && "shared" in given && "corpus" in given) {
  watch(String(given.corpus), given.shared as SharedArrayBuffer);
}
