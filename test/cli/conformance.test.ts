// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import { behaviours } from "../../src/testing/conformance/index.ts";
import { PATIENCE_MS } from "../patience.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-conformance-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function conformance(...args: readonly string[]) {
  const terminal = new RecordedTerminal();
  const code = await runProgram(["conformance", ...args], terminal);
  return { code, err: terminal.said, out: terminal.printed };
}

describe("scard conformance", () => {
  const few = ["connect-by-name", "beside-direct", "card-removed", "reader-unplugged"].flatMap((id) => ["--only", id]);

  test("plays the suite with the demo card, and tells what differs and is known", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { code, err, out } = await conformance(...few);
    expect([code, err]).toEqual([0, expect.stringContaining("1/4  A reader is found by its name")]);
    expect(out).toContain("known differences: those of the embedded manager, profile windows\n");
    expect(out).toContain("beside-direct  shared: sharing-violation; known: On Windows a direct connection");
    expect(out).toMatch(/3 behaviours as expected or as known, 0 otherwise, 0 failed, 1 skipped\n$/);
  });

  test("gives an empty virtual reader the suite's own card", async () => {
    const args = ["--manager", "embedded:virtual", "--only", "exchange-lengths", "--json"];
    const { code, out } = await conformance(...args);
    const report = JSON.parse(out);
    expect([code, report.counts["as expected"], report.comparedWith]).toEqual([0, 1, "embedded-windows"]);
    expect(report.behaviours[0].observed).toMatchObject({ "60,000 bytes": "ok" });
  });

  test("writes its report, as a page and as JSON", async () => {
    const path = join(folder, "report.md");
    const { code, err } = await conformance("--only", "beside-shared", "--report", path);
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(`the report is in ${path} and ${join(folder, "report.json")}`),
    ]);
    expect(readFileSync(path, "utf8")).toContain("## Known differences\n\n- `beside-shared`");
    expect(JSON.parse(readFileSync(join(folder, "report.json"), "utf8")).counts["known difference"]).toBe(1);
    const nowhere = await conformance("--only", "beside-shared", "--report", join(folder, "there/is/none"));
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("(ENOENT)")]);
  });

  test("lists the behaviours, and knows no others", async () => {
    const { code, out } = await conformance("--list", "--json");
    expect([code, JSON.parse(out).behaviours.length]).toEqual([0, behaviours.length]);
    expect(await conformance("--only", "nonsense")).toMatchObject({ code: 2, out: "" });
  });
});
