// SPDX-License-Identifier: MIT

// The packed package, installed by each package manager into an empty project: nothing that its user would have to act on,
// and everything works.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { npmIn, type Printed, packInto, root, runIn } from "./packed.ts";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "scard-peers");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const program = fileURLToPath(new URL("./managed.mjs", import.meta.url));

interface PackageManager {
  /** Its folder, as scripts/setup-managers.sh names it. */
  readonly name: string;
  /** Its program, from there. */
  readonly path: string;
  /** Whether it is a program of the machine, not a script for Node. */
  readonly isBinary?: true;
  readonly add: readonly string[];
  /** Runs a program of an installed package, and Node where the packages are found. */
  readonly exec: readonly string[];
  readonly node: readonly string[];
  /** Messages that it always prints, about the machine's settings or itself. */
  readonly usual?: RegExp;
}

const npm: Omit<PackageManager, "name"> = {
  path: "bin/npm-cli.js",
  add: ["install", "--prefer-offline"],
  exec: ["exec", "--no", "--"],
  node: ["exec", "--no", "--", "node"],
  usual: /^npm warn Unknown \w+ config /,
};
const managers: readonly PackageManager[] = [
  { name: "npm-10", ...npm },
  { name: "npm-11", ...npm },
  {
    name: "pnpm-10",
    path: "bin/pnpm.cjs",
    add: ["add", "--prefer-offline"],
    exec: ["exec"],
    node: ["exec", "node"],
  },
  {
    name: "pnpm-11",
    path: "bin/pnpm.mjs",
    add: ["add", "--prefer-offline"],
    exec: ["exec"],
    node: ["exec", "node"],
  },
  // Without node_modules: packages stay in their archives. It warns of Node's loaders in every project of modules.
  { name: "yarn-4", path: "bin/yarn.js", add: ["add"], exec: ["exec"], node: ["node"], usual: /YN0092|Done with warn/ },
  { name: "bun", path: "bin/bun", isBinary: true, add: ["add"], exec: ["x", "--no-install"], node: ["x", "node"] },
];

let packed = "";
let canFetch = true;
let settings: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-packed-"));
  packed = join(folder, (await packInto(folder)).filename);
  const setting = async (name: string): Promise<string> => (await npmIn(folder, ["config", "get", name])).trim();
  const registry = await setting("registry");
  const certificates = await setting("cafile");
  // In CI nothing is left out: there an installation fails without a registry.
  canFetch = Boolean(process.env.CI) || (await registryAnswers(folder));
  const stores = join(cache, "manager-stores");
  mkdirSync(stores, { recursive: true });
  settings = {
    npm_config_registry: registry,
    npm_config_update_notifier: "false",
    pnpm_config_update_notifier: "false",
    XDG_DATA_HOME: join(stores, "data"),
    XDG_STATE_HOME: join(stores, "state"),
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_GLOBAL_FOLDER: join(stores, "yarn"),
    YARN_ENABLE_TELEMETRY: "0",
    // In CI yarn would refuse to write the lockfile of the new project.
    YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
    ...(registry.startsWith("http:") && { YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname }),
    ...(existsSync(certificates) && { YARN_HTTPS_CA_FILE_PATH: certificates }),
    BUN_CONFIG_REGISTRY: registry,
    BUN_INSTALL_CACHE_DIR: join(stores, "bun"),
    NO_COLOR: "1",
  };
});

/** Whether the registry answers, asked once: package managers try for minutes. */
async function registryAnswers(folder: string): Promise<boolean> {
  return npmIn(folder, ["ping", "--fetch-retries=0"]).then(
    () => true,
    () => false,
  );
}

afterAll(() => {
  if (packed) rmSync(dirname(packed), { recursive: true });
});

/** The Node that a manager runs on: pnpm 11 needs 22.13, which scripts/setup-peers.sh brings as Node 24. */
function nodeFor({ name }: PackageManager): string {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNewEnough = name !== "pnpm-11" || major > 22 || (major === 22 && minor >= 13);
  return isNewEnough ? process.execPath : join(cache, `node-24/node_modules/node-linux-${process.arch}/bin/node`);
}

function peerOf(manager: PackageManager): PeerProgram {
  return {
    name: join(cache, "managers/node_modules", manager.name, manager.path),
    remedy: "scripts/setup-managers.sh installs it there, and scripts/setup-peers.sh Node 24.",
    probe: () => (existsSync(nodeFor(manager)) ? undefined : `there is no ${nodeFor(manager)}`),
  };
}

/** Lines that a user would stop at. */
function complaints({ stderr, stdout }: Printed, usual: RegExp | undefined): string[] {
  const words = /warn|error|deprecat|ignor|approve|unmet|missing|blocked|untrusted|script|fail/i;
  return `${stdout}\n${stderr}`.split("\n").filter((line) => words.test(line) && usual?.test(line) !== true);
}

for (const manager of managers) {
  describePeer(peerOf(manager), (path) => {
    const runtime = nodeFor(manager);
    function run(folder: string, args: readonly string[]): Promise<Printed> {
      const [command, ...first] = manager.isBinary ? [path] : [runtime, path];
      // Programs of packages begin with `env node`.
      const PATH = [dirname(runtime), process.env.PATH].join(delimiter);
      return runIn(folder, command, [...first, ...args], { ...settings, PATH });
    }

    test("installs the package, which then works", { timeout: 4 * PATIENCE_MS }, async ({ skip }) => {
      if (!canFetch) return skip("the registry does not answer");
      const folder = mkdtempSync(join(tmpdir(), `scard-${manager.name}-`));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, "package.json"), '{ "name": "project", "private": true, "type": "module" }\n');
      copyFileSync(program, join(folder, "program.mjs"));
      // It ends yarn's search for the project in the folders above.
      if (manager.name === "yarn-4") writeFileSync(join(folder, "yarn.lock"), "");
      const tarball = manager.name === "yarn-4" ? `scard@file:${packed}` : packed;
      const installed = await run(folder, [...manager.add, tarball]);
      expect(complaints(installed, manager.usual)).toEqual([]);
      const version = await run(folder, [...manager.exec, "scard", "--version"]);
      expect(version.stdout.trim().split("\n").at(-1)).toBe(manifest.version);
      const told = await run(folder, [...manager.node, "program.mjs"]);
      const line = told.stdout.trim().split("\n").at(-1) ?? "";
      expect(JSON.parse(line)).toEqual({ readers: [expect.any(String)], code: "no-service" });
    });
  });
}
