// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageFailure } from "./package-failure.ts";

describe("a package that could not be loaded", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-packages-"));
    add("needy", `require("@needed/here")`);
    add("torn", `require("./torn.node")`);
    writeFileSync(join(folder, "node_modules/torn/torn.node"), "no library");
    add("hollow");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function add(name: string, code?: string): void {
    const at = join(folder, "node_modules", name);
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "package.json"), JSON.stringify({ name, main: "main.js" }));
    if (code !== undefined) writeFileSync(join(at, "main.js"), code);
  }

  function required(name: string): unknown {
    try {
      createRequire(join(folder, "program.js"))(name);
    } catch (error) {
      return error;
    }
    throw new Error(`${name} was loaded`);
  }

  /** As `import()` of Node fails. */
  function imported(name: string): unknown {
    const code = `import("${name}").catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`;
    const { stdout } = spawnSync(process.execPath, ["-e", code], { cwd: folder, encoding: "utf8" });
    const { message, ...rest } = JSON.parse(stdout);
    return Object.assign(new Error(message), rest);
  }

  test.each(["required", "imported"])("is missing where it is not installed (%s)", (how) => {
    const error = how === "required" ? required("absent") : imported("absent");
    expect(error).toMatchObject({ message: expect.stringContaining("Cannot find") });
    expect(packageFailure("absent", error)).toBeUndefined();
  });

  test("is told with what it lacks itself", () => {
    expect(packageFailure("needy", required("needy"))?.message).toBe(
      "needy is installed without @needed/here; the package manager left out what is optional, or installed for another " +
        "machine: npm install --include=optional",
    );
    expect(packageFailure("hollow", required("hollow"))?.message).toMatch(
      /^hollow is installed without .*main\.js; install it again$|^hollow is installed, but cannot be loaded: /,
    );
  });

  test("is told with the reason of the system's loader, in one line", () => {
    const error = required("torn");
    const failure = packageFailure("torn", error, "linux");
    expect(failure?.message).toMatch(/^torn is installed, but cannot be loaded: .*torn\.node/);
    expect(failure?.message).not.toContain("\n");
    expect(failure?.cause).toBe(error);
  });

  test("may lack Microsoft's library on Windows", () => {
    const message = "The specified module could not be found.\r\n\\\\?\\C:\\project\\index.node";
    const error = Object.assign(new Error(message), { code: "ERR_DLOPEN_FAILED" });
    expect(packageFailure("libsql", error, "win32")?.message).toBe(
      "libsql is installed, but cannot be loaded: The specified module could not be found.: \\\\?\\C:\\project\\index.node; " +
        "if a module is not found, Microsoft's Visual C++ Redistributable may be missing",
    );
    expect(packageFailure("libsql", "a text", "linux")?.message).toBe(
      "libsql is installed, but cannot be loaded: a text",
    );
  });
});
