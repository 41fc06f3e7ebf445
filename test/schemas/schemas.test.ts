// SPDX-License-Identifier: MIT

// The JSON Schemas of the package: they are what the shapes say, an independent validator agrees with our parsers on
// everything that a schema can say, and an editor completes with them.

import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { getLanguageService, TextDocument } from "vscode-json-languageservice";
import { daemonConfig } from "../../src/apps/daemon/config-shape.ts";
import { parseConfig } from "../../src/apps/daemon/parse-config.ts";
import { type JsonProblem, schemaOf } from "../../src/base/json/index.ts";
import { cardDescription, newCard, parseCard } from "../../src/cards/descriptions/index.ts";
import { cardImage, parseCardImage } from "../../src/cards/file-system/parse-card-image.ts";
import { demoCard, demoCardImage } from "../../src/entry/cards.ts";
import { surroundings } from "../../src/entry/software.ts";
import { seededRandom } from "../../src/testing/runtime/index.ts";
import { fullConfig } from "../fuzz/targets/full-config.ts";
import { richCard } from "../fuzz/targets/rich-card.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const exampleOf = (page: string): unknown => JSON.parse(/^```json\n(.*?)^```$/ms.exec(read(page))?.[1] ?? "");

interface Document {
  readonly name: string;
  readonly schema: object;
  readonly problems: (json: unknown) => readonly JsonProblem[];
  readonly examples: readonly unknown[];
  /** The rules that no JSON Schema can say, by their messages. */
  readonly beyond: RegExp;
  /** Documents that break only such rules. */
  readonly wrongBeyond: readonly unknown[];
}

const documents: readonly Document[] = [
  {
    name: "card-image",
    schema: schemaOf(cardImage),
    problems(json) {
      const parsed = parseCardImage(json);
      return parsed.ok ? [] : parsed.error;
    },
    examples: [
      richCard,
      demoCardImage,
      demoCard(seededRandom(1)).toImage(),
      exampleOf("docs/guide/software-cards.md"),
      { $schema: "./card-image.schema.json", name: "least" },
    ],
    // References to other parts of the card; sums; members that another member decides; bytes in UTF-8; the tables of ISO/IEC 7816.
    beyond:
      /^is (?:no (?:PIN|key) of this card|taken by|that of a sibling|the name of another DF|nested more than|one file too many|shorter than|less than|reserved by|no (?:ATR|BER-TLV tag)|missing: write a whole number)|^makes the card larger|^has \d+ bytes|^should be a whole number from 0 to/,
    wrongBeyond: [
      { name: "a", files: [{ type: "transparent", id: "0001" }] },
      { name: "a", files: [{ type: "transparent", id: "3F00", content: "00" }] },
      { name: "a", files: [2, 2].map((sfi) => ({ type: "transparent", id: "0001", sfi, content: "00" })) },
      { name: "a", pins: [{ reference: 1, value: "00", tries: 2, triesLeft: 3 }] },
      { name: "a", pins: [{ reference: 1, value: { text: "€".repeat(64) } }] },
      { name: "a", keys: [{ reference: 1, algorithm: "aes", use: "internal", value: "00" }] },
      { name: "a", access: { createEf: { pin: 1 } } },
      { name: "a", access: { createEf: { all: [{ all: [{ all: [{ all: ["never"] }] }] }] } } },
      { name: "a", objects: [{ tag: "00", value: "" }] },
      { name: "a", atr: "4B00" },
    ],
  },
  {
    name: "card",
    schema: schemaOf(cardDescription),
    problems(json) {
      const parsed = parseCard(json);
      return parsed.ok ? [] : parsed.error;
    },
    examples: [
      richCard,
      { kind: "openpgp", version: 1, keep: "file", reader: "Desk", applications: { openpgp: {} } },
      { kind: "gids", applications: { gids: { pin: { value: { text: "123456" } } } } },
      await newCard("yubikey", surroundings(), { keep: "file" }),
      { $schema: "./card.schema.json", kind: "filesystem", name: "least" },
    ],
    beyond:
      /^is (?:no (?:PIN|key) of this card|taken by|that of a sibling|the name of another DF|nested more than|one file too many|shorter than|less than|reserved by|no (?:ATR|BER-TLV tag)|missing: (?:write a whole number|"scard card new))|^makes the card larger|^has (?:\d+ bytes|a number above|an FF)|^should be a whole number from 0 to|^is not a|^are no algorithm|^stands here twice|^has factors/,
    wrongBeyond: [
      { kind: "piv", applications: {} },
      { kind: "openpgp", token: { firmware: "300.1.1", serialNumber: 1 }, applications: { openpgp: {} } },
      { name: "a", atr: "4B00" },
    ],
  },
  {
    name: "daemon",
    schema: schemaOf(daemonConfig),
    problems(json) {
      const parsed = parseConfig(json, "/");
      return parsed.ok ? [] : parsed.error;
    },
    examples: [
      fullConfig,
      { readers: fullConfig.readers },
      exampleOf("docs/guide/daemon.md"),
      { $schema: "./daemon.schema.json" },
      {},
    ],
    // What other readers have; the accounts of this machine; the length of a path with its number; the names of readers.
    beyond:
      /^(?:leads to|is that of another reader|gives a slot the name|is no (?:user|group)|has \d+ bytes|begins or ends|has control|is \\\\|has half)|^should be a whole number from 1 to 65/,
    wrongBeyond: [
      { readers: [{ type: "vpcd" }, { type: "vpcd" }] },
      { readers: ["A", "a"].map((name) => ({ type: "virtual", name })) },
      { readers: [{ type: "virtual", name: " A" }] },
      { readers: [{ type: "vpcd", port: 65_535, slots: 2 }] },
      { socket: { path: `/${"x".repeat(200)}` } },
      { socket: { group: "no such group" } },
    ],
  },
];

const members = [
  "name",
  "type",
  "$schema",
  "files",
  "access",
  "read",
  "reference",
  "port",
  "path",
  "uid",
  "level",
  "extra",
];
const scalars = [
  null,
  true,
  0,
  1,
  -1,
  1.5,
  31,
  32,
  300,
  1e300,
  "",
  "demo",
  "always",
  "3F00",
  "0x 3F:00",
  "3",
  "/x",
  "0660",
  "df",
  "vpcd",
  "🂡",
];
/** Values of every kind at any place, and those that an example has elsewhere. */
const valuesWith = (others: readonly unknown[]) =>
  fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(...scalars, ...others),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...members), tie("any"), { maxKeys: 3 }),
    ),
  })).any;

const partsOf = (json: unknown): unknown[] =>
  typeof json === "object" && json !== null ? [json, ...Object.values(json).flatMap(partsOf)] : [json];

/** The documents that differ from an example in one place: a member or element is another value, gone, or twice there. */
function changed(json: unknown, path: readonly number[], by: unknown, how: "doubled" | "gone" | "other"): unknown {
  if (typeof json !== "object" || json === null || path.length === 0) return by;
  const [first = 0, ...rest] = path;
  const entries = Object.entries(json);
  const at = first % (entries.length + 1);
  const [key = "extra", inner] = entries[at] ?? [];
  const result = changed(inner, rest, by, how);
  const isHere = rest.length === 0 || typeof inner !== "object" || inner === null;
  if (Array.isArray(json)) {
    const put = isHere && how === "gone" ? [] : isHere && how === "doubled" ? [inner, inner] : [result];
    return json.toSpliced(at, 1, ...put);
  }
  if (isHere && how === "gone") return Object.fromEntries(entries.filter(([name]) => name !== key));
  return { ...json, [isHere && how === "doubled" ? "extra" : key]: result };
}

describe.each(documents)("$name", ({ beyond, examples, name, problems, schema, wrongBeyond }) => {
  const validate = new Ajv({ allErrors: true, strictTypes: false }).compile(schema);
  const file = `schemas/${name}.schema.json`;

  test("the file in the package is what the shape says", () => {
    expect(`${file}: ${read(file)}`, "run scripts/build.js and scripts/schemas.js").toBe(
      `${file}: ${JSON.stringify(schema, null, 2)}\n`,
    );
  });

  test("our own examples are valid for both", () => {
    for (const example of examples) {
      const json: unknown = JSON.parse(JSON.stringify(example));
      expect([validate(json), validate.errors, problems(json)]).toEqual([true, null, []]);
    }
  });

  test("rules that no schema can say are ours alone", () => {
    for (const json of wrongBeyond) {
      expect([validate(json), validate.errors, problems(json).length > 0]).toEqual([true, null, true]);
      expect(problems(json).filter(({ message }) => !beyond.test(message))).toEqual([]);
    }
  });

  test("property: both agree, but for rules that no schema can say", () => {
    const seen = { good: 0, refused: 0 };
    const value = valuesWith(examples.flatMap(partsOf));
    const change = fc.record({
      path: fc.array(fc.nat(40), { minLength: 1, maxLength: 7 }),
      by: value,
      how: fc.constantFrom("doubled", "gone", "other"),
    });
    const document = fc
      .tuple(fc.constantFrom(...examples), fc.array(change, { maxLength: 2 }))
      .map(([example, changes]) => changes.reduce((json, { by, how, path }) => changed(json, path, by, how), example));
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: document }, { weight: 1, arbitrary: value }), (made) => {
        const json: unknown = JSON.parse(JSON.stringify(made));
        const isValid = validate(json);
        const found = problems(json);
        if (found.length === 0) {
          seen.good++;
          expect([isValid, validate.errors]).toEqual([true, null]);
        } else {
          if (isValid) expect(found.filter(({ message }) => !beyond.test(message))).toEqual([]);
          else seen.refused++;
        }
      }),
      { numRuns: 3000 },
    );
    for (const count of Object.values(seen)) expect(count, JSON.stringify(seen)).toBeGreaterThan(100);
  });
});

test("property: no problem of a card image repeats a value, wherever a PIN or a key may be", () => {
  const secrets = ["4711SECRET", 47_114_711, "47114711", { text: "47114711", more: 1 }, ["47114711"], "0x4711471"];
  const path = fc.array(fc.nat(40), { minLength: 1, maxLength: 7 });
  let told = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(path, fc.constantFrom(...secrets)), { minLength: 1, maxLength: 4 }), (changes) => {
      const json = changes.reduce((made: unknown, [at, by]) => changed(made, at, by, "other"), richCard);
      const parsed = parseCardImage(json);
      const messages = parsed.ok ? [] : parsed.error.map(({ message, path: place }) => `${place}: ${message}`);
      told += messages.length;
      expect(messages.filter((message) => message.includes("4711"))).toEqual([]);
    }),
    { numRuns: 1000 },
  );
  expect(told).toBeGreaterThan(300);
});

describe("an editor", () => {
  const complete = async (name: string, text: string): Promise<string[]> => {
    const service = getLanguageService({
      schemaRequestService: (path) => Promise.resolve(read(`schemas/${path.split("/").at(-1)}`)),
    });
    const marked = text.replace("{", `{ "$schema": "file:///schemas/${name}.schema.json", `);
    const document = TextDocument.create("file:///document.json", "json", 1, marked.replace("|", ""));
    const at = document.positionAt(marked.indexOf("|"));
    const found = await service.doComplete(document, at, service.parseJSONDocument(document));
    return found?.items.map(({ label }) => label) ?? [];
  };

  test.each([
    ["daemon", "{ | }", ["readers", "profile", "semantics", "limits", "access", "log"]],
    ["daemon", '{ "log": { "level": | } }', ['"debug"', '"silent"']],
    ["daemon", '{ "readers": [{ "type": "vpcd", | }] }', ["port", "path", "slots", "access"]],
    ["daemon", '{ "semantics": { | } }', ["powerOffMs", "resetOnExit"]],
    ["card-image", '{ "files": [{ "type": "df", "files": [{ "type": | }] }] }', ['"transparent"', '"cyclic"']],
    ["card-image", '{ "files": [{ "type": "cyclic", | }] }', ["recordSize", "maxRecords", "access"]],
    ["card-image", '{ "keys": [{ "use": "mutual", | }] }', ["mac", "algorithm", "tries"]],
    ["card-image", '{ "access": { "createEf": | } }', ['"always"', '"never"']],
  ])("completes %s: %s", async (name, text, expected) => {
    expect(await complete(name, text)).toEqual(expect.arrayContaining(expected));
  });
});
