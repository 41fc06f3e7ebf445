// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { behaviours } from "../../src/testing/conformance/index.ts";
import { embeddedResults, faultsOf, joinedResults } from "./stages.ts";

const managers = {
  "the embedded manager as Windows is": () => embeddedResults("windows"),
  "the embedded manager as pcsc-lite is": () => embeddedResults("pcsclite"),
  "our service through our client, joined in memory": joinedResults,
};

test.each(Object.entries(managers))("%s is what the suite says", async (_, play) => {
  const results = await play();
  expect(faultsOf(results)).toEqual([]);
  expect(results.map(({ behaviour, kind }) => [behaviour.id, kind])).toEqual(
    behaviours.map(({ id }) => [id, "played"]),
  );
});
