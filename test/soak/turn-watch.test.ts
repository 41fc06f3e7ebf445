// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { TurnWatch } from "./turn-watch.ts";

/** Client 1 or 2, its transaction, and for a token how many challenges follow. */
function bytes(client: number, transaction: number, challenges = 0): Uint8Array {
  return Uint8Array.of(0, client, 0, 0, 0, transaction, challenges, ...new Array<number>(9).fill(0));
}

function watch(gone: readonly number[] = []) {
  const violations: string[] = [];
  const mayBreakOff = (client: number): boolean => gone.includes(client);
  const turns = new TurnWatch({ mayBreakOff, violated: (what) => violations.push(what) });
  return { turns, violations };
}

describe("the card's view of transactions", () => {
  it("has nothing against one after the other, and challenges between", () => {
    const { turns, violations } = watch();
    for (const client of [1, 2]) {
      turns.token(bytes(client, 7, 2));
      turns.challenge(bytes(client, 7));
      turns.challenge(bytes(client, 7));
      turns.challenge(bytes(2, 0));
      turns.reset();
    }
    expect(violations).toEqual([]);
    expect(turns.completed).toBe(2);
  });

  it("sees a command of another client", () => {
    const { turns, violations } = watch();
    turns.token(bytes(1, 7, 2));
    turns.challenge(bytes(2, 0));
    expect(violations).toEqual([expect.stringMatching(/^client 2 sent .* in transaction 7 of client 1$/)]);
  });

  it("sees another transaction begin", () => {
    const { turns, violations } = watch();
    turns.token(bytes(1, 7, 2));
    turns.token(bytes(2, 8, 2));
    expect(violations).toEqual(["client 2 began transaction 8 in transaction 7 of client 1"]);
  });

  it("sees a reset in a transaction, unless its client was killed", () => {
    const { turns, violations } = watch([2]);
    turns.token(bytes(2, 7, 2));
    turns.reset();
    expect(violations).toEqual([]);
    turns.token(bytes(1, 7, 2));
    turns.reset();
    expect(violations).toEqual(["the card was reset in transaction 7 of client 1"]);
  });

  it("sees a command after a killed client's transaction, before the card is reset", () => {
    const { turns, violations } = watch([1]);
    turns.token(bytes(1, 7, 2));
    turns.token(bytes(2, 1, 1));
    expect(violations).toHaveLength(1);
  });

  it("sees a transaction go on over a reset", () => {
    const { turns, violations } = watch([1]);
    turns.token(bytes(1, 7, 2));
    turns.reset();
    turns.challenge(bytes(1, 7));
    expect(violations).toEqual(["client 1 was in transaction 7, which the card had lost"]);
  });
});
