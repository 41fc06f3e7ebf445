// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { allPages, type Page } from "./pages.ts";

const decisions = allPages().filter(({ path }) => /^docs\/decisions\/\d/.test(path));

/** Number, file, title and status of a decision as the index has them, or what its page lacks. */
function row({ path, text }: Page): string {
  const file = path.slice("docs/decisions/".length);
  const head = /^# (\d{4}): (.+)\n\nStatus: ((?:accepted|superseded)\b.*)\n\n## Context\n/.exec(text);
  if (!head || !file.startsWith(`${head[1]}-`))
    return `${path} does not begin with its number, title, status and context`;
  return `| [${head[1]}](${file}) | ${head[2]} | ${head[3]} |`;
}

test("the index lists every decision with its title and status", () => {
  const index = allPages().find(({ path }) => path === "docs/decisions/README.md");
  expect(index?.text.split("\n").filter((line) => line.startsWith("| ["))).toEqual(decisions.map(row));
  expect(decisions.length).toBeGreaterThan(20);
});

test("a page without a status is seen", () => {
  expect(row({ path: "docs/decisions/0001-a.md", text: "# 0001: A\n\n## Context\n" })).toMatch(/does not begin/);
});
