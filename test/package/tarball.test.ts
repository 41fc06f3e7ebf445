// SPDX-License-Identifier: MIT

// The package as a stranger gets it: packed, installed into an empty folder without a network, and used from there.

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemsOfMap } from "./maps.ts";
import { npmIn, packInto, root, runIn } from "./packed.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const program = fileURLToPath(new URL("./program.mjs", import.meta.url));
const inContinuousIntegration = Boolean(process.env.CI);

let folder = "";
let packedFiles: string[] = [];

/** Runs a program in the bare folder; settles with what it printed, and rejects unless it ends with 0. */
async function run(command: string, args: readonly string[]): Promise<string> {
  return (await runIn(folder, command, args)).stdout;
}

function npm(args: readonly string[]): Promise<string> {
  return npmIn(folder, args);
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(folder, "node_modules/scard/package.json"), "utf8"));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scard-package-"));
  const { filename, files } = await packInto(folder);
  packedFiles = files;
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  copyFileSync(program, join(folder, "program.mjs"));
  await npm(["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`]);
});

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
});

describe("the tarball", () => {
  test("holds the build and the documents, and nothing else", () => {
    expect(packedFiles.filter((file) => !/^(?:dist|src|docs|bench\/results)\//.test(file))).toEqual([
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "SECURITY.md",
      "package.json",
      "schemas/card-image.schema.json",
      "schemas/card.schema.json",
      "schemas/daemon.schema.json",
      "simulation/README.md",
      "systemd/scard.service",
      "systemd/scard.socket",
      "udev/70-scard.rules",
    ]);
    const known =
      /^dist\/.*\.(?:js|d\.ts|map|1)$|^dist\/bundle\/page\/[^/]+\/[^/]+\.(?:html|css)$|^src\/.*\.(?:ts|png)$|^src\/apps\/(?:[a-z]+-)?page(?:-[a-z]+)?\/[^/]+\.(?:html|css)$|^docs\/.*\.(?:md|json|conf|pem|png)$|^(?:bench\/results|schemas)\/[^/]+\.json$|^[^/]+$|\.(?:md|rules|service|socket)$/;
    expect(packedFiles.filter((file) => !known.test(file))).toEqual([]);
    expect(packedFiles.filter((file) => /\.test\./.test(file))).toEqual([]);
  });

  test("runs nothing at installation, and brings along what the daemon needs, without a compiler", () => {
    expect(Object.keys(manifest().scripts).filter((name) => /^(?:pre|post)?install$/.test(name))).toEqual([]);
    expect(packedFiles).not.toContain("binding.gyp");
    expect(Object.keys(manifest().dependencies)).toEqual(["@inquirer/core", "@noble/curves", "pino", "ws"]);
    const optional = Object.keys(manifest().optionalDependencies);
    expect(optional.filter((name) => !name.startsWith("@koromix/koffi-"))).toEqual(["libsql", "usb"]);
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

  test("has a map for every file of the build, and the source, in which every exported name is where the map says", () => {
    // Entries of the bundle that only pass names on have no map; bundle.test.ts looks at the others.
    const modules = packedFiles.filter((file) => file.startsWith("dist/") && !file.startsWith("dist/bundle/"));
    const files = modules.filter((file) => /\.(?:js|d\.ts)$/.test(file) && file !== "dist/globals.d.ts");
    const found = files.map((file) => problemsOfMap(join(folder, "node_modules/scard", file)));
    expect(found.flatMap(({ problems }) => problems)).toEqual([]);
    expect(found.reduce((count, { names }) => count + names, 0)).toBeGreaterThan(1000);
    const maps = modules.filter((file) => file.endsWith(".map"));
    expect(maps.sort()).toEqual(files.map((file) => `${file}.map`).sort());
  });

  test("documents each function of scard/winscard where an editor looks: at its own name", () => {
    const door = readFileSync(join(folder, "node_modules/scard/dist/entry/winscard.d.ts"), "utf8");
    const declared = [...door.matchAll(/(\*\/\n)?export declare const (\w+): WinSCard\["(\w+)"\];/g)];
    expect(declared.filter(([, comment, name, member]) => comment === undefined || name !== member)).toEqual([]);
    expect(declared).toHaveLength(48);
    expect(door).toMatch(/ \* @see SCardTransmit function [^/]*\*\/\nexport declare const SCardTransmit:/);
  });

  test("has every file that its documents link to", () => {
    const documents = packedFiles.filter((file) => file.endsWith(".md"));
    expect(documents).toEqual(expect.arrayContaining(["README.md", "docs/decisions/README.md"]));
    const dead = documents.flatMap((file) => {
      const text = readFileSync(join(folder, "node_modules/scard", file), "utf8").replace(/^```[\s\S]*?^```/gm, "");
      const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link = ""]) => link);
      return links
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => !existsSync(join(folder, "node_modules/scard", file, "..", link)))
        .map((link) => `${file}: ${link}`);
    });
    expect(dead).toEqual([]);
  });

  test("names no place on the network, and no person, that was made up", () => {
    for (const field of ["repository", "bugs", "homepage", "author"]) expect(manifest()).not.toHaveProperty(field);
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
    const imports = names.map((subpath, index) => `import * as room${index} from "scard${subpath.slice(1)}";`);
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

  test("has stack traces in the source", async () => {
    const failing =
      'import { openManager } from "scard"; await openManager("usb").catch(({ stack }) => console.log(stack));';
    const stack = await run(process.execPath, ["--enable-source-maps", "--input-type=module", "--eval", failing]);
    const [, path = "", line, column] = /\(?(?:file:\/\/)?([^\s(]+\.ts):(\d+):(\d+)\)?$/m.exec(stack) ?? [];
    expect(path).toMatch(/node_modules\/scard\/src\/.+\.ts$/);
    const text = readFileSync(path, "utf8").split("\n")[Number(line) - 1] ?? "";
    expect(text.slice(Number(column) - 1)).toMatch(/^new SmartCardError\(/);
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
