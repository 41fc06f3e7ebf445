// SPDX-License-Identifier: MIT

import { format, inspect } from "node:util";
import { afterAll, expect, vi } from "vitest";
import type { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { leaksIn } from "./leaks.ts";

/** Keeps what the tests of one file write: errors, traces, the console. At the end no code of a card may be in it. */
export class Recorder {
  readonly #texts: string[] = [];
  readonly #runtimes: SimulatedRuntime[] = [];

  constructor() {
    // Nothing of it is shown: tests that print everything they have would fill the screen.
    const spies = (["debug", "error", "info", "log", "warn"] as const).map((method) =>
      vi.spyOn(console, method).mockImplementation((...values) => this.write(format(...values))),
    );
    for (const stream of [process.stdout, process.stderr]) {
      const { write } = stream;
      const spy = vi.spyOn(stream, "write");
      spy.mockImplementation((...args) => {
        this.write(String(args[0]));
        return Reflect.apply(write, stream, args);
      });
      spies.push(spy as never);
    }
    afterAll(() => {
      for (const spy of spies) spy.mockRestore();
      expect(this.leaks()).toEqual([]);
    });
  }

  /** Notes something, as the console or a debugger would show it. */
  write(value: unknown): void {
    this.#texts.push(typeof value === "string" ? value : inspect(value, everything));
  }

  /** Notes what is traced in a world. */
  watch(runtime: SimulatedRuntime): void {
    this.#runtimes.push(runtime);
  }

  /** All that was written so far. */
  get text(): string {
    return [...this.#texts, ...this.#runtimes.map(({ events }) => JSON.stringify(events))].join("\n");
  }

  /** The codes that are in what was written, in one form or another. */
  leaks(): string[] {
    return leaksIn(this.text);
  }
}

const everything = {
  depth: Number.POSITIVE_INFINITY,
  showHidden: true,
  getters: false,
  maxArrayLength: null,
  maxStringLength: null,
} as const;
