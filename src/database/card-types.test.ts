// SPDX-License-Identifier: MIT

import { beforeEach, describe, expect, test } from "vitest";
import { type CardType, type CardTypes, Database, MemoryStore, type ProviderKind } from "./index.ts";

const GUID = "{ABCDEF00-ABCD-ABCD-AABB-CCDDAABBCCDD}";
const READING = "{00000000-0000-0000-0000-000000000001}";
const WRITING = "{00000000-0000-0000-0000-000000000002}";

function code(expected: string) {
  return expect.objectContaining({ code: expected });
}

function names(types: readonly CardType[]): string[] {
  return types.map(({ name }) => name);
}

describe("card types", () => {
  let types: CardTypes;

  beforeEach(() => {
    types = new Database(new MemoryStore()).cardTypes;
  });

  test("come back as they were introduced, GUIDs as Windows prints them, a mask of ones left out", () => {
    const atr = Uint8Array.of(0x3b, 0x02, 0x14, 0x50);
    types.introduce({
      name: "Multiflex",
      atrs: [{ atr, mask: Uint8Array.of(0xff, 0xff, 0xff, 0xff) }],
      interfaces: [READING.slice(1, -1), WRITING, READING],
      primaryProvider: GUID.toLowerCase(),
      providers: { csp: "Base CSP", "card-module": "multiflex.dll" },
      description: "3 KiB",
    });
    atr[0] = 0;
    expect(types.get("MULTIFLEX")).toEqual({
      name: "Multiflex",
      atrs: [{ atr: Uint8Array.of(0x3b, 0x02, 0x14, 0x50) }],
      interfaces: [READING, WRITING],
      primaryProvider: GUID,
      providers: { csp: "Base CSP", "card-module": "multiflex.dll" },
      description: "3 KiB",
    });
    const [pattern] = types.get("Multiflex").atrs;
    pattern?.atr.fill(0);
    expect(types.get("Multiflex").atrs[0]?.atr[0]).toBe(0x3b);
  });

  test("of the same name in any case replace each other", () => {
    types.introduce({ name: "Card", atrs: [{ atr: Uint8Array.of(0x3b, 0x00) }], providers: { csp: "a" } });
    types.introduce({ name: "CARD", atrs: [{ atr: Uint8Array.of(0x3b, 0x01) }] });
    expect(names(types.list())).toEqual(["CARD"]);
    expect(types.find({ atr: Uint8Array.of(0x3b, 0x00) })).toEqual([]);
    expect(types.get("card").providers).toEqual({});
  });

  test("are found by ATR, the most specific first", () => {
    const atr = Uint8Array.of(0x3b, 0x65, 0x00, 0x07);
    types.introduceAll([
      { name: "Any of this length", atrs: [{ atr: new Uint8Array(4), mask: new Uint8Array(4) }] },
      { name: "Exactly", atrs: [{ atr: Uint8Array.of(0x3b) }, { atr }] },
      { name: "Half", atrs: [{ atr: Uint8Array.of(0x3b, 0x60, 0, 0), mask: Uint8Array.of(0xff, 0xf0, 0, 0) }] },
      { name: "Another", atrs: [{ atr: Uint8Array.of(0x3b, 0x65, 0x00, 0x08) }] },
      { name: "Never", atrs: [] },
    ]);
    expect(names(types.find({ atr }))).toEqual(["Exactly", "Half", "Any of this length"]);
    expect(names(types.find({ atr: atr.subarray(1) }))).toEqual([]);
  });

  test("are found by interfaces that they have all of, by both, and by neither", () => {
    const atr = Uint8Array.of(0x3b, 0x00);
    types.introduce({ name: "b", atrs: [{ atr }], interfaces: [READING, WRITING] });
    types.introduce({ name: "C", atrs: [{ atr }], interfaces: [READING] });
    types.introduce({ name: "a", interfaces: [WRITING, READING] });
    expect(names(types.find({ interfaces: [READING.toLowerCase(), WRITING] }))).toEqual(["a", "b"]);
    expect(names(types.find({ atr, interfaces: [READING] }))).toEqual(["b", "C"]);
    expect(names(types.find({ atr, interfaces: [WRITING] }))).toEqual(["b"]);
    expect(names(types.find({ interfaces: [] }))).toEqual(["a", "b", "C"]);
    expect(names(types.list())).toEqual(["a", "b", "C"]);
    expect(() => types.find({ interfaces: ["IUnknown"] })).toThrow(code("invalid-parameter"));
  });

  test("are matched by name", () => {
    const atr = Uint8Array.of(0x3b, 0x00);
    types.introduce({ name: "a", atrs: [{ atr }] });
    types.introduce({ name: "b", atrs: [{ atr: Uint8Array.of(0x3b) }, { atr: Uint8Array.of(0x3b, 0x01) }] });
    expect(types.matches(["b", "A"], atr)).toBe(true);
    expect(types.matches(["b"], atr)).toBe(false);
    expect(types.matches([], atr)).toBe(false);
    expect(() => types.matches(["a", "c"], atr)).toThrow(code("unknown-card"));
  });

  test("are forgotten", () => {
    const atr = Uint8Array.of(0x3b, 0x00);
    types.introduce({ name: "Card", atrs: [{ atr }] });
    types.forget("card");
    expect(types.has("Card")).toBe(false);
    expect(types.find({ atr })).toEqual([]);
    expect(() => types.forget("Card")).toThrow(code("unknown-card"));
    expect(() => types.get("Card")).toThrow(code("unknown-card"));
  });

  test("have providers of every kind, by name", () => {
    types.introduce({ name: "Card" });
    expect(() => types.provider("Card", "primary")).toThrow(code("icc-installation"));
    expect(() => types.provider("Card", "csp")).toThrow(code("provider-not-found"));
    const providers: [ProviderKind, string][] = [
      ["primary", GUID],
      ["csp", "Base CSP"],
      ["ksp", "Base KSP"],
      ["card-module", "card.dll"],
    ];
    for (const [kind, provider] of providers) types.setProvider("CARD", kind, provider);
    for (const [kind, provider] of providers) expect(types.provider("card", kind)).toBe(provider);
    types.setProvider("Card", "csp", "Other CSP");
    expect(types.provider("Card", "csp")).toBe("Other CSP");
    expect(types.get("Card").name).toBe("Card");
    expect(() => types.setProvider("Card", "primary", "Base CSP")).toThrow(code("invalid-parameter"));
    expect(() => types.setProvider("Card", "ksp", "")).toThrow(code("invalid-parameter"));
    expect(() => types.setProvider("Other", "csp", "x")).toThrow(code("unknown-card"));
    expect(() => types.provider("Other", "csp")).toThrow(code("unknown-card"));
  });

  test.each([
    ["invalid-parameter", { name: "" }],
    ["invalid-parameter", { name: "a", primaryProvider: "b" }],
    ["invalid-parameter", { name: "a", interfaces: ["b"] }],
    ["invalid-parameter", { name: "a", providers: { csp: "" } }],
    ["invalid-parameter", { name: "a", description: "a".repeat(4097) }],
    ["invalid-parameter", { name: "a", atrs: [{ atr: Uint8Array.of(1, 2), mask: Uint8Array.of(1) }] }],
    ["invalid-atr", { name: "a", atrs: [{ atr: new Uint8Array() }] }],
    ["invalid-atr", { name: "a", atrs: [{ atr: new Uint8Array(34) }] }],
  ])("are refused with %s: %j", (expected, init) => {
    types.introduce({ name: "first" });
    expect(() => types.introduceAll([{ name: "good" }, init])).toThrow(code(expected));
    expect(names(types.list())).toEqual(["first"]);
  });

  test("are counted when many come at once", () => {
    types.introduce({ name: "a" });
    expect(types.introduceAll([{ name: "A" }, { name: "b" }, { name: "B" }, { name: "c" }])).toEqual({
      added: 2,
      replaced: 1,
    });
    expect(names(types.list())).toEqual(["A", "B", "c"]);
  });
});

describe("the user's card types, above the system's", () => {
  const atr = Uint8Array.of(0x3b, 0x00);
  let system: CardTypes;
  let user: CardTypes;

  beforeEach(() => {
    const store = new MemoryStore();
    system = new Database(store).cardTypes;
    user = new Database(new MemoryStore(), { below: store }).cardTypes;
    system.introduce({ name: "Card", atrs: [{ atr }], description: "the system's" });
    system.introduce({ name: "Other", atrs: [{ atr }] });
  });

  test("hide those of the same name, and show them again when they are forgotten", () => {
    user.introduce({ name: "CARD", description: "the user's" });
    expect(user.get("card").description).toBe("the user's");
    expect(names(user.find({ atr }))).toEqual(["Other"]);
    expect(names(user.list())).toEqual(["CARD", "Other"]);
    expect(system.get("card").description).toBe("the system's");
    user.forget("Card");
    expect(user.get("card").description).toBe("the system's");
    expect(names(user.find({ atr }))).toEqual(["Card", "Other"]);
  });

  test("are all that a user can forget", () => {
    expect(() => user.forget("Card")).toThrow(code("no-access"));
    expect(() => user.forget("No Such Card")).toThrow(code("unknown-card"));
    system.forget("Card");
    expect(user.has("Card")).toBe(false);
  });

  test("are copies where a provider is set", () => {
    user.setProvider("card", "csp", "mine");
    expect(user.get("Card")).toMatchObject({ description: "the system's", providers: { csp: "mine" } });
    expect(system.get("Card").providers).toEqual({});
  });
});
