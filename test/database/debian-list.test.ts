// SPDX-License-Identifier: MIT

// The list of ATRs that Debian's pcsc-tools brings, read, imported, and compared line by line with what its own program
// does: a regular expression, tried on the text of an ATR.

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { Database, foldName, MemoryStore, parseAtrExpression, parseSmartCardList } from "../../src/database/index.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";

const debianList: PeerProgram = {
  name: "/usr/share/pcsc/smartcard_list.txt",
  remedy: "scripts/setup-peers.sh installs pcsc-tools, which has it, on Debian.",
  probe: () => undefined,
};

describePeer(debianList, (path) => {
  const { cardTypes } = new Database(new MemoryStore());
  let list: ReturnType<typeof parseSmartCardList>;
  /** Each expression, and the first line under it. */
  let entries: { expression: string; name: string }[];

  beforeAll(() => {
    const bytes = readFileSync(path);
    const matches = bytes.toString("utf8").matchAll(/^([^#\t\n].*)\n\t(.*)$/gm);
    entries = [...matches].map(([, expression = "", name = ""]) => ({
      expression: expression.trim(),
      name: foldName(name.replace(/\s+/g, " ").trim()),
    }));
    list = parseSmartCardList(bytes);
    cardTypes.introduceAll(list.cardTypes);
  });

  test("is understood, every line of it", () => {
    expect(list.problems).toEqual([]);
    expect(list.expressions).toBe(entries.length);
    expect(entries.length).toBeGreaterThan(3000);
  });

  test.each([
    ["YubiKey 5 NFC", "3B 8D 80 01 80 73 C0 21 C0 57 59 75 62 69 4B 65 79 F9", /^Yubikey 5 NFC/],
    ["Estonian eID", "3B DB 96 00 80 B1 FE 45 1F 83 45 53 54 4F 4E 49 41 2D 65 49 44 55", /^Estonian Identity Card/],
    ["MIFARE Classic 1K", "3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 01 00 00 00 00 6A", /MIFARE Classic 1K/],
  ])("names a %s first", (_, atr, name) => {
    expect(cardTypes.find({ atr: hexBytes(atr) })[0]?.name).toMatch(name);
  });

  test("names the cards that its regular expressions match, and no others", () => {
    const compiled = entries.map(({ expression, name }) => ({ name, pattern: new RegExp(`^${expression}$`, "i") }));
    // Of some expressions an ATR that it matches, and its neighbours: a few of them match another, most of them none.
    const chosen = entries.filter(({ expression }, index) => index % 20 === 0 || /[[*]|\w\./.test(expression));
    const atrs = chosen.flatMap(({ expression }) => {
      const parsed = parseAtrExpression(expression);
      const [pattern] = parsed.ok ? parsed.value : [];
      return pattern === undefined ? [] : [pattern.atr, pattern.atr.with(-1, 0x5a), pattern.atr.subarray(0, -1)];
    });
    const counts = { named: 0, unnamed: 0 };
    for (const atr of atrs) {
      const text = encodeHex(atr, " ");
      const expected = new Set(compiled.filter(({ pattern }) => pattern.test(text)).map(({ name }) => name));
      const names = new Set(cardTypes.find({ atr }).map(({ name }) => foldName(name)));
      expect({ text, names }).toEqual({ text, names: expected });
      counts[names.size > 0 ? "named" : "unnamed"]++;
    }
    expect(counts.named).toBeGreaterThan(200);
    expect(counts.unnamed).toBeGreaterThan(200);
  });
});
