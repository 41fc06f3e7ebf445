// SPDX-License-Identifier: MIT

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { describe, expect, test } from "vitest";
import { allPages, type Page, root } from "./pages.ts";

const pages = allPages();

/** The text of a page without its fenced blocks. */
function proseOf({ text }: Page): string {
  return text.replace(/^```.*?^```$/gms, "");
}

/** Where the links of a page lead that stay in the repository. */
function linksOf(page: Page): string[] {
  const targets = [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a page, as GitHub makes them from its headings. */
function anchorsOf(page: Page): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(page).matchAll(/^#+ +(.*)$/gm)].map(([, heading = ""]) => {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = text
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** What is wrong with a link of a page; undefined where it leads somewhere. */
function problemOf(page: Page, link: string, all: readonly Page[]): string | undefined {
  const [file = "", anchor] = link.split("#");
  const path = file === "" ? page.path : normalize(join(dirname(page.path), file));
  if (path.startsWith("..") || !existsSync(root + path)) return `${page.path}: ${link}: there is no ${path}`;
  if (anchor === undefined) return undefined;
  const target = all.find((one) => one.path === path);
  if (target === undefined) return `${page.path}: ${link}: ${path} is no page of the documentation`;
  return anchorsOf(target).includes(anchor) ? undefined : `${page.path}: ${link}: ${path} has no heading for it`;
}

describe("the links of the documentation", () => {
  test("lead to files and headings that are there", () => {
    const links = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })));
    expect(links.length).toBeGreaterThan(100);
    expect(links.flatMap(({ link, page }) => problemOf(page, link, pages) ?? [])).toEqual([]);
  });

  test("of README.md have every page of the guide", () => {
    const readme = pages.find(({ path }) => path === "README.md");
    const linked = readme === undefined ? [] : linksOf(readme).map((link) => link.split("#")[0]);
    const guide = readdirSync(`${root}docs/guide`, { recursive: true, encoding: "utf8" })
      .map((path) => `docs/guide/${path.replaceAll("\\", "/")}`)
      .filter((path) => path.endsWith(".md"));
    expect(guide.filter((path) => !linked.includes(path))).toEqual([]);
  });

  test("are missed where they lead nowhere", () => {
    const page: Page = { path: "docs/guide/cli.md", text: "## Two `words`: here\n" };
    expect(problemOf(page, "#two-words-here", [page])).toBeUndefined();
    expect(problemOf(page, "#two-words", [page])).toMatch(/has no heading/);
    expect(problemOf(page, "nowhere.md", [page])).toMatch(/there is no docs\/guide\/nowhere\.md/);
    expect(problemOf(page, "../../../README.md", [page])).toMatch(/there is no/);
    expect(
      linksOf({ path: "a.md", text: "[x](b.md) ![y](c.png)\n```js\nf[0](d)\n```\n[z](https://example.org)" }),
    ).toEqual(["b.md", "c.png"]);
  });
});
