// SPDX-License-Identifier: MIT

// Writes what programs load: for each entry of the package and each program a file in dist/bundle/entry/, and files that
// they share. A module of ours in several files would have its classes several times, and `instanceof` would fail.
//
// All are in one folder, as deep below the package as a compiled module of a program: what looks for package.json, or for a
// program beside itself, finds it from both.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { root } from "./tools.js";

/** Programs and workers that modules of ours start by their file. */
const started = [
  "apps/cli/main",
  "entry/compat-look-worker",
  "platform/node/ifd/driver-main",
  "platform/node/sqlite/audit-worker",
];

const FOLDER = join(root, "dist/bundle/entry");

/** Entries that a page loads as they are: one file each, minified, which imports nothing. */
const PAGE_FOLDER = "./dist/bundle/page/";

/** The file of an entry is named in package.json; its declarations are those of the module. */
function entriesOf({ bin, exports }) {
  const modules = Object.values(exports).filter(
    (target) => typeof target === "object" && !target.default.startsWith(PAGE_FOLDER),
  );
  const pairs = modules.map(({ default: file, types }) => [
    nameOf(file),
    types.replace("./dist/", "").replace(".d.ts", ""),
  ]);
  const programs = started.map((module) => [module.split("/").at(-1), module]);
  const names = new Set(programs.map(([name]) => name));
  for (const file of Object.values(bin)) if (!names.has(nameOf(file))) throw new Error(`bundle.js starts no ${file}`);
  return Object.fromEntries(
    [...pairs, ...programs].map(([name, module]) => [name, join(root, "dist", `${module}.js`)]),
  );
}

function nameOf(file) {
  return file.split("/").at(-1).replace(/\.js$/, "");
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** With the map of the compiler, so that those of the bundle lead to src/. */
const compiled = {
  name: "compiled",
  load(id) {
    return { code: readFileSync(id, "utf8"), map: readFileSync(`${id}.map`, "utf8") };
  },
};

function onLog(level, log) {
  throw new Error(`${level}: ${log.message}`);
}

const build = await rolldown({
  cwd: root,
  input: entriesOf(manifest),
  // Packages are loaded from where they are installed; some are optional.
  external: (id) => !id.startsWith(".") && !id.startsWith("/") && !/^[A-Za-z]:/.test(id),
  platform: "node",
  plugins: [compiled],
  onLog,
});
await build.write({
  dir: FOLDER,
  format: "esm",
  // Names of classes and functions are told in errors.
  keepNames: true,
  sourcemap: true,
  // The package has src/.
  sourcemapExcludeSources: true,
  entryFileNames: "[name].js",
  chunkFileNames: "shared-[name].js",
});
await build.close();

/** Gives exported functions the names that a minifier shortens. Keeping all names takes 0.3 kB of a client that is to be small. */
function namesOfExports(entry) {
  return {
    name: "names-of-exports",
    transform(code, id) {
      if (id !== entry) return undefined;
      const names = [...code.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
      const lines = `for (const [value, made] of Object.entries({ ${names.join(", ")} })) Object.defineProperty(made, "name", { value });`;
      return { code: `${code}\n${lines}\n`, map: null };
    },
  };
}

/** What a page loads later is in files of their own, beside those that load it. */
const LATER = ["bridge-usb.js", "bridge-pairing.js", "bridge-extensions.js"];
const loadedLater = (files) => ({
  name: "loaded-later",
  resolveId(source) {
    return files.some((file) => source === `./${file}`) ? { id: source, external: true } : undefined;
  },
});

/** Checks of the arguments of functions that no page can call: what a page gives is checked where it comes in. They take 0.2 kB of the small client. */
const checksInside = ["checkBytes", "checkInteger", "checkText"];

/** Writes one file for a page. `apart` are the files that it loads later; what else it loads later is in the file. */
async function bundleForPage(module, file, { apart = LATER, banner = "", keepNames = true } = {}) {
  const page = await rolldown({
    cwd: root,
    input: join(root, module),
    platform: "browser",
    treeshake: { manualPureFunctions: keepNames ? [] : checksInside },
    plugins: [compiled, loadedLater(apart), ...(keepNames ? [] : [namesOfExports(join(root, module))])],
    onLog,
  });
  await page.write({
    file: join(root, file),
    format: "esm",
    codeSplitting: false,
    minify: true,
    keepNames,
    sourcemap: true,
    sourcemapExcludeSources: true,
    ...(banner && { postBanner: banner }),
  });
  await page.close();
}

for (const target of Object.values(manifest.exports)) {
  if (typeof target !== "object" || !target.default.startsWith(PAGE_FOLDER)) continue;
  await bundleForPage(target.types.replace(/\.d\.ts$/, ".js"), target.default, { keepNames: false });
}

for (const file of LATER) await bundleForPage(`dist/entry/${file}`, PAGE_FOLDER + file);

// The pages that commands serve. The licences of the packages in them go with their code. Readers of a page itself are not for these.
const licenceOf = (name) => `${name}:\n\n${readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8")}`;
const html = readFileSync(join(root, "src/apps/page-parts/page.html"), "utf8");
const pages = [
  { name: "bridge", room: "page", packages: ["lit-html"] },
  { name: "console", room: "console-page", packages: ["lit-html"] },
];
for (const { name, packages, room } of pages) {
  const folder = `${PAGE_FOLDER}${name}`;
  const banner = `/*! This file holds ${packages.map(licenceOf).join("\nand ")}*/`;
  await bundleForPage(`dist/apps/${room}/main.js`, `${folder}/page.js`, {
    apart: ["bridge-usb.js", "bridge-extensions.js"],
    banner,
  });
  writeFileSync(join(root, folder, "index.html"), html.replace("{command}", name));
  const styles = ["src/apps/page-parts/base.css", `src/apps/${room}/page.css`];
  writeFileSync(
    join(root, folder, "page.css"),
    styles.map((file) => readFileSync(join(root, file), "utf8")).join("\n"),
  );
}
