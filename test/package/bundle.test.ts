// SPDX-License-Identifier: MIT

// What programs load is bundled: the same names as the modules, each class once, in few files, and the way back to the sources.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string } | string>>;
}

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const entries = Object.entries(exports).flatMap(([name, target]) =>
  typeof target === "string" ? [] : [{ name, ...target }],
);

const FOLDER = "dist/bundle/entry";

/** The files that are loaded with one, itself included. What is imported later is not. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, other = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?["'](\.[^"']+)["'];/gm)) {
    loadedWith(join(dirname(file), other), seen);
  }
  return seen;
}

function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  return import(/* @vite-ignore */ pathToFileURL(resolve(file)).href);
}

test.each(entries)("$name has what its module has, by the same names", async ({ default: file, types }) => {
  const [bundled, module] = await Promise.all([load(file), load(types.replace(/\.d\.ts$/, ".js"))]);
  expect(Object.keys(bundled).sort()).toEqual(Object.keys(module).sort());
  const named = (exported: Readonly<Record<string, unknown>>) =>
    Object.entries(exported)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => [name, typeof value, typeof value === "function" && value.name]);
  expect(named(bundled)).toEqual(named(module));
});

test("each module is in one file, so that a class is the same, whichever entry it comes from", async () => {
  const maps = readdirSync(FOLDER).filter((file) => file.endsWith(".map"));
  const sources = maps.flatMap((file) => sourcesOf(join(FOLDER, file)));
  expect(sources.length).toBeGreaterThan(500);
  expect(sources.toSorted()).toEqual([...new Set(sources)].toSorted());
  const [winscard, pcsc] = await Promise.all([load(`${FOLDER}/winscard.js`), load(`${FOLDER}/pcsc.js`)]);
  expect(winscard.SmartCardError).toBe(pcsc.SmartCardError);
});

describe("few files are loaded", () => {
  test.each(entries)("with $name", ({ default: file }) => {
    expect(loadedWith(file).size).toBeLessThan(50);
  });

  test("to tell the version", () => {
    expect(loadedWith("dist/bundle/entry/main.js").size).toBeLessThan(5);
  });
});

test("a page's client of the bridge is one file of at most 8,000 bytes, which imports only what is needed later", () => {
  const code = readFileSync("dist/bundle/page/bridge.js");
  expect(gzipSync(code).length).toBeLessThanOrEqual(8000);
  const imported = (file: string): string[] => {
    const text = readFileSync(`dist/bundle/page/${file}`, "utf8");
    expect(text).not.toMatch(/\brequire\(|node:/);
    const all = text.match(/\bimport\b[^;]{0,30}/g) ?? [];
    return all.map((one) => /^import\(.\.\/([-\w]+\.js).\)/.exec(one)?.[1] ?? one);
  };
  expect(imported("bridge.js").toSorted()).toEqual([
    ...["bridge-extensions.js", "bridge-pairing.js", "bridge-pairing.js", "bridge-usb.js"],
  ]);
  for (const later of ["bridge-extensions.js", "bridge-pairing.js", "bridge-usb.js"])
    expect(imported(later), later).toEqual([]);
});

test("its maps lead to sources that the package has", () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".map"))) {
    for (const source of sourcesOf(join(FOLDER, file))) {
      expect([source.startsWith("src/") && source.endsWith(".ts"), existsSync(source)], source).toEqual([true, true]);
    }
  }
});

/** The sources that a map leads to, from the root of the package. */
function sourcesOf(map: string): readonly string[] {
  const { sources } = JSON.parse(readFileSync(map, "utf8")) as { readonly sources: readonly string[] };
  return sources.map((source) => join(dirname(map), source));
}
