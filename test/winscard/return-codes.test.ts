// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as winscard from "../../src/faces/winscard/index.ts";
import { returned } from "./port.ts";
import { aWorld, cases } from "./return-code-cases.ts";

/**
 * The return codes that Microsoft's pages, the table "Smart Card Return Values" and pcsc-lite's sources list for each
 * function, and the reasons why some of them cannot arise here.
 */
const {
  listed,
  cannotArise,
}: { listed: Record<string, string[]>; cannotArise: Record<string, Record<string, string>> } = JSON.parse(
  readFileSync(new URL("return-codes.json", import.meta.url), "utf8"),
);

const numbers: Readonly<Record<string, unknown>> = winscard;

const pairs = Object.entries(listed).flatMap(([name, codes]) => codes.map((code) => [name, code] as const));

describe("every return code that is listed for a function", () => {
  it("is listed for every function", () => {
    const functions = Object.keys(
      new winscard.WinSCard({ defaultManager: () => Promise.reject(new Error("unasked")) }),
    );
    expect(Object.keys(listed).sort()).toEqual(functions.sort());
  });

  it("arises in one of the cases, or has a reason why it cannot", () => {
    for (const [name, code] of pairs) {
      const both = [cases[name]?.[code] !== undefined, cannotArise[name]?.[code] !== undefined];
      expect([name, code, both.filter(Boolean).length]).toEqual([name, code, 1]);
    }
  });

  it("no case and no reason is about anything else", () => {
    const known = pairs.map(([name, code]) => `${name} ${code}`);
    for (const table of [cases, cannotArise]) {
      for (const [name, codes] of Object.entries(table)) {
        for (const code of Object.keys(codes)) expect(known).toContain(`${name} ${code}`);
      }
    }
  });
});

describe("returns what it does in C:", () => {
  const all = Object.entries(cases).flatMap(([name, codes]) =>
    Object.entries(codes).map(([code, run]) => [name, code, run] as const),
  );

  it.each(all)("%s, %s", async (_, code, run) => {
    expect(typeof numbers[code]).toBe("number");
    expect(await returned(run(await aWorld()))).toBe(numbers[code]);
  });
});
