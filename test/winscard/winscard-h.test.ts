// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as published from "../../src/entry/winscard.ts";

/** The names in winscard.h, and what has become of those that are not here. */
interface Header {
  readonly functions: readonly { readonly name: string; readonly forms: readonly string[] }[];
  readonly constants: readonly string[];
  /** `name` is ours; `c` is C's where it is another one; `also` are pointers to it, and its forms for A and W. */
  readonly types: readonly { readonly name: string; readonly c?: string; readonly also: readonly string[] }[];
  readonly omissions: readonly {
    readonly names: readonly string[];
    readonly reason: string;
    /** What is here in their place. */
    readonly instead?: string;
  }[];
}

const header: Header = JSON.parse(readFileSync(new URL("winscard-h.json", import.meta.url), "utf8"));
const guide = readFileSync(new URL("../../docs/guide/winscard.md", import.meta.url), "utf8");
const entry = readFileSync(new URL("../../src/entry/winscard.ts", import.meta.url), "utf8");
const door = readFileSync(new URL("../../src/faces/winscard/index.ts", import.meta.url), "utf8");

const values: Readonly<Record<string, unknown>> = published;
const listed = [...door.matchAll(/\{([^}]*)\}/g)].flatMap(([, names = ""]) => names.match(/\w+(?=\s*(?:,|$))/g) ?? []);
/** What the room's door lists and is no value is a type; the entry passes all of it on. */
const typesHere = new Set(listed.filter((name) => !(name in values)));
const omitted = new Set(header.omissions.flatMap(({ names }) => names));

/** Every name of C, with the forms for A and W and the pointers. */
const allNames = [
  ...header.functions.flatMap(({ name, forms }) => [name, ...forms.map((form) => name + form)]),
  ...header.constants,
  ...header.types.flatMap(({ name, c = name, also }) => [c, ...also]),
  ...omitted,
];

describe("every name in winscard.h", () => {
  it("is listed once: 48 functions, 28 of them in two forms", () => {
    expect(new Set(allNames).size).toBe(
      allNames.length - header.functions.filter(({ name }) => omitted.has(name)).length,
    );
    expect(header.functions).toHaveLength(48);
    expect(header.functions.filter(({ forms }) => forms.length === 2)).toHaveLength(28);
  });

  it.each(header.functions)("$name is a function here, or omitted for a reason", ({ name }) => {
    expect([typeof values[name] === "function", omitted.has(name)].filter(Boolean)).toHaveLength(1);
  });

  it.each(header.constants)("%s is a value here", (name) => {
    expect(values[name]).toBeDefined();
  });

  it("the entry passes on all that the room's door lists", () => {
    expect(entry).toContain('export * from "../faces/winscard/index.ts";');
  });

  it.each(header.types)("$name is a type here", ({ name }) => {
    expect(typesHere).toContain(name);
  });

  it("what is omitted is not here, has a reason, and where there is something in its place that is here", () => {
    for (const { names, reason, instead } of header.omissions) {
      for (const name of names) expect([name, values[name], typesHere.has(name)]).toEqual([name, undefined, false]);
      expect(reason).toMatch(/\.$/);
      if (instead !== undefined) expect([instead, values[instead] !== undefined]).toEqual([instead, true]);
    }
  });

  it("every name here that looks like one of winscard.h is one", () => {
    const functions = Object.keys(values).filter(
      (name) => typeof values[name] === "function" && /^SCard[A-Z]/.test(name),
    );
    expect(allNames).toEqual(expect.arrayContaining(functions));
  });

  it("has its line in the guide", () => {
    const words = new Set(guide.match(/\w+/g));
    expect(allNames.filter((name) => !words.has(name))).toEqual([]);
  });
});
