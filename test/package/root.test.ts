// SPDX-License-Identifier: MIT

// The package's root is what most programs load: what it loads is counted, and what it offers works.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import * as scard from "../../src/entry/root.ts";

const source = new URL("../../src/", import.meta.url);

/** The source files that are loaded with one, itself included; `import type` and what is imported later are not. */
function loadedWith(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const text = readFileSync(new URL(path, source), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm);
  for (const [statement, specifier = ""] of statements) {
    const names =
      /\{([^}]*)\}/
        .exec(statement)?.[1]
        ?.split(",")
        .map((name) => name.trim()) ?? [];
    const isOfTypes = names.length > 0 && names.every((name) => name === "" || name.startsWith("type "));
    if (!isOfTypes && specifier.startsWith(".")) loadedWith(join(path, "..", specifier), seen);
  }
  return seen;
}

describe("the root entry", () => {
  test("loads no service, no server, no database, and nothing native", () => {
    const files = [...loadedWith("entry/root.ts")];
    const rooms = new Set(files.map((file) => dirname(file)));
    expect([...rooms].sort()).toEqual([
      "base/binary",
      "base/iso7816",
      "base/json",
      // The words for kinds of cards. The cards themselves are loaded when one is made.
      "cards/descriptions",
      "cards/file-system",
      "cards/software-card",
      "entry",
      "managers/embedded",
      "platform/node/runtime",
      "port",
      "readers/transmission",
      "readers/virtual",
    ]);
    expect(files.filter((file) => file.startsWith("entry/")).sort()).toEqual([
      "entry/card-crypto.ts",
      "entry/root.ts",
      "entry/software.ts",
    ]);
    expect(files.length).toBeLessThan(190);
    // The count is one of files that are really loaded.
    expect(loadedWith("entry/machine.ts").size).toBeGreaterThan(files.length);
  });

  test("has what a first program needs", async () => {
    const manager = scard.embeddedManager();
    const reader = scard.virtualReader({ name: "Desk" });
    reader.insert(await scard.softwareCard("demo"));
    await manager.addReader(reader);
    const kinds: string[] = [];
    for await (const event of scard.watchReaders({ establishContext: () => manager.establishContext() })) {
      kinds.push(event.kind);
      if (event.kind === "card-inserted") break;
    }
    expect(kinds[0]).toBe("reader-arrived");
    const context = await manager.establishContext();
    const card = await context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] });
    const { sw } = await card.transaction(() => card.send(scard.decodeHex("00A4000C023F00")));
    expect(sw).toBe(0x9000);
    await manager.close();
  });

  test("opens managers by their description", async () => {
    const opened = await scard.openManager("embedded:virtual+demo");
    expect(opened.kind).toBe("embedded");
    await opened.close();
  });

  test("refuses a value that is not a manager", () => {
    for (const wrong of [undefined, null, {}, "pcscd"])
      expect(() => scard.watchReaders(wrong as never)).toThrow(scard.SmartCardError);
  });
});
