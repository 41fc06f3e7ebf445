// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { Clock } from "../../port/index.ts";
import { type Served, ServingOrder } from "./serving-order.ts";

/** An order whose event loop the test turns. */
function order(perTurn: number, turnMs = 1000, loop?: { turn: number; readings: number }) {
  const turns: (() => void)[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => {
      if (loop !== undefined) loop.readings++;
      return now;
    },
    ...(loop !== undefined && { turns: () => loop.turn }),
    wallTime: () => 0,
    schedule: () => () => {},
    breathe: () => new Promise((resolve) => turns.push(resolve)),
  };
  const served: string[] = [];
  const made = new ServingOrder(clock, { perTurn, turnMs });
  const session = (name: string, uid: number, pid: number, requests: number, takesMs = 0): Served => {
    let left = requests;
    const one: Served = {
      identity: { uid, pid },
      serve: () => {
        served.push(name);
        now += takesMs;
        if (--left > 0) made.ready(one);
      },
    };
    return one;
  };
  const turn = async (): Promise<void> => {
    for (const resolve of turns.splice(0)) resolve();
    await Promise.resolve();
  };
  return { made, served, session, turn, turns };
}

describe("ServingOrder", () => {
  it("serves at once where nothing else waits", () => {
    const { made, served, session, turns } = order(4);
    made.ready(session("a", 1, 1, 3));
    expect([served, turns.length]).toEqual([["a", "a", "a"], 0]);
  });

  it("gives the event loop a turn after so many", async () => {
    const { made, served, session, turn, turns } = order(4);
    made.ready(session("a", 1, 1, 10));
    expect([served.length, turns.length]).toEqual([4, 1]);
    await turn();
    expect([served.length, turns.length]).toEqual([8, 1]);
    await turn();
    expect([served.length, turns.length]).toEqual([10, 0]);
  });

  it("gives the event loop a turn after some time, however few were served", async () => {
    const { made, served, session, turn, turns } = order(100, 2);
    made.ready(session("slow", 1, 1, 5, 1.5));
    expect([served.length, turns.length]).toEqual([2, 1]);
    await turn();
    expect([served.length, turns.length]).toEqual([4, 1]);
  });

  it("begins anew in a turn that the event loop has had by itself", async () => {
    const loop = { turn: 1, readings: 0 };
    const { made, served, session, turns } = order(4, 2, loop);
    for (let count = 0; count < 10; count++) {
      made.ready(session(`one ${count}`, 1, 1, 1, 5));
      loop.turn++;
    }
    // One reading for each: nothing else waited.
    expect([served.length, turns.length, loop.readings]).toEqual([10, 0, 10]);
    made.ready(session("many", 1, 1, 10, 0.1));
    expect([served.length, turns.length]).toEqual([14, 1]);
  });

  it("counts in one turn of the event loop what was served one by one", async () => {
    const loop = { turn: 1, readings: 0 };
    const { made, served, session, turn, turns } = order(100, 2, loop);
    for (let count = 0; count < 3; count++) made.ready(session(`one ${count}`, 1, 1, 1, 1));
    expect([served.length, turns.length]).toEqual([3, 0]);
    made.ready(session("slow", 1, 1, 5, 1.5));
    expect([served.length, turns.length]).toEqual([4, 1]);
    await turn();
    expect([served.length, turns.length]).toEqual([6, 1]);
  });

  it("does other work for users in their turns, once", async () => {
    const { made, served, session, turn } = order(2);
    for (let count = 0; count < 100; count++) made.inTurn({ uid: 1 }, () => served.push("flood"));
    made.inTurn({ uid: 2 }, () => served.push("other"));
    made.ready(session("third", 3, 3, 1));
    served.length = 0;
    await turn();
    await turn();
    expect(served.toSorted()).toEqual(["flood", "flood", "other", "third"]);
  });

  it("serves another user second, however much waits for the first", async () => {
    const { made, served, session, turn } = order(2);
    for (let count = 0; count < 100; count++) made.ready(session(`flood ${count}`, 1, 1, 50));
    made.ready(session("other", 2, 2, 1));
    served.length = 0;
    await turn();
    expect(served.slice(0, 2)).toContain("other");
  });

  it("serves another program of the same user second", async () => {
    const { made, served, session, turn } = order(2);
    for (let count = 0; count < 100; count++) made.ready(session(`flood ${count}`, 1, 1, 50));
    made.ready(session("other", 1, 2, 1));
    served.length = 0;
    await turn();
    expect(served.slice(0, 2)).toContain("other");
  });

  it("serves the connections of one program in turn", async () => {
    const { made, served, session, turn } = order(1);
    for (const name of ["a", "b", "c"]) made.ready(session(name, 1, 1, 2));
    for (let count = 0; count < 5; count++) await turn();
    // The first was alone when it came, and is next because the others were not there yet.
    expect(served).toEqual(["a", "a", "b", "c", "b", "c"]);
  });

  it("forgets those who have gone", async () => {
    const { made, served, session, turn, turns } = order(1);
    const [a, b] = [session("a", 1, 1, 1), session("b", 1, 1, 1)];
    made.ready(a);
    made.ready(b);
    made.remove(b);
    await turn();
    await turn();
    expect([served, turns.length]).toEqual([["a"], 0]);
  });
});
