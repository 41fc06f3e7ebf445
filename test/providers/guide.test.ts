// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { clsids, iids } from "../../src/faces/providers/index.ts";
import { allPages, blocksOf } from "../documentation/pages.ts";

/** Every interface of the documentation, and the two pages that it explains the whole with. */
const documented = [
  "IByteBuffer",
  "ISCard",
  "ISCardAuth",
  "ISCardCmd",
  "ISCardDatabase",
  "ISCardFileAccess",
  "ISCardISO7816",
  "ISCardLocate",
  "ISCardManage",
  "ISCardTypeConv",
  "ISCardVerify",
];

// test/examples.test.ts compiles and runs the examples, and compares what they print with the page.
describe("the guide to the service providers", () => {
  const pages = allPages().filter(({ path }) => path.startsWith("docs/guide/providers"));
  const blocks = blocksOf(pages).filter(({ page }) => page !== "docs/guide/providers.md");

  it("has an example for each interface, with the calls of the documentation beside it", () => {
    for (const name of documented) {
      const languages = blocks.filter(({ heading }) => heading === name).map(({ language }) => language);
      expect([name, languages]).toEqual([name, expect.arrayContaining(["cpp", "ts", "text"])]);
    }
    for (const name of ["building-a-command", "vendor-provider"]) {
      expect(blocks.some(({ language, page }) => language === "ts" && page.endsWith(`/${name}.md`))).toBe(true);
    }
    const silent = blocks.filter(({ language }, index) => language === "ts" && blocks[index + 1]?.language !== "text");
    expect(silent).toEqual([]);
  });

  it("tells the GUIDs of every interface that has any", () => {
    const overview = pages.find(({ path }) => path === "docs/guide/providers.md")?.text ?? "";
    for (const [name, iid] of Object.entries(iids)) expect(overview).toMatch(new RegExp(`${name}\\b.*${escaped(iid)}`));
    for (const [name, clsid] of Object.entries(clsids))
      expect(overview).toMatch(new RegExp(`\`${name}\`.*${escaped(clsid)}`));
    for (const name of documented) expect(overview).toContain(`| ${name} |`);
  });
});

function escaped(guid: string): string {
  return guid.replaceAll(/[{}]/g, "\\$&");
}
