// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { ClientQuotas, type Holding } from "./client-quotas.ts";
import { defaultServerLimits } from "./limits.ts";

const limits = {
  ...defaultServerLimits,
  sessions: 6,
  sessionsPerUid: 3,
  connections: 5,
  connectionsPerUid: 2,
  clientBytes: 1000,
  clientBytesPerUid: 600,
};

function quotas() {
  const made = new ClientQuotas(limits);
  const dropped: string[] = [];
  const holding = (name: string, uid?: number): Holding => {
    const one: Holding = {
      identity: { name, ...(uid !== undefined && { uid }) },
      drop: () => {
        dropped.push(name);
        made.end(one);
      },
    };
    return one;
  };
  return { made, dropped, holding };
}

describe("sessions", () => {
  it("of one user are a share of all, and come back", () => {
    const { made, holding } = quotas();
    const all = [1, 2, 3, 4].map((number) => holding(`a${number}`, 1000));
    expect(all.map((one) => made.begin(one))).toEqual([true, true, true, false]);
    expect(made.begin(holding("b", 1001))).toBe(true);
    made.end(all[0] as Holding);
    expect(made.begin(holding("a5", 1000))).toBe(true);
  });

  it.each([0, undefined])("of uid %s are bound by the total alone", (uid) => {
    const { made, holding } = quotas();
    const began = Array.from({ length: 7 }, (_, number) => made.begin(holding(String(number), uid)));
    expect(began).toEqual([true, true, true, true, true, true, false]);
  });
});

it("connections of one user are a share of all", () => {
  const { made } = quotas();
  const [a, b] = [
    { name: "a", uid: 1000 },
    { name: "b", uid: 1001 },
  ];
  made.connect(a);
  made.connect(a);
  expect(() => made.connect(a)).toThrow(expect.objectContaining({ code: "no-memory" }));
  made.connect(b);
  made.disconnect(a, 2);
  made.connect(a);
  for (let count = 0; count < 3; count++) made.connect({ name: "root", uid: 0 });
  expect(() => made.connect({ name: "root", uid: 0 })).toThrow(/of all users/);
  expect(() => made.connect(b)).toThrow(/of all users/);
});

describe("bytes", () => {
  it("beyond a user's share cost the user's largest session, and no other", () => {
    const { made, dropped, holding } = quotas();
    const [large, small, other] = [holding("large", 1000), holding("small", 1000), holding("other", 1001)];
    for (const one of [large, small, other]) made.begin(one);
    made.hold(other, 350);
    made.hold(large, 400);
    made.hold(small, 200);
    expect([dropped, made.bytes]).toEqual([[], 950]);
    made.hold(small, 201);
    expect([dropped, made.bytes]).toEqual([["large"], 551]);
  });

  it("beyond the total cost the largest session of the user who has most", () => {
    const { made, dropped, holding } = quotas();
    const all = [holding("a1", 1), holding("a2", 1), holding("b1", 2), holding("c1", 3)];
    for (const one of all) made.begin(one);
    const [a1, a2, b1, c1] = all as [Holding, Holding, Holding, Holding];
    made.hold(a1, 250);
    made.hold(a2, 300);
    made.hold(b1, 400);
    made.hold(c1, 51);
    expect([dropped, made.bytes]).toEqual([["a2"], 701]);
  });

  it("of root and of unknown users are kept to the total as well", () => {
    const { made, dropped, holding } = quotas();
    const [root, unknown] = [holding("root", 0), holding("unknown")];
    made.begin(root);
    made.begin(unknown);
    made.hold(unknown, 300);
    made.hold(root, 701);
    expect([dropped, made.bytes]).toEqual([["root"], 300]);
  });

  it("are counted once, and given back at the end", () => {
    const { made, holding } = quotas();
    const one = holding("a", 1);
    made.begin(one);
    made.hold(one, 100);
    made.hold(one, 40);
    expect(made.bytes).toBe(40);
    made.end(one);
    expect(made.bytes).toBe(0);
  });
});
