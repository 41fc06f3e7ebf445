// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the repository, with a slash at its end. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** Its path below the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  /** The line of its fence. */
  readonly line: number;
  /** The heading that it stands under, of the second level; empty above the first one. */
  readonly heading: string;
  readonly language: string;
  readonly code: string;
}

function pageAt(path: string): Page {
  return { path, text: readFileSync(root + path, "utf8") };
}

/** README.md, ARCHITECTURE.md, CONTRIBUTING.md, CHANGELOG.md and all pages below docs/. */
export function allPages(): Page[] {
  const below = readdirSync(`${root}docs`, { recursive: true, encoding: "utf8" }).map((path) =>
    path.replaceAll("\\", "/"),
  );
  const docs = below.filter((path) => path.endsWith(".md")).map((path) => `docs/${path}`);
  return ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", ...docs.sort()].map(pageAt);
}

/** Every fenced block of the pages, in their order. */
export function blocksOf(pages: readonly Page[]): Block[] {
  return pages.flatMap(({ path, text }) =>
    [...text.matchAll(/^```([\w-]*)[^\n]*\n(.*?)^```$/gms)].map(({ 1: language = "", 2: code = "", index }) => {
      const before = text.slice(0, index);
      const heading = /^## ([^\n]*)\n(?![\s\S]*^## )/m.exec(before)?.[1] ?? "";
      return { page: path, line: before.split("\n").length, heading, language, code };
    }),
  );
}
