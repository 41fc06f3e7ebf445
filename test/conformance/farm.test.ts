// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { behaviours } from "../../src/testing/conformance/index.ts";
import { farmResults, faultsOf } from "./stages.ts";

test("a host of a farm through two clients of it is what the suite says", async () => {
  const results = await farmResults();
  expect(faultsOf(results)).toEqual([]);
  expect(results.map(({ behaviour, kind }) => [behaviour.id, kind])).toEqual(
    behaviours.map(({ id }) => [id, "played"]),
  );
});
