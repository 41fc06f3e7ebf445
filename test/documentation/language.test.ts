// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { unclearWords } from "../architecture-rules.ts";
import { allPages, root } from "./pages.ts";

/** These have unclear words as examples. */
const examples = ["test/architecture-rules.ts", "test/architecture.test.ts", "test/documentation/language.test.ts"];

/** Our own text in these folders, besides that of src, which test/architecture.test.ts reads. */
function otherTexts(): string[] {
  const folders = ["simulation", "test", "scripts", "bench", "systemd"];
  const below = folders.flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  const own = below.map((path) => path.replaceAll("\\", "/")).filter((path) => !/node_modules|corpus/.test(path));
  const texts = own.filter((path) => /\.(?:c|h|cjs|js|json|md|mjs|py|service|sh|socket|ts)$/.test(path));
  return [...texts, ".ci/run", "CONTRIBUTING.md", "SECURITY.md"].filter((path) => !examples.includes(path));
}

const unclearLines = (path: string, text: string): string[] =>
  text.split("\n").flatMap((line, index) => unclearWords(line).map((word) => `${path}:${index + 1}: ${word}`));

test("the documentation is plain English", () => {
  expect(allPages().flatMap(({ path, text }) => unclearLines(path, text))).toEqual([]);
});

test("tests, simulator, scripts, benchmarks and units are plain English", () => {
  const paths = otherTexts();
  expect(paths.length).toBeGreaterThan(200);
  expect(paths.flatMap((path) => unclearLines(path, readFileSync(root + path, "utf8")))).toEqual([]);
});

test("unclear words are seen", () => {
  expect(unclearWords("Whoever asks. It makes no sense, and nobody opens the one that is meant.")).toHaveLength(4);
  expect(unclearWords("What is none ends the session: 9 is none that there is. Everybody waits.")).toEqual([
    "What is none",
    "is none that",
    "Everybody",
  ]);
  expect(unclearWords("A client asks. somebodyElse, nobodyKnows")).toEqual([]);
});
