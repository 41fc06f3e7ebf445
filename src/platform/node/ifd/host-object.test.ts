// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostFunctions, hostObject } from "./host-object.ts";

const architectures = ["x64", "ia32", "arm64", "arm", "riscv64", "loong64", "ppc64"];

/** binutils' reader of object files, which comes with the compiler that scripts/setup-peers.sh installs. */
const hasReadelf = spawnSync("readelf", ["--version"]).status === 0 || process.env.CI !== undefined;

describe.each(architectures)("the object for %s", (architecture) => {
  test.skipIf(!hasReadelf)("is one that readelf has nothing to say against, with the functions of pcscd", () => {
    const folder = mkdtempSync(join(tmpdir(), "scard-host-"));
    try {
      const path = join(folder, "host.so");
      writeFileSync(path, hostObject(architecture) ?? "");
      const { stderr, stdout } = spawnSync("readelf", ["-hldsW", "--use-dynamic", path], { encoding: "utf8" });
      expect(stderr).toBe("");
      expect(stdout).toContain("DYN (Shared object file)");
      const named = [...stdout.matchAll(/FUNC +GLOBAL DEFAULT +1 (\S+)/g)].map(([, name]) => name);
      expect(named).toEqual([...hostFunctions]);
      expect(stdout).toMatch(/GNU_STACK .* RW /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("an architecture that is not known has none", () => {
  expect(hostObject("s390x")).toBeUndefined();
});

test("the stack of the process stays without execution", () => {
  expect(hostObject("x64")?.length).toBeLessThan(70_000);
});
