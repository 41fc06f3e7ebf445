// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { includesEveryReader, systemGroups } from "./index.ts";

test.each([
  ["no choice", undefined, true],
  ["no group", [], false],
  ["all readers", ["scard$ALLreaders"], true],
  ["the default group and another", ["Doors", systemGroups.default], true],
  ["an own group", ["Doors"], false],
  ["the unused groups", [systemGroups.local, systemGroups.system], false],
] as const)("%s", (_name, groups, includes) => {
  expect(includesEveryReader(groups)).toBe(includes);
});
