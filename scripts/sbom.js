// SPDX-License-Identifier: MIT

// Writes the list of all packages that are installed with ours, with versions, licences and checksums: CycloneDX, by
// `npm sbom`, from package-lock.json alone. `npm run sbom -- FILE`; without a FILE it is dist/sbom.cdx.json, which is in the
// package that is released.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { root } from "./tools.js";

const file = resolve(process.argv[2] ?? join(root, "dist/sbom.cdx.json"));
const wanted = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--package-lock-only"];
// As a script of our own Node where npm says where it is: on Windows `npm` is no program that could be started.
const script = process.env.npm_execpath;
const [command, ...args] = script?.endsWith("npm-cli.js") ? [process.execPath, script, ...wanted] : ["npm", ...wanted];
const { error, status, stderr, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
if (error !== undefined || status !== 0) {
  console.error(`npm sbom failed (it takes npm 10, which comes with Node 20): ${error?.message ?? stderr}`);
  process.exit(1);
}
const list = JSON.parse(stdout);
// `--omit dev` would also leave out what a development dependency and ours have in common.
const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const ours = new Set([list.metadata.component["bom-ref"]]);
for (const [path, { dev, devOptional, version }] of Object.entries(packages)) {
  const folder = "node_modules/";
  if (!dev && !devOptional) ours.add(`${path.slice(path.lastIndexOf(folder) + folder.length)}@${version}`);
}
/** @type {(ref: string) => boolean} */
const isOurs = (ref) => ours.has(ref);
list.components = list.components.filter((/** @type {{ "bom-ref": string }} */ one) => isOurs(one["bom-ref"]));
list.dependencies = list.dependencies
  .filter((/** @type {{ ref: string }} */ { ref }) => isOurs(ref))
  .map((/** @type {{ ref: string, dependsOn: string[] }} */ { dependsOn, ref }) => ({
    ref,
    dependsOn: dependsOn.filter(isOurs),
  }));
// npm writes the name of the folder that the package lies in.
const { name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
list.metadata.component.name = name;
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(list, null, 2)}\n`);
console.log(`${file}: ${list.components.length} packages`);
