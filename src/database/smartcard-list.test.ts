// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkCardType } from "./card-type.ts";
import { Database } from "./database.ts";
import { MemoryStore } from "./memory-store.ts";
import { parseSmartCardList } from "./smartcard-list.ts";

function parse(...lines: readonly string[]) {
  return parseSmartCardList(new TextEncoder().encode(lines.join("\n")));
}

describe("a list of ATRs", () => {
  test("has entries of an ATR, a name and a description", () => {
    const list = parse(
      "# a comment",
      "",
      "3B 02 14 50",
      "\tSchlumberger Multiflex 3k",
      "",
      "3F 6.",
      "\tSome card  with\tblanks ",
      "\thttps://example.org/",
      "\tand more",
    );
    expect(list).toEqual({
      cardTypes: [
        { name: "Schlumberger Multiflex 3k", atrs: [{ atr: Uint8Array.of(0x3b, 0x02, 0x14, 0x50) }], description: "" },
        {
          name: "Some card with blanks",
          atrs: [{ atr: Uint8Array.of(0x3f, 0x60), mask: Uint8Array.of(0xff, 0xf0) }],
          description: "https://example.org/\nand more",
        },
      ],
      expressions: 2,
      problems: [],
    });
  });

  test("may end its lines with CR LF", () => {
    expect(parse("3B 00\r", "\tOne\r", "\r", "3B 01\r", "\tTwo\r").cardTypes.map(({ name }) => name)).toEqual([
      "One",
      "Two",
    ]);
  });

  test("names one type in several entries, which has all their ATRs once", () => {
    const list = parse("3B 00", "\tCard", "\tsame", "3B 0[01]", "\tCARD", "\tsame", "3B 00", "\tcard", "\tsame");
    expect(list.cardTypes).toEqual([
      {
        name: "Card",
        atrs: [{ atr: Uint8Array.of(0x3b, 0x00) }, { atr: Uint8Array.of(0x3b, 0x00), mask: Uint8Array.of(0xff, 0xfe) }],
        description: "same",
      },
    ]);
    expect(list.expressions).toBe(3);
  });

  test("says of a card what stands under its own expressions, and nothing of others with the same name", () => {
    const list = parse(
      ...["3B 02 15 40", "\tMasterCard (Bank)", "3B 02 15 41", "\tMasterCard (Bank)", "\thttp://nickel.com"],
      ...["3B 02 15 4.", "\tMasterCard (bank)", "\tany of them", "3B 02 15 41", "\tMasterCard (Bank)", "\tcontactless"],
    );
    expect(list.cardTypes).toHaveLength(1);
    const database = new Database(new MemoryStore());
    database.cardTypes.introduceAll(list.cardTypes);
    const told = (last: number) =>
      database.cardTypes.find({ atr: Uint8Array.of(0x3b, 0x02, 0x15, last) }).map(({ description }) => description);
    expect(told(0x40)).toEqual(["any of them"]);
    expect(told(0x41)).toEqual(["http://nickel.com\ncontactless\nany of them"]);
    expect(told(0x42)).toEqual(["any of them"]);
    expect(database.cardTypes.get("MasterCard (Bank)").description).toBe("");
  });

  test("tells the lines that it had to leave out", () => {
    const list = parse(
      "\torphan",
      "3B 0G",
      "\tleft out with it",
      "3B 01",
      "3B 02",
      "\tTwo",
      "3B (02",
      "\t",
      "3B 03",
      "\t ",
    );
    expect(list.cardTypes.map(({ name }) => name)).toEqual(["Two"]);
    expect(list.problems).toEqual([
      { line: 1, message: "a description without an ATR above it" },
      { line: 2, message: '"G" is not understood here (character 5)' },
      { line: 4, message: "an ATR without a name under it" },
      { line: 7, message: "a group that does not end (character 4)" },
      { line: 9, message: "an ATR without a name under it" },
    ]);
  });

  test("gives names that a database takes, however long and strange", () => {
    const long = `${"💳".repeat(200)}`;
    const list = parse("3B 00", `\t${long}`, "3B 01", "\ta\u0000b\u001b[31mc\u0085d");
    expect(list.cardTypes[0]?.name).toMatch(/^💳{127}…$/u);
    expect(list.cardTypes[0]?.description).toBe(long);
    expect(list.cardTypes[1]?.name).toBe("a b [31mc d");
    for (const type of list.cardTypes) expect(() => checkCardType(type)).not.toThrow();
  });

  test("may be of any bytes: what comes out, a database takes", () => {
    const line = fc.constantFrom(
      "3B 00",
      "3B ..",
      "3B .*",
      "3B 0[1-9] 0.",
      "\tname",
      "\t\ud800",
      "\tb\0",
      "",
      "#",
      "\t",
      "x",
      "\r",
    );
    const lines = fc.array(line, { maxLength: 20 }).map((all) => new TextEncoder().encode(all.join("\n")));
    fc.assert(
      fc.property(fc.oneof(lines, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const list = parseSmartCardList(bytes);
        for (const type of list.cardTypes) expect(checkCardType(type).atrs.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
    const latin1 = Uint8Array.from([..."3B 00\n\tCaf\u00e9"].map((character) => character.charCodeAt(0)));
    expect(parseSmartCardList(latin1).cardTypes[0]?.name).toBe("Caf\u{fffd}");
  });
});
