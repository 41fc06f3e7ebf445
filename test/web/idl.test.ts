// SPDX-License-Identifier: MIT

// The API against the IDL of the draft: every name, member, parameter and value, nothing missing and nothing else.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { declarationOf, idl } from "./declarations.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "scard-web-idl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const named = idl.flatMap((one) =>
  "name" in one && one.name !== null && !("partial" in one && one.partial) ? [{ name: one.name, type: one.type }] : [],
);
/** A class, of which the tests of errors say what it is. */
const classes = ["SmartCardError"];

/** What the compiler says about a program that compares ours with the declarations of the draft. */
async function compile(program: string, change = (declarations: string): string => declarations): Promise<string> {
  const declarations = ["type BufferSource = ArrayBuffer | ArrayBufferView;", ...idl.map(declarationOf)].join("\n");
  writeFileSync(join(folder, "dom.ts"), change(declarations));
  writeFileSync(join(folder, "program.ts"), program);
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable", "dom"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  return promisify(execFile)(process.execPath, [compiler, "-p", folder], { timeout: PATIENCE_MS }).then(
    () => "",
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  );
}

const imports = `import type * as Dom from "./dom.ts";
import type * as Ours from ${JSON.stringify(join(root, "src/faces/web/idl.ts"))};
`;
/** The same members, optional where the other's are, of the same types. */
const identical = `
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
`;
const compared = named.filter(({ name }) => !classes.includes(name));
const program = [
  imports,
  identical,
  ...compared.map(({ name }) => `export const same${name}: Same<Dom.${name}, Ours.${name}> = true;`),
  ...compared.map(({ name }) => `export const toOurs${name} = (value: Dom.${name}): Ours.${name} => value;`),
  ...compared.map(({ name }) => `export const toTheirs${name} = (value: Ours.${name}): Dom.${name} => value;`),
].join("\n");

describe("the declarations", () => {
  test("the draft has four interfaces, eleven dictionaries, five enumerations and a callback", () => {
    const count = (type: string): number => named.filter((one) => one.type === type).length;
    expect(["interface", "dictionary", "enum", "callback"].map(count)).toEqual([4, 11, 5, 1]);
  });

  test("have its names and no other", () => {
    const ours = readFileSync(join(root, "src/faces/web/idl.ts"), "utf8");
    const names = [...ours.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(["BufferSource", ...compared.map(({ name }) => name)].sort());
  });

  test("are the draft's, and those of the DOM assign to them and take them", async () => {
    expect(await compile(program)).toBe("");
  });

  test.each([
    ["a member more", "  mute?: boolean;", "  mute?: boolean;\n  more?: boolean;"],
    ["a member that is required", "  timeout?: number;", "  timeout: number;"],
    ["a value less", '"unpower" | ', ""],
    ["a parameter less", "(tag: number, value: BufferSource)", "(tag: number)"],
  ])("are told apart from others: %s", async (_what, before, after) => {
    const changed = await compile(program, (text) => {
      expect(text).toContain(before);
      return text.replace(before, after);
    });
    expect(changed).toContain("error TS2322");
  });
});
