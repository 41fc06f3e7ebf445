// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { Latest } from "./select-card-latest.ts";

describe("the latest value", () => {
  it("comes at once, then after changes; a slow reader misses steps, never the last", async () => {
    const latest = new Latest("a");
    const values = latest[Symbol.asyncIterator]();
    expect(await values.next()).toEqual({ value: "a", done: false });
    latest.set("b");
    latest.set("c");
    expect(await values.next()).toEqual({ value: "c", done: false });
    const waiting = values.next();
    latest.set("d");
    expect(await waiting).toEqual({ value: "d", done: false });
  });

  it("is still seen when there will be no other, by each of its readers", async () => {
    const latest = new Latest(1);
    const [early, late] = [latest[Symbol.asyncIterator](), latest[Symbol.asyncIterator]()];
    await early.next();
    const waiting = early.next();
    latest.end();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(await late.next()).toEqual({ value: 1, done: false });
    expect((await late.next()).done).toBe(true);
  });
});
