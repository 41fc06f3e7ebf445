// SPDX-License-Identifier: MIT

// Compiles src/ into a clean dist/. Nothing is left over from an earlier build, so no deleted file can be published.

import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { documentFunctions } from "./function-declarations.js";
import { root, run, tool } from "./tools.js";

rmSync(join(root, "dist"), { recursive: true, force: true });
const status = run(process.execPath, [tool("typescript", "tsc"), "-p", "tsconfig.build.json"]);
if (status !== 0) process.exit(status);

await import("./bundle.js");

documentFunctions(
  join(root, "dist/entry/winscard.d.ts"),
  join(root, "src/entry/winscard.ts"),
  join(root, "dist/faces/winscard"),
);

// The compiler rewrites `./x.ts` to `./x.js` in code, but leaves declarations as they were. Readers of declarations other
// than itself look for the file that is named.
const declarations = readdirSync(join(root, "dist"), { recursive: true }).filter((file) => file.endsWith(".d.ts"));
for (const file of declarations) {
  const path = join(root, "dist", file);
  const text = readFileSync(path, "utf8");
  const renamed = text.replace(/(\bfrom |\bimport\(|^import )"(\.[^"\n]*)\.ts"/gm, '$1"$2.js"');
  const [references, code] = forEveryCompiler(renamed, file);
  writeFileSync(path, references.join("") + code);
  // In a map a semicolon ends the mappings of a line: the lines that were put before the code have none.
  const map = JSON.parse(readFileSync(`${path}.map`, "utf8"));
  writeFileSync(`${path}.map`, JSON.stringify({ ...map, mappings: ";".repeat(references.length) + map.mappings }));
}

// AbortSignal comes from the types of Node or of the DOM, which a program need not have. An interface of that name is
// merged with theirs.
writeFileSync(
  join(root, "dist/globals.d.ts"),
  "// SPDX-License-Identifier: MIT\n\ninterface AbortSignal {\n  readonly aborted: boolean;\n}\n",
);

/**
 * Declarations hold from TypeScript 5.4 on, with any `lib` and `types`, also where libraries are checked. Gives lines to
 * put before the code, and the code.
 */
function forEveryCompiler(text, file) {
  // Names of exports that are strings are read from 5.6 on. This one is for require, which needs no types.
  // Uint8Array has a type argument from 5.7 on; where a type was inferred the compiler writes it.
  const code = text.replace(/, \w+ as "module\.exports"/, "").replaceAll("Uint8Array<ArrayBufferLike>", "Uint8Array");
  const up = "../".repeat(file.split(/[\\/]/).length - 1) || "./";
  const references = [
    ...(/\bAsyncDisposable\b|\bSymbol\.asyncDispose\b/.test(code)
      ? ['/// <reference lib="esnext.disposable" />\n']
      : []),
    ...(/\bAbortSignal\b/.test(code) ? [`/// <reference path="${up}globals.d.ts" />\n`] : []),
  ];
  return [references, code];
}

// npm sets the mode when it installs a package, but here the programs are started from dist/ itself.
const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
// The compiled program too: npx remembers the place that a checkout had its program at.
for (const program of [...Object.values(bin), "dist/apps/cli/main.js"]) chmodSync(join(root, program), 0o755);

// The manual page comes from the tables that the program's help comes from.
const { loadCommands } = await import(pathToFileURL(join(root, "dist/apps/cli/commands.js")).href);
const { manualPage } = await import(pathToFileURL(join(root, "dist/apps/cli/manual.js")).href);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
mkdirSync(join(root, "dist/man"), { recursive: true });
writeFileSync(join(root, "dist/man/scard.1"), manualPage(await loadCommands(), version));
