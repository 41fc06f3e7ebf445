// SPDX-License-Identifier: MIT

// The package as a stranger gets it: packed, installed into an empty folder without a network, and used from there.

import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../patience.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("./program.mjs", import.meta.url));
const inContinuousIntegration = Boolean(process.env.CI);

let folder = "";
let packedFiles: string[] = [];

/** Runs a program in the bare folder; settles with what it printed, and rejects unless it ends with 0. */
async function run(command: string, args: readonly string[], cwd = folder): Promise<string> {
  // Under `npm test` the environment says that this repository is the current package. A stranger's does not.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:package|lifecycle|command|config_local_prefix)|^(?:INIT_CWD|NODE_ENV|VITEST)/.test(name),
  );
  const options = { cwd, env: Object.fromEntries(inherited), timeout: PATIENCE_MS };
  return (await promisify(execFile)(command, args, options)).stdout;
}

function npm(args: readonly string[], cwd = folder): Promise<string> {
  // As a script of our own Node where npm says where it is: on Windows `npm` is no program that execFile could start.
  const script = process.env.npm_execpath;
  return script?.endsWith("npm-cli.js") ? run(process.execPath, [script, ...args], cwd) : run("npm", args, cwd);
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(folder, "node_modules/scard/package.json"), "utf8"));
}

function newestChange(path: string): number {
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((file) => !file.endsWith(".test.ts"));
  return Math.max(
    ...files.map((file) => statSync(join(path, file))).map((entry) => (entry.isFile() ? entry.mtimeMs : 0)),
  );
}

beforeAll(async () => {
  // Not built here: other tests run dist/ at the same time.
  const built = existsSync(join(root, "dist")) && newestChange(join(root, "dist")) >= newestChange(join(root, "src"));
  if (!built) throw new Error("dist/ is missing or older than src/: run `npm run build` first, as `npm test` does");
  folder = mkdtempSync(join(tmpdir(), "scard-package-"));
  const packed = await npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root);
  const [{ filename, files }] = JSON.parse(packed);
  packedFiles = files.map((file: { path: string }) => file.path).sort();
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  copyFileSync(program, join(folder, "program.mjs"));
  await npm(["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`]);
});

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
});

describe("the tarball", () => {
  test("holds the build and the documents, and nothing else", () => {
    expect(packedFiles.filter((file) => !file.startsWith("dist/"))).toEqual([
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "package.json",
      "systemd/scard.service",
      "systemd/scard.socket",
    ]);
    expect(packedFiles.filter((file) => !/\.(?:js|d\.ts|md|json|service|socket)$|^LICENSE$/.test(file))).toEqual([]);
    expect(packedFiles.filter((file) => /\.test\./.test(file))).toEqual([]);
  });

  test("runs nothing at installation, and brings along what the daemon needs, without a compiler", () => {
    expect(Object.keys(manifest().scripts).filter((name) => /^(?:pre|post)?install$/.test(name))).toEqual([]);
    expect(packedFiles).not.toContain("binding.gyp");
    expect(Object.keys(manifest().dependencies)).toEqual(["@inquirer/core", "pino"]);
    expect(Object.keys(manifest().optionalDependencies)).toEqual(["koffi", "libsql"]);
  });

  test("has a file for every target of exports and bin", () => {
    const targets = Object.values(manifest().exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    expect(targets.length).toBeGreaterThan(10);
    for (const target of [...targets, ...Object.values(manifest().bin)]) {
      expect(packedFiles).toContain(target.replace(/^\.\//, ""));
    }
  });

  test("refers to no TypeScript source, which is not in it", () => {
    const text = packedFiles
      .filter((file) => /\.(?:js|d\.ts)$/.test(file))
      .map((file) => readFileSync(join(folder, "node_modules/scard", file), "utf8"))
      .join("\n");
    expect(text.match(/(?:from |import\()"\.[^"]*\.ts"/g) ?? []).toEqual([]);
    expect(text).toContain('.js"');
  });

  test("passes publint", async () => {
    const { messages, pkg } = await publint({ pkgDir: join(folder, "node_modules/scard"), pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });
});

describe("the installed package", () => {
  test("can be imported by every subpath, and its types hold in a strict program", async () => {
    const names = Object.keys(manifest().exports).filter((subpath) => subpath !== "./package.json");
    const rooms = names.map((_, index) => `room${index}`);
    const imports = names.map((subpath, index) => `import * as room${index} from "scard/${subpath.slice(2)}";`);
    const count = `const rooms: readonly object[] = [${rooms.join(", ")}];\nconsole.log(rooms.map((room) => Object.keys(room).length > 0).join());\n`;
    writeFileSync(join(folder, "consumer.ts"), `${imports.join("\n")}\n${count}`);
    const tsconfig = {
      compilerOptions: {
        target: "es2023",
        lib: ["es2023", "esnext.disposable"],
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        types: ["node"],
        typeRoots: [join(root, "node_modules/@types")],
      },
      files: ["consumer.ts"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"]);
    expect(await run(process.execPath, ["consumer.js"])).toBe(`${rooms.map(() => "true").join()}\n`);
  });

  test("runs a first program on this Node", async () => {
    expectProgramOutput(await run(process.execPath, ["program.mjs"]), process.versions.node.split(".")[0]);
  });

  test("runs a first program on Node 24", async ({ skip }) => {
    const node24 = ["exec", "--yes", `--package=node-${process.platform}-${process.arch}@24`, "--", "node"];
    try {
      expect(await npm([...node24, "--version"])).toMatch(/^v24\./);
    } catch (error) {
      if (inContinuousIntegration) throw error;
      skip("npm could not bring Node 24 to this machine");
    }
    expectProgramOutput(await npm([...node24, "program.mjs"]), "24");
  });

  test("brings the program scard", async () => {
    expect(await npm(["exec", "--no", "--", "scard", "--version"])).toContain(manifest().version);
    // An ATR of PC/SC part 3, supplement: a contactless storage card.
    const atr = "3B8F8001804F0CA0000003060300030000000068";
    const described = await npm(["exec", "--no", "--", "scard", "atr", atr, "--json"]);
    expect(JSON.stringify(JSON.parse(described))).toMatch(/MIFARE Ultralight/i);
  });
});

function expectProgramOutput(output: string, node: string | undefined): void {
  const { node: version, readers, response } = JSON.parse(output);
  expect(version.split(".")[0]).toBe(node);
  expect(readers).toEqual(["Bare Folder Reader"]);
  expect(response).toEqual([0x90, 0x00]);
}
