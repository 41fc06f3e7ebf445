// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { root, runIn } from "./packed.ts";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly unknown[];
}

interface Entry {
  readonly version: string;
  readonly integrity: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

const lockfile = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** A package of the lockfile as it has to stand in the list: name, version, and the checksum in hexadecimal. */
function lineOf([path, { integrity, version }]: [string, Entry]): string {
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  return `${name} ${version} ${Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex")}`;
}

test("npm run sbom lists every package that is installed with ours, without a network", {
  timeout: PATIENCE_MS,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-sbom-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "made", "sbom.cdx.json");
  // Nothing answers on port 1: a look at the registry would fail.
  const without = {
    npm_config_registry: "http://127.0.0.1:1",
    npm_config_fetch_retries: "0",
    npm_config_cache: folder,
  };
  await runIn(root, process.execPath, ["scripts/sbom.js", file], without);
  const list = JSON.parse(readFileSync(file, "utf8"));
  expect(list).toMatchObject({
    bomFormat: "CycloneDX",
    metadata: { component: { name: "scard", version: manifest.version } },
  });
  const components: Component[] = list.components;
  const listed = components.map(({ hashes, name, version }) => {
    return `${name} ${version} ${hashes.find(({ alg }) => alg === "SHA-512")?.content}`;
  });
  const all = Object.entries<Entry>(lockfile.packages).filter(([path]) => path !== "");
  const ours = all.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);
  expect(ours.length).toBeGreaterThan(20);
  expect([...new Set(listed)].sort()).toEqual([...new Set(ours.map(lineOf))].sort());
  expect(components.filter(({ licenses }) => licenses.length === 0)).toEqual([]);
});

test("a release comes with the list: it is made when the package is packed", () => {
  expect(manifest.scripts.prepack).toMatch(/build\.js && node scripts\/sbom\.js$/);
  expect(manifest.files).toContain("dist");
});
