// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { type CallKind, poolSize, Threads } from "./threads.ts";

/** Calls that end when they are told to. */
class Calls {
  readonly running: string[] = [];
  readonly #threads: Threads;
  readonly #ends = new Map<string, () => void>();

  constructor(count: number) {
    this.#threads = new Threads(count);
  }

  start(kind: CallKind, name: string): Promise<string> {
    return this.#threads.run(kind, async () => {
      this.running.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      this.running.splice(this.running.indexOf(name), 1);
      return name;
    });
  }

  end(name: string): void {
    this.#ends.get(name)?.();
  }
}

test("calls that may be held up leave a thread to those that are not", async () => {
  const calls = new Calls(4);
  const patient = ["a", "b", "c", "d", "e"].map((name) => calls.start("patient", name));
  expect(calls.running).toEqual(["a", "b", "c"]);
  const prompt = calls.start("prompt", "quick");
  expect(calls.running).toEqual(["a", "b", "c", "quick"]);
  calls.end("quick");
  expect(await prompt).toBe("quick");
  calls.end("b");
  await patient[1];
  expect(calls.running).toEqual(["a", "c", "d"]);
});

test("a call that fails gives its thread back", async () => {
  const threads = new Threads(1);
  await expect(threads.run("patient", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await threads.run("patient", async () => 1)).toBe(1);
});

test("koffi is never asked for more calls than it takes", () => {
  const calls = new Calls(1024);
  for (let index = 0; index < 300; index++) void calls.start("prompt", String(index));
  expect(calls.running).toHaveLength(64);
});

test.each([
  [undefined, 4],
  ["8", 8],
  ["1", 1],
  ["0", 1],
  ["many", 1],
  ["5000", 1024],
])("UV_THREADPOOL_SIZE=%s is %i threads", (setting, count) => {
  expect(poolSize(setting)).toBe(count);
});
