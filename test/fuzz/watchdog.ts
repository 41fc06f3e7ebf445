// SPDX-License-Identifier: MIT

import { writeSync } from "node:fs";
import { Worker, workerData } from "node:worker_threads";
import { addFailure } from "./corpus.ts";

/** An input that is not through after so long never will be, in milliseconds. */
const LONGEST_MS = 20_000;
/** What is shared: a number that changes with each input, its length, the length of the target's name; then both. */
const HEAD_WORDS = 3;
const NAME_BYTES = 64;
/** The longest input that is kept. */
const MOST_BYTES = 131_072;

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
  const shared = new SharedArrayBuffer(HEAD_WORDS * 4 + NAME_BYTES + MOST_BYTES);
  const head = new Int32Array(shared, 0, HEAD_WORDS);
  const bytes = new Uint8Array(shared, HEAD_WORDS * 4);
  const worker = new Worker(new URL(import.meta.url), { workerData: { corpus, shared } });
  return {
    begin(target, input) {
      const name = new TextEncoder().encode(target).subarray(0, NAME_BYTES);
      bytes.set(name);
      bytes.set(input.subarray(0, MOST_BYTES), NAME_BYTES);
      head[1] = Math.min(input.length, MOST_BYTES);
      head[2] = name.length;
      Atomics.add(head, 0, 1);
    },
    stop: () => worker.terminate(),
  };
}

/** The other thread. */
function watch(corpus: string, shared: SharedArrayBuffer): void {
  const head = new Int32Array(shared, 0, HEAD_WORDS);
  const bytes = new Uint8Array(shared, HEAD_WORDS * 4);
  let before = -1;
  setInterval(() => {
    const now = Atomics.load(head, 0);
    if (now !== before) {
      before = now;
      return;
    }
    const [, length = 0, nameLength = 0] = head;
    const target = new TextDecoder().decode(bytes.slice(0, nameLength));
    const input = bytes.slice(NAME_BYTES, NAME_BYTES + length);
    const message = `it does not come to an end within ${LONGEST_MS / 1000} s`;
    writeSync(2, `${target}: ${message}\n${Buffer.from(input).toString("hex")}\n`);
    addFailure(corpus, target, input, message);
    process.kill(process.pid, "SIGKILL");
  }, LONGEST_MS);
}

const given: unknown = workerData;
if (typeof given === "object" && given !== null && "shared" in given && "corpus" in given) {
  watch(String(given.corpus), given.shared as SharedArrayBuffer);
}
