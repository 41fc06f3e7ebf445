// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { Dice } from "../fuzz/dice.ts";
import { runHistory } from "./exchange-history.ts";

// `SCARD_T1_EXCHANGES=100000 SCARD_T1_SEED=7 npx vitest run test/transmission` runs so many, from another seed.
const wanted = Number(process.env.SCARD_T1_EXCHANGES ?? 4_000);
const firstSeed = Number(process.env.SCARD_T1_SEED ?? 1);
const EXCHANGES_A_HISTORY = 20;

/** A busy machine takes some milliseconds for an exchange. The longest run is ended where it hangs, not where it is long. */
const timeout = Math.max(300_000, wanted * 10);

test("blocks of T=1 that are lost, doubled, corrupted or late: no hang, no wrong data, the right failure", {
  timeout,
}, () => {
  const totals = new Map<string, number>();
  let [exchanges, faults] = [0, 0];
  for (let seed = firstSeed; exchanges < wanted; seed++) {
    let report: ReturnType<typeof runHistory>;
    try {
      report = runHistory(new Dice(seed), EXCHANGES_A_HISTORY);
    } catch (error) {
      throw new Error(`SCARD_T1_SEED=${seed} SCARD_T1_EXCHANGES=1`, { cause: error });
    }
    exchanges += report.exchanges;
    faults += report.faults;
    for (const [outcome, count] of Object.entries(report.outcomes))
      totals.set(outcome, (totals.get(outcome) ?? 0) + count);
  }
  if (process.env.SCARD_T1_EXCHANGES !== undefined) console.log(exchanges, "exchanges", faults, "faults", totals);
  expect(totals.get("done")).toBeGreaterThan(exchanges / 3);
  for (const outcome of ["no-answer", "invalid-answer", "resynchronised", "aborted-by-card"]) {
    expect(totals.get(outcome), outcome).toBeGreaterThan(0);
  }
});
