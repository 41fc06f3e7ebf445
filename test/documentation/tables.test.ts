// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { allPages } from "./pages.ts";

/** The lines of a page outside of its fenced blocks, with their numbers. */
function linesOf(text: string): { readonly line: string; readonly number: number }[] {
  let isFenced = false;
  return text.split("\n").flatMap((line, index) => {
    const isFence = /^\s*(?:```|~~~)/.test(line);
    if (isFence) isFenced = !isFenced;
    return isFenced || isFence ? [] : [{ line, number: index + 1 }];
  });
}

/** How many cells a row has; a bar behind a backslash is text. */
const cellsOf = (row: string): number => row.replace(/\\\|/g, "").split("|").length - 2;

function problemsOf(text: string): string[] {
  const problems: string[] = [];
  let columns: number | undefined;
  for (const { line, number } of linesOf(text)) {
    if (!line.startsWith("|")) {
      columns = undefined;
      if (/[^|]\|\s*$/.test(line) || /\| --- \|/.test(line))
        problems.push(`${number}: a row of a table that was broken`);
      continue;
    }
    if (!line.trimEnd().endsWith("|")) problems.push(`${number}: the row has no end`);
    columns ??= cellsOf(line);
    if (cellsOf(line) !== columns) problems.push(`${number}: ${cellsOf(line)} cells, and ${columns} in the table`);
  }
  return problems;
}

test.each(allPages())("tables of $path are whole", ({ text }) => {
  expect(problemsOf(text)).toEqual([]);
});

test("a table that was wrapped is found", () => {
  expect(problemsOf("| a | b |\n| --- | --- |\n| 1 | 2 |")).toEqual([]);
  expect(problemsOf("| a | b | | --- |\n--- | | 1 | 2 |")).not.toEqual([]);
  expect(problemsOf("| a | b |\n| --- | --- |\n| 1 | 2 | | 3 |\n4 |")).not.toEqual([]);
});
