// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { Behaviour } from "./behaviour.ts";
import { behaviours } from "./behaviours.ts";
import { type Difference, differences, managers } from "./differences.ts";
import { judge } from "./judge.ts";
import { formatReport, reportOf } from "./report.ts";

const behaviour: Behaviour = {
  id: "some-behaviour",
  title: "Something happens",
  source: "a page",
  observe: async () => ({}),
  expected: { first: "ok", second: "waits" },
};

const table: readonly Difference[] = [
  {
    managers: ["pcscd"],
    reason: "by nature.",
    source: "its source",
    observed: { "some-behaviour": { second: "timeout" } },
  },
];

describe("a manager is judged", () => {
  test("to be as expected, with no row in the table", () => {
    const same = { first: "ok", second: "waits" };
    expect(judge(behaviour, same, { manager: "daemon", table })).toEqual({ problems: [], known: [] });
  });

  test("to differ as the table says", () => {
    const { known, problems } = judge(behaviour, { first: "ok", second: "timeout" }, { manager: "pcscd", table });
    expect([problems, known]).toEqual([[], [expect.objectContaining({ point: "second", observed: "timeout" })]]);
  });

  test.each([
    ["differs without a row", { first: "ok", second: "timeout" }, "daemon"],
    ["has another value than its row", { first: "ok", second: "cancelled" }, "pcscd"],
    ["has a row that does not show", { first: "ok", second: "waits" }, "pcscd"],
    ["lacks a point", { first: "ok" }, "daemon"],
    ["has a point more", { first: "ok", second: "waits", third: "ok" }, "daemon"],
  ] as const)("to be wrong where it %s", (_, observed, manager) => {
    expect(judge(behaviour, observed, { manager, table }).problems).toHaveLength(1);
  });

  test("not to be wrong where another reader does not show a driver's difference", () => {
    const observed = { first: "ok", second: "waits" };
    expect(judge(behaviour, observed, { manager: "pcscd", mustShow: false, table }).problems).toEqual([]);
  });
});

test("behaviours have names of their own, and each row of the table is about a point that there is", () => {
  const ids = behaviours.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const rows = new Set<string>();
  for (const { managers: keys, observed } of differences) {
    for (const [id, points] of Object.entries(observed)) {
      const expected = behaviours.find((one) => one.id === id)?.expected ?? {};
      for (const [point, value] of Object.entries(points)) {
        expect([id, point, expected[point]]).not.toEqual([id, point, value]);
        expect([id, Object.keys(expected)]).toEqual([id, expect.arrayContaining([point])]);
        for (const key of keys) {
          const row = `${key} ${id} ${point}`;
          expect(Object.keys(managers)).toContain(key);
          expect([row, rows.has(row)]).toEqual([row, false]);
          rows.add(row);
        }
      }
    }
  }
});

test("a report counts, and tells what differs first", () => {
  const judged = judge(behaviour, { first: "no", second: "waits" }, { manager: "daemon", table });
  const results = [
    { kind: "played", behaviour, observed: { first: "no", second: "waits" }, judgement: judged },
    { kind: "skipped", behaviour: { ...behaviour, id: "another" }, why: "it cannot be played here" },
  ] as const;
  const report = reportOf(results, { manager: "a | manager", reader: "R", comparedWith: "daemon" });
  expect(report.counts).toMatchObject({ differs: 1, skipped: 1, "as expected": 0 });
  const page = formatReport(report);
  expect(page).toContain("Manager: a \\| manager");
  expect(page).toContain("- `some-behaviour`: Something happens. (a page)\n  - first: no, not ok\n");
  expect(page).toContain("- `another`: Something happens. it cannot be played here.");
});
