// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import * as is from "./index.ts";

/** The problems of a document, as they are printed. */
function problems(shape: is.AnyShape, json: unknown): string[] {
  return is.problemsIn(shape, json).map(({ message, path }) => `${path}: ${message}`);
}

const pin = is.object({
  reference: is.whole(1, 31, "P2 of VERIFY."),
  value: is.bytes(1, 8),
  tries: is.whole(1, 15).optional(3),
  label: is.text(16).optional(),
});
const card = is.object({ ...is.schemaMember, pins: is.list(pin, 2).optional([]), open: is.truth.optional() });

// The types are inferred from the shapes: these lines do not compile otherwise.
const written: is.JsonOf<typeof card> = { $schema: "x", pins: [{ reference: 1, value: { text: "12" } }] };
const read: is.ValueOf<typeof pin> = { reference: 1, value: Uint8Array.of(1), tries: 3 };

describe("a document", () => {
  test("is read, with what it leaves out", () => {
    expect(is.parseShape(card, written)).toEqual({
      ok: true,
      value: { $schema: "x", pins: [{ reference: 1, value: Uint8Array.of(0x31, 0x32), tries: read.tries }] },
    });
    expect(is.parseShape(card, {})).toEqual({ ok: true, value: { pins: [] } });
  });

  test("has all its problems told at once, with places and remedies, and without values", () => {
    const json = { pins: [{ reference: 271_828, value: "271828X", tries: "271828" }, { extra: 1 }], open: "271828" };
    expect(problems(card, json)).toEqual([
      "$.pins[0].reference: should be a whole number from 1 to 31",
      '$.pins[0].value: not a hexadecimal digit at position 7: write hexadecimal digits, or { "text": "…" } for text',
      "$.pins[0].tries: should be a whole number from 1 to 15",
      "$.pins[1].extra: is not known here: use reference, value, tries, label, or remove it",
      "$.pins[1].reference: is missing: write a whole number from 1 to 31",
      '$.pins[1].value: is missing: write hexadecimal text such as "3F00", or { "text": "…" }',
      "$.open: should be true or false",
    ]);
    expect(problems(card, { pins: [1, 2, 3] })).toEqual(["$.pins: has 3 elements; keep it to 2"]);
    expect(problems(card, [])).toEqual(["$: should be an object with pins, open"]);
  });

  test("cannot have members of the prototype", () => {
    expect(problems(is.object({ toString: is.text(9) }), {})).toEqual([
      "$.toString: is missing: write text of 1 to 9 characters",
    ]);
    expect(problems(card, JSON.parse('{"__proto__": 1}'))).toEqual([
      '$["__proto__"]: is not known here: use pins, open, or remove it',
    ]);
  });
});

describe("a rule", () => {
  const size = is.object({ least: is.whole(0, 9), most: is.whole(0, 9) }).check(({ least, most }, place) => {
    if (least !== undefined && most !== undefined && least > most) place.at("most").problem("is less than least");
  });

  test("does not repeat a name that may be a PIN or a key", () => {
    for (const secret of ["86427531", "404142434445464748494A4B4C4D4E4F", "4711"]) {
      expect(problems(pin, { reference: 1, value: "31", [secret]: "value" })).toEqual([
        "$[withheld]: is not known here: use reference, value, tries, label, or remove it",
      ]);
    }
  });

  test("is applied to what could be read", () => {
    expect(problems(size, { least: 3, most: 2, extra: 1 })).toEqual([
      "$.extra: is not known here: use least, most, or remove it",
      "$.most: is less than least",
    ]);
    expect(problems(size, { least: 3, most: "x" })).toEqual(["$.most: should be a whole number from 0 to 9"]);
    expect(problems(size, 3)).toEqual(["$: should be an object with least, most"]);
  });

  test("of the whole document sees the values that were kept", () => {
    const used: is.JsonNote<number> = {};
    const shape = is
      .object({
        known: is.list(is.whole(0, 9), 9),
        uses: is.list(
          is.whole(0, 9).check((one, at) => at.note(used, one)),
          9,
        ),
      })
      .check(({ known = [] }, place) => {
        for (const note of place.notes(used)) if (!known.includes(note.value)) note.place.problem("is not known");
      });
    expect(problems(shape, { known: [1, 2], uses: [2, 3, "x"] })).toEqual([
      "$.uses[2]: should be a whole number from 0 to 9",
      "$.uses[1]: is not known",
    ]);
  });

  test("can ask whether a place is sound", () => {
    const shape = is.list(is.whole(0, 9), 20).check((_, place) => {
      const sound = [1, 10].map((index) => place.at(index).isSound);
      place.problem(JSON.stringify(sound));
    });
    expect(problems(shape, [0, "x", ...Array(9).fill(0)])[1]).toBe("$: [false,true]");
    expect(problems(shape, [0, 0, ...Array(8).fill(0), "x"])[1]).toBe("$: [true,false]");
  });

  test("turns only what is right into another value", () => {
    const even = is.whole(0, 9).as((value, place) => (value % 2 === 0 ? value / 2 : place.problem("should be even")));
    expect(is.parseShape(is.list(even, 9), [2, 4])).toEqual({ ok: true, value: [1, 2] });
    expect(problems(is.list(even, 9), [1, "x"])).toEqual([
      "$[0]: should be even",
      "$[1]: should be a whole number from 0 to 9",
    ]);
    const sum = is.list(is.whole(0, 9), 9).as((all) => all.reduce((one, other) => one + other));
    expect(problems(sum, ["x"])).toEqual(["$[0]: should be a whole number from 0 to 9"]);
  });
});

describe("a choice", () => {
  const tagged = is.byTag("type", {
    a: is.object({ type: is.words("a"), x: is.truth }),
    b: is.object({ type: is.words("b") }, { misplaced: { x: "belongs to a" } }),
  });
  const size = is.byType("a number, or an object", {
    number: is.whole(0, 9),
    object: is.object({ most: is.whole(0, 9) }),
  });
  const one = is.byMember("one of x, y", { x: is.object({ x: is.truth }), y: is.object({ y: is.truth }) });
  const either = is.withMember("x", is.object({ x: is.truth }), is.object({ y: is.truth.optional() }));

  test.each([
    [tagged, { type: "a", x: true }, []],
    [tagged, { type: "c", x: 5 }, ['$.type: should be one of "a", "b"']],
    [tagged, 5, ['$.type: is missing: write one of "a", "b"']],
    [tagged, { type: "b", x: true }, ["$.x: belongs to a"]],
    [tagged, JSON.parse('{"type":"toString"}'), ['$.type: should be one of "a", "b"']],
    [size, 5, []],
    [size, { most: 10 }, ["$.most: should be a whole number from 0 to 9"]],
    [size, null, ["$: should be a number, or an object"]],
    [size, [], ["$: should be a number, or an object"]],
    [size, "5", ["$: should be a number, or an object"]],
    [one, { y: true }, []],
    [one, { x: true, y: true }, ["$: should be one of x, y"]],
    [one, {}, ["$: should be one of x, y"]],
    [either, { x: true }, []],
    [either, { x: true, y: true }, ["$.y: is not known here: use x, or remove it"]],
    [either, { z: true }, ["$.z: is not known here: use y, or remove it"]],
    [is.whole(1, 2).orNull(), null, []],
    [is.whole(1, 2).orNull(), 3, ["$: should be a whole number from 1 to 2"]],
    [is.object({}, { ignored: true }), { more: 1 }, []],
  ])("%#", (shape: is.AnyShape, json, expected) => {
    expect(problems(shape, json)).toEqual(expected);
  });
});

describe("values", () => {
  test.each([
    [is.whole(0, 9), [0, 9, -0], [-1, 10, 0.5, "1", null, Number.NaN, true]],
    [is.milliseconds, [0, 0.5, 1e9], [-1, "1", Number.POSITIVE_INFINITY, Number.NaN]],
    [is.truth, [true, false], [0, "true", null]],
    [is.anyText, ["", "x"], [0, null, []]],
    [is.text(2), ["x", "xx"], ["", "xxx", 1]],
    [is.textLike(/^a+$/, "a's"), ["a", "aa"], ["", "ab", 1]],
    [is.words("a", "b"), ["a", "b"], ["", "c", 1, ["a"]]],
    [is.hexadecimal(1, 2), ["3F", "0x3f00", " 3F:00 "], ["", "3", "3F00 01", "3 F", { text: "x" }, 1]],
    [is.bytes(2, 2), ["3F00", { text: "é" }], ["3F", { text: "x" }, { text: 1 }, {}, null]],
    [is.anything, [0, null, {}], [undefined]],
  ])("%#", (shape: is.AnyShape, good, bad) => {
    for (const value of good) expect([value, problems(shape, value)]).toEqual([value, []]);
    for (const value of bad) expect([value, problems(shape, value).length]).toEqual([value, 1]);
  });
});

describe("a shape that contains itself", () => {
  interface Tree {
    readonly trees: readonly Tree[];
  }
  const tree: is.Shape<Tree> = is.nested("tree", () => is.object({ trees: is.list(tree, 2) }), 2, "trees");

  test("is read down to its last level", () => {
    expect(problems(tree, { trees: [{ trees: [] }, { trees: [] }] })).toEqual([]);
    expect(problems(tree, { trees: [{ trees: [{ trees: [] }] }] })).toEqual([
      "$.trees[0].trees[0]: is nested more than 2 trees deep",
    ]);
    // Again, as the levels of the document before do not count.
    expect(problems(tree, { trees: [{ trees: [] }] })).toEqual([]);
  });

  test("stands once in the schema", () => {
    expect(is.schemaOf(tree)).toEqual({
      $schema: "http://json-schema.org/draft-07/schema#",
      $ref: "#/definitions/tree",
      definitions: {
        tree: {
          type: "object",
          properties: { trees: { type: "array", items: { $ref: "#/definitions/tree" }, maxItems: 2 } },
          required: ["trees"],
          additionalProperties: false,
        },
      },
    });
  });
});

test("a schema has descriptions, defaults, and what is required", () => {
  expect(is.schemaOf(pin)).toMatchObject({
    properties: {
      reference: { description: "P2 of VERIFY.", type: "integer", minimum: 1, maximum: 31 },
      tries: { default: 3 },
      label: { type: "string", minLength: 1, maxLength: 16 },
    },
    required: ["reference", "value"],
  });
  expect(is.schemaOf(is.object({ a: is.truth.named("a").about("again") }))).toMatchObject({
    properties: { a: { description: "again", allOf: [{ $ref: "#/definitions/a" }] } },
    definitions: { a: { type: "boolean" } },
  });
});
