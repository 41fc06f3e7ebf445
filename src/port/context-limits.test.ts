// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { checkStatusWait, defaultContextLimits, tooManyConnections } from "./index.ts";

const limits = { ...defaultContextLimits, waitsPerContext: 2, queriesPerWait: 3 };

test("a status query at a limit passes, and one above it is refused with the limit", () => {
  checkStatusWait(3, 1, limits);
  expect(() => checkStatusWait(3, 2, limits)).toThrow(
    expect.objectContaining({ code: "server-too-busy", message: expect.stringContaining("2 outstanding waits") }),
  );
  expect(() => checkStatusWait(4, 1, limits)).toThrow(
    expect.objectContaining({ code: "no-memory", message: expect.stringContaining("the limit is 3") }),
  );
});

test("a connection above the limit is refused with the reader and the limit", () => {
  expect(tooManyConnections(5, "Desk")).toMatchObject({ code: "no-memory", details: { reader: "Desk" } });
});
