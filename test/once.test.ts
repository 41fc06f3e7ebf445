// SPDX-License-Identifier: MIT

// Facts that several rooms use stand in one file, and the others import it.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { applicationIdentifiers, applicationProviders } from "../src/base/iso7816/index.ts";

const source = fileURLToPath(new URL("../src/", import.meta.url));

/** The files of the sources without their tests, and without comments. */
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  .map((path) => ({ path, code: withoutComments(readFileSync(source + path, "utf8")) }));

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

function placesOf(pattern: RegExp): string[] {
  return files.flatMap(({ code, path }) => [...code.matchAll(pattern)].map(([found]) => `${path}: ${found.trim()}`));
}

describe("application identifiers", () => {
  const providers = Object.values(applicationProviders);
  const beginnings = [...providers, ...Object.values(applicationIdentifiers).map((digits) => digits.slice(0, 10))];

  test.each([...new Set(beginnings)])("what begins with %s is in base/iso7816/application-identifiers.ts", (digits) => {
    const asBytes = (digits.match(/../g) ?? []).map((byte) => `0x${byte}`).join(",\\s*");
    const found = placesOf(new RegExp(`["\`][0-9A-F]*${digits}|${asBytes}`, "gi"));
    expect(found.filter((place) => !place.startsWith("base/iso7816/application-identifiers.ts"))).toEqual([]);
  });

  test("are found where they are", () => {
    expect(placesOf(/A000000308/g)).toEqual(["base/iso7816/application-identifiers.ts: A000000308"]);
    expect(files.length).toBeGreaterThan(500);
  });
});

test("numbers become hexadecimal digits in base/binary alone, where they have two, four or eight", () => {
  const allowed = [
    "base/binary/hex.ts",
    // A character that JSON escapes.
    "base/binary/quote.ts",
  ];
  const found = placesOf(/toString\(16\)(\.toUpperCase\(\))?\.padStart\((?:4|8),/g);
  expect(found.filter((place) => !allowed.some((path) => place.startsWith(path)))).toEqual([]);
});
