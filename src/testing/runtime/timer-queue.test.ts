// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { TimerQueue } from "./timer-queue.ts";

describe("TimerQueue", () => {
  it("gives timers in the order in which they are due, and were set", () => {
    const queue = new TimerQueue();
    const dues = Array.from({ length: 200 }, (_, index) => (index * 7919) % 31);
    for (const [index, due] of dues.entries()) queue.add(due, `${due} ${index}`, () => {});
    const sorted = dues.map((due, index) => [due, index] as const).sort(([a, i], [b, j]) => a - b || i - j);
    const names = sorted.map(([due, index]) => `${due} ${index}`);
    expect(queue.inOrder().map(({ name }) => name)).toEqual(names);
    const taken: string[] = [];
    for (let next = queue.takeBy(30); next !== undefined; next = queue.takeBy(30)) taken.push(next.name);
    expect(taken).toEqual(names);
    expect(queue.inOrder()).toEqual([]);
  });

  it("gives none that is due later, or was cancelled", () => {
    const queue = new TimerQueue();
    queue.add(5, "later", () => {});
    const cancel = queue.add(1, "cancelled", () => {});
    cancel();
    cancel();
    expect(queue.inOrder().map(({ name }) => name)).toEqual(["later"]);
    expect(queue.takeBy(4.999)).toBeUndefined();
    expect(queue.takeBy(5)?.name).toBe("later");
    expect(queue.takeBy(1000)).toBeUndefined();
  });

  it("keeps the order when many are cancelled, and none that has fired can be", () => {
    const queue = new TimerQueue();
    const cancels = Array.from({ length: 1000 }, (_, index) => queue.add(index % 10, `${index}`, () => {}));
    const first = queue.takeBy(0);
    expect(first?.name).toBe("0");
    for (const [index, cancel] of cancels.entries()) if (index % 100 !== 55) cancel();
    const left = ["55", "155", "255", "355", "455", "555", "655", "755", "855", "955"];
    expect(queue.inOrder().map(({ name }) => name)).toEqual(left);
    queue.add(4, "new", () => {});
    const taken: string[] = [];
    for (let next = queue.takeBy(9); next !== undefined; next = queue.takeBy(9)) taken.push(next.name);
    expect(taken).toEqual(["new", ...left]);
  });
});
