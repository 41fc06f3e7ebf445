// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { unclearWords } from "../architecture-rules.ts";
import { allPages, root } from "./pages.ts";

/** Further words and turns of phrase that an engineer of this field would not say aloud. */
const unclear = new RegExp(
  String.raw`\b(?:${[
    "(?:some|every|any)body",
    "means nothing",
    "as it were",
    "of no account",
    "ha(?:s|ve) (?:its|their) turn",
    "stands? in the way",
    "(?:hung|hangs?) up on",
    "what is (?:no|none)",
    "that (?:is|are) none",
    "(?:is|are) none (?:of|that)",
  ].join("|")})\b`,
  "gi",
);

const allUnclear = (text: string): string[] => [
  ...unclearWords(text),
  ...[...text.matchAll(unclear)].map(([word]) => word),
];

/** These have unclear words as examples. */
const examples = ["test/architecture-rules.ts", "test/architecture.test.ts", "test/documentation/language.test.ts"];

/** Our own text besides the documentation. */
function otherTexts(): string[] {
  const folders = ["src", "simulation", "test", "scripts", "bench", "systemd"];
  const below = folders.flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  const own = below.map((path) => path.replaceAll("\\", "/")).filter((path) => !/node_modules|corpus/.test(path));
  const texts = own.filter((path) => /\.(?:c|h|cjs|js|json|md|mjs|py|service|sh|socket|ts)$/.test(path));
  return [...texts, ".ci/run", "CONTRIBUTING.md", "SECURITY.md"].filter((path) => !examples.includes(path));
}

const unclearLines = (path: string, text: string): string[] =>
  text.split("\n").flatMap((line, index) => allUnclear(line).map((word) => `${path}:${index + 1}: ${word}`));

test("the documentation is plain English", () => {
  expect(allPages().flatMap(({ path, text }) => unclearLines(path, text))).toEqual([]);
});

test("source, tests, simulator, scripts, benchmarks and units are plain English", () => {
  const paths = otherTexts();
  expect(paths.length).toBeGreaterThan(700);
  expect(paths.flatMap((path) => unclearLines(path, readFileSync(root + path, "utf8")))).toEqual([]);
});

test("unclear words are seen", () => {
  expect(unclearWords("Whoever asks. It makes no sense, and nobody opens the one that is meant.")).toHaveLength(4);
  expect(allUnclear("What is none ends the session: 9 is none that there is. Everybody waits.")).toEqual([
    "What is none",
    "is none that",
    "Everybody",
  ]);
  expect(unclearWords("A client asks. somebodyElse, nobodyKnows")).toEqual([]);
});
