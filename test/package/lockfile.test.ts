// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

const lockfile = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
const packages = Object.entries<Entry>(lockfile.packages).filter(([path]) => path !== "");

test("the lockfile has the checksum of every package, and no address", () => {
  expect(packages.length).toBeGreaterThan(100);
  const without = packages.filter(([, { integrity = "" }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity));
  expect(without.map(([path]) => path)).toEqual([]);
  expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});

test("no package that is installed with ours runs a script at installation", () => {
  const ours = packages.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);
  expect(ours.length).toBeGreaterThan(20);
  expect(ours.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)).toEqual([]);
});
