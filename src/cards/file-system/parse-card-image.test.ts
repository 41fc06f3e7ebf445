// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { FileSystemCard } from "./file-system-card.ts";
import type { CardImage } from "./file-system-image.ts";
import { parseCardImage } from "./parse-card-image.ts";

function good(json: unknown): CardImage {
  const image = parseCardImage(json);
  if (!image.ok) throw new Error(JSON.stringify(image.error));
  return image.value;
}

function problems(json: unknown): string[] {
  const image = parseCardImage(json);
  return image.ok ? [] : image.error.map(({ path, message }) => `${path}: ${message}`);
}

const ef = { type: "transparent", id: "0001", content: "00" };

function withFiles(...files: unknown[]): unknown {
  return { name: "card", files };
}

describe("what is left out is filled in", () => {
  test("a card of a name only", () => {
    const image = good({ name: "bare" });
    expect(image).toMatchObject({ name: "bare", challengeBytes: 256, pins: [], masterFile: { id: 0x3f00, files: [] } });
    expect(image).toMatchObject({ keys: [], masterFile: { objects: [], lifeCycle: "activated" } });
    const atr = decodeAtr(image.atr);
    if (!atr.ok) throw new Error(atr.error.message);
    expect(atr.value).toMatchObject({ protocols: [0, 1], problems: [], t1: { ifsc: 254 } });
    expect(atr.value.historical).toMatchObject({
      serviceData: { selectByFullName: true, selectByPartialName: true, access: "read-binary", hasMasterFile: true },
      capabilities: { transport: { extendedLength: true, commandChaining: true, channels: 8 } },
    });
  });

  test.each([
    [["t0"], "3B 02 AB CD"],
    [["t1"], "3B 82 81 11 FE AB CD 8A"],
    [["t1", "t0"], "3B 82 80 11 FE AB CD 8B"],
  ])("an ATR from protocols %j", (protocols, expected) => {
    const image = good({ name: "card", atr: { protocols, historicalBytes: "ABCD" } });
    expect(encodeHex(image.atr, " ")).toBe(expected);
  });

  test("an ATR as it is", () => {
    expect(encodeHex(good({ name: "card", atr: "3B 00" }).atr)).toBe("3B00");
  });

  test("a transparent file is filled up with zeros", () => {
    const image = good(withFiles({ ...ef, content: "AA", size: 3 }, { type: "transparent", id: "0002", size: 1 }));
    expect(image.masterFile.files).toMatchObject([
      {
        content: Uint8Array.of(0xaa, 0, 0),
        sfi: undefined,
        lifeCycle: "activated",
        access: { kind: "own", conditions: { read: "always" } },
      },
      { content: Uint8Array.of(0) },
    ]);
  });

  test("a record file takes its sizes from its records, and append from update", () => {
    const image = good(
      withFiles({ type: "linear-variable", id: "0001", records: ["AA", { text: "bc" }], access: { update: "always" } }),
    );
    expect(image.masterFile.files).toMatchObject([
      { recordSize: 2, maxRecords: 2, access: { conditions: { read: "always", update: "always", write: "always" } } },
    ]);
  });

  test("a PIN is padded with FF, and has three tries", () => {
    const image = good({ name: "card", pins: [{ reference: 1, value: { text: "12" }, padTo: 4 }] });
    expect(image.pins).toEqual([
      {
        reference: 1,
        value: Uint8Array.of(0x31, 0x32, 0xff, 0xff),
        fixedLength: true,
        tries: 3,
        triesLeft: 3,
        enabled: true,
        canDisable: false,
        resettingCode: undefined,
        reset: "never",
      },
    ]);
  });
});

describe("a problem names its place and what to write there", () => {
  test.each([
    [
      null,
      "$: should be an object with name, atr, challengeBytes, pins, keys, files, objects, access, lifeCycle, kind, version, keep, reader",
    ],
    [{}, "$.name: is missing: write text of 1 to 128 characters"],
    [
      { name: "card", colour: 1 },
      "$.colour: is not known here: use name, atr, challengeBytes, pins, keys, files, objects, access, lifeCycle, kind, version, keep, reader, or remove it",
    ],
    [
      { name: "card", "a b": 1 },
      '$["a b"]: is not known here: use name, atr, challengeBytes, pins, keys, files, objects, access, lifeCycle, kind, version, keep, reader, or remove it',
    ],
    [{ name: "card", challengeBytes: 0 }, "$.challengeBytes: should be a whole number from 1 to 65536"],
    [{ name: "card", files: {} }, "$.files: should be an array"],
    [{ name: "card", files: Array(257).fill(ef) }, "$.files: has 257 elements; keep it to 256"],
    [{ name: "card", atr: "4B00" }, "$.atr: is no ATR: TS is neither 3B nor 3F; leave it out for a good one"],
    [
      { name: "card", atr: "3" },
      '$.atr: an odd number of hexadecimal digits: the last byte has one digit only: write hexadecimal digits, or { "text": "…" } for text',
    ],
    [
      { name: "card", atr: { protocols: [] } },
      '$.atr.protocols: should hold "t0", "t1" or both; leave it out for both',
    ],
    [{ name: "card", atr: { protocols: ["t0", "t0"] } }, "$.atr.protocols: names a protocol twice"],
    [{ name: "card", atr: { protocols: ["t2"] } }, '$.atr.protocols[0]: should be one of "t0", "t1"'],
    [
      { name: "card", atr: { historicalBytes: "00".repeat(16) } },
      "$.atr.historicalBytes: has 16 bytes; it takes 0 to 15",
    ],
    [{ name: "card", pins: [{ reference: 32, value: "00" }] }, "$.pins[0].reference: should be 1 to 31, or 129 to 159"],
    [
      { name: "card", pins: [{ reference: 1, value: "00", tries: 2, triesLeft: 3 }] },
      "$.pins[0].triesLeft: should be a whole number from 0 to 2",
    ],
    [
      { name: "card", pins: [{ reference: 1, value: "0000", padTo: 1 }] },
      "$.pins[0].padTo: is shorter than the value: make it as long at least",
    ],
    [
      {
        name: "card",
        pins: [
          { reference: 1, value: "00" },
          { reference: 1, value: "00" },
        ],
      },
      "$.pins[1].reference: is taken by another PIN: give each its own",
    ],
    [
      withFiles({ id: "0001" }),
      '$.files[0].type: is missing: write one of "df", "transparent", "linear-fixed", "linear-variable", "cyclic"',
    ],
    [withFiles({ ...ef, id: "01" }), "$.files[0].id: has 1 bytes; it takes 2"],
    [withFiles({ ...ef, id: "3FFF" }), "$.files[0].id: is reserved by ISO/IEC 7816-4: take another"],
    [withFiles(ef, ef), "$.files[1].id: is that of a sibling or of the directory: give each its own"],
    [
      withFiles({ type: "df", id: "1000", files: [{ ...ef, id: "1000" }] }),
      "$.files[0].files[0].id: is that of a sibling or of the directory: give each its own",
    ],
    [withFiles({ ...ef, sfi: 31 }), "$.files[0].sfi: should be a whole number from 1 to 30"],
    [
      withFiles({ ...ef, sfi: 1 }, { ...ef, id: "0002", sfi: 1 }),
      "$.files[1].sfi: is taken by a sibling: give each its own, or leave it out",
    ],
    [
      withFiles({ ...ef, content: 5 }),
      '$.files[0].content: should be hexadecimal text such as "3F00", or { "text": "…" }',
    ],
    [withFiles({ ...ef, content: { text: 5 } }), "$.files[0].content.text: should be text"],
    [
      withFiles({ ...ef, content: "0000", size: 1 }),
      "$.files[0].size: is less than the content has: make it larger, or leave it out",
    ],
    [
      withFiles({ type: "transparent", id: "0001" }),
      "$.files[0].size: is missing: write a whole number from 1 to 65536",
    ],
    [withFiles({ ...ef, access: { read: "sometimes" } }), '$.files[0].access.read: should be one of "always", "never"'],
    [
      withFiles({ ...ef, access: { read: { pin: 7 } } }),
      "$.files[0].access.read.pin: is no PIN of this card: add it to $.pins",
    ],
    [
      withFiles({ ...ef, access: { read: { key: 1 } } }),
      "$.files[0].access.read.key: is no key of this card: add it to $.keys",
    ],
    [
      withFiles({ ...ef, access: { read: { key: 1, pin: 1 } } }),
      '$.files[0].access.read: should be "always", "never", or an object with one of pin, key, all, any',
    ],
    [
      withFiles({ ...ef, access: { read: { all: [] } } }),
      "$.files[0].access.read.all: should hold one condition at least",
    ],
    [
      withFiles({ ...ef, access: { read: { any: [{ all: [{ any: [{ all: ["always"] }] }] }] } } }),
      "$.files[0].access.read.any[0].all[0].any[0]: is nested more than 3 conditions deep",
    ],
    [
      withFiles({ ...ef, access: { arr: { file: "2F06", record: 1 }, read: "always" } }),
      "$.files[0].access.read: is not known here: use arr, or remove it",
    ],
    [withFiles({ ...ef, lifeCycle: "old" }), /^\$\.files\[0\]\.lifeCycle: should be one of "activated", "creation"/],
    [
      { name: "card", keys: [{ reference: 1, algorithm: "aes", use: "internal", value: "00", tries: 3 }] },
      "$.keys[0].tries: is not known here: use reference, algorithm, use, value, access, or remove it",
    ],
    [
      { name: "card", keys: [{ reference: 1, algorithm: "aes", use: "external", value: "00" }] },
      "$.keys[0].value: has 1 bytes; it takes 16 or 24 or 32",
    ],
    [
      { name: "card", keys: [{ reference: 1, algorithm: "3des", use: "mutual", value: "00".repeat(24) }] },
      "$.keys[0].value: has 24 bytes; it takes 16",
    ],
    [
      { name: "card", keys: [{ reference: 1, algorithm: "aes", use: "mutual", value: "00".repeat(16), mac: "00" }] },
      "$.keys[0].mac: has 1 bytes; it takes 16",
    ],
    [
      { name: "card", objects: [{ tag: "1F20", value: "" }] },
      "$.objects[0].tag: is no BER-TLV tag of one or two bytes that P1-P2 can tell",
    ],
    [
      {
        name: "card",
        objects: [
          { tag: "5A", value: "" },
          { tag: "5A", value: "" },
        ],
      },
      "$.objects[1].tag: is taken by another data object here: give each its own",
    ],
    [
      withFiles({ ...ef, access: { append: "always" } }),
      "$.files[0].access.append: is not known here: use read, update, write, deactivate, activate, terminate, delete, or remove it",
    ],
    [
      withFiles({ type: "df", id: "1000", name: "A0" }, { type: "df", id: "2000", name: "A0" }),
      "$.files[1].name: is the name of another DF: names are unique in a card",
    ],
    [withFiles({ type: "df", id: "1000", name: "" }), "$.files[0].name: has 0 bytes; it takes 1 to 16"],
    [
      withFiles({ type: "linear-fixed", id: "0001", records: ["AA", "BBBB"] }),
      "$.files[0].records[0]: has 1 bytes where the file has 2: change it, recordSize, or the type",
    ],
    [
      withFiles({ type: "cyclic", id: "0001", records: ["AA", "BB"], maxRecords: 1 }),
      "$.files[0].maxRecords: is less than there are records: make it larger",
    ],
  ])("%j", (json, expected) => {
    if (typeof expected === "string") expect(problems(json)).toContain(expected);
    else expect(problems(json).some((problem) => expected.test(problem))).toBe(true);
  });

  test("all are found at once", () => {
    expect(problems({ name: "", pins: [{}], files: [{ type: "df", id: "zz" }] })).toHaveLength(4);
  });

  test("directories nest eight deep", () => {
    const nested = (depth: number): unknown =>
      depth === 0 ? [] : [{ type: "df", id: depth.toString(16).padStart(4, "0"), files: nested(depth - 1) }];
    expect(problems({ name: "card", files: nested(8) })).toEqual([]);
    expect(problems({ name: "card", files: nested(9) })[0]).toMatch(/is nested more than 8 directories deep$/);
  });

  test("a card has at most 4,096 files", () => {
    const directory = (id: number): unknown => ({
      type: "df",
      id: (0x1000 + id).toString(16),
      files: Array.from({ length: 256 }, (_, index) => ({ ...ef, id: (0x2000 + index).toString(16) })),
    });
    const full = Array.from({ length: 15 }, (_, index) => directory(index));
    expect(problems({ name: "card", files: full })).toEqual([]);
    expect(problems({ name: "card", files: [...full, directory(15)] })).toEqual([
      "$.files[15].files[240]: is one file too many: a card has 4096",
    ]);
  });

  test("a card has at most 4 MiB", () => {
    const files = Array.from({ length: 65 }, (_, index) => ({
      type: "transparent",
      id: (0x100 + index).toString(16).padStart(4, "0"),
      size: 65_536,
    }));
    expect(problems({ name: "card", files: files.slice(0, 64) })).toEqual([]);
    expect(problems({ name: "card", files })).toEqual(["$.files[64]: makes the card larger than 4194304 bytes"]);
  });
});

test.each([
  { reference: 1, value: "271828X" },
  { reference: 1, value: 271_828 },
  { reference: 1, value: { text: 271_828 } },
  { reference: 1, value: { text: "271828", extra: "271828" } },
  { reference: "271828", value: { text: "271828" }, padTo: 2, tries: "271828", triesLeft: "271828" },
])("no problem repeats a PIN or a key: %#", (pin) => {
  const key = { algorithm: "aes", use: "mutual", mac: "271828", ...pin };
  const found = problems({ name: "card", pins: [pin], keys: [key] });
  expect(found).not.toEqual([]);
  expect(found.join("\n")).not.toContain("271828");
});

test("property: any JSON is a card that works, or has problems", () => {
  const access = fc.constantFrom("always", "never", { pin: 1 }, { pin: 2 }, "x");
  const file: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    file: fc.record(
      {
        type: fc.constantFrom("df", "transparent", "linear-fixed", "linear-variable", "cyclic"),
        id: fc.constantFrom("0001", "0002", "0003", "3F00"),
        sfi: fc.integer({ min: 0, max: 31 }),
        name: fc.constantFrom("A0", "A1"),
        size: fc.integer({ min: 0, max: 9 }),
        content: fc.constantFrom("", "AA", "X", { text: "é" }),
        recordSize: fc.integer({ min: 0, max: 4 }),
        maxRecords: fc.integer({ min: 0, max: 4 }),
        records: fc.array(fc.constantFrom("AA", "BBBB"), { maxLength: 3 }),
        access: fc.record({ read: access, update: access }),
        files: fc.array(tie("file"), { maxLength: 2 }),
      },
      { requiredKeys: ["type", "id"] },
    ),
  })).file;
  const card = fc.record({
    name: fc.constant("card"),
    pins: fc.array(fc.constant({ reference: 1, value: "00" }), { maxLength: 1 }),
    files: fc.array(file, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.oneof(card, fc.jsonValue()), (json) => {
      const image = parseCardImage(json);
      if (image.ok) {
        const made = new FileSystemCard(image.value, { bytes: (length) => new Uint8Array(length) });
        expect(made.reset().length).toBeGreaterThanOrEqual(2);
      } else {
        expect(image.error.length).toBeGreaterThan(0);
        for (const problem of image.error) expect(problem.path.startsWith("$")).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test("the example of docs/guide/software-cards.md is a good one", () => {
  const guide = readFileSync(new URL("../../../docs/guide/software-cards.md", import.meta.url), "utf8");
  const examples = [...guide.matchAll(/^```json\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
  expect(examples).toHaveLength(1);
  for (const example of examples) expect(problems(JSON.parse(example))).toEqual([]);
});
