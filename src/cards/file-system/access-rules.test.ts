// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { decodeBerTlv, encodeBerTlv } from "../../base/iso7816/index.ts";
import {
  decodeCompactRules,
  decodeRuleRecord,
  encodeCompactRules,
  encodeExpandedRules,
  type RuledFile,
} from "./access-rules.ts";
import { cardLimits } from "./card-limits.ts";
import type { Access, Conditions } from "./file-system-image.ts";

const allOfDf: Conditions = {
  delete: { pin: 1 },
  terminate: { key: 2 },
  activate: "always",
  deactivate: { pin: 1 },
  deleteChild: "always",
};

describe("compact format, ISO/IEC 7816-4:2005, 5.4.3.1", () => {
  test.each<[string, RuledFile, Conditions]>([
    ["03 FF 00", "ef", { read: "always" }],
    ["03 11 00", "ef", { read: "always", update: { pin: 1 } }],
    ["47 2E 11 22 00", "ef", { delete: { key: 14 }, write: { pin: 1 }, update: { key: 2 }, read: "always" }],
    ["03 33 B4", "ef", { update: { any: [{ pin: 3 }, { key: 3 }] }, read: { all: [{ pin: 4 }, { key: 4 }] } }],
    ["06 00 11", "df", { createDf: "always", createEf: { pin: 1 } }],
    ["79 11 22 00 11 00", "df", allOfDf],
  ])("%s", (hex, file, conditions) => {
    const compact = encodeCompactRules(file, conditions);
    expect(compact && encodeHex(compact, " ")).toBe(hex);
    // A "never" rule may be left out or written.
    const decoded = decodeCompactRules(file, hexBytes(hex)) ?? {};
    expect(Object.fromEntries(Object.entries(decoded).filter(([, access]) => access !== "never"))).toEqual(conditions);
  });

  test.each<[string, Access]>([
    ["a PIN beyond 14", { pin: 15 }],
    ["a PIN of a directory", { pin: 0x81 }],
    ["two PINs", { all: [{ pin: 1 }, { pin: 2 }] }],
    ["a PIN and another key", { any: [{ pin: 1 }, { key: 2 }] }],
    ["the other way round", { any: [{ key: 1 }, { pin: 1 }] }],
    ["three", { any: [{ pin: 1 }, { key: 1 }, "always"] }],
  ])("cannot tell %s", (_name, read) => {
    expect(encodeCompactRules("ef", { read })).toBeUndefined();
  });

  test.each([
    ["", "nothing"],
    ["03 00", "a condition too few"],
    ["01 00 00", "a condition too many"],
    ["81 00", "modes of its own"],
    ["01 10", "no particular PIN"],
    ["01 1F", "an environment that is reserved"],
    ["01 51", "secure messaging"],
    ["01 01", "an environment for nothing"],
  ])("%j is refused: %s", (hex) => {
    expect(decodeCompactRules("ef", hexBytes(hex))).toBeUndefined();
  });
});

describe("expanded format, ISO/IEC 7816-4:2005, 5.4.3.2", () => {
  test.each<[string, Conditions | undefined]>([
    ["800101 9000", { read: "always" }],
    ["800103 9700", { read: "never", update: "never" }],
    ["800102 A406 830181 950108", { update: { pin: 0x81 } }],
    ["800102 A406 950180 830102", { update: { key: 2 } }],
    ["800101 9E0111", { read: { pin: 1 } }],
    ["800101 9000 800102 9E0100", { read: "always", update: "always" }],
    ["800101 9E0111 9E0122", { read: { any: [{ pin: 1 }, { key: 2 }] } }],
    ["800101 A006 9E0111 9E0122", { read: { any: [{ pin: 1 }, { key: 2 }] } }],
    ["800101 AF06 9E0111 9E0122", { read: { all: [{ pin: 1 }, { key: 2 }] } }],
    ["840124 9700 800101 9000", { read: "always" }],
    ["9C0101 9700 800101 9000", { read: "always" }],
    ["", {}],
    ["9000", undefined],
    ["800101 B400", undefined],
    ["800101 A700", undefined],
    ["800101 A000", undefined],
    ["800101 A403 830101", undefined],
    ["800101 A406 830101 950101", undefined],
    ["800101 90", undefined],
    ["800101 900100", undefined],
    ["8000 9000", undefined],
    ["800180 9000", undefined],
  ])("%j", (hex, conditions) => {
    expect(decodeRuleRecord("ef", hexBytes(hex))).toEqual(conditions);
  });

  const leaf: fc.Arbitrary<Access> = fc.oneof(
    fc.constantFrom("always" as const, "never" as const),
    fc.integer({ min: 1, max: 159 }).map((pin) => ({ pin })),
    fc.integer({ min: 1, max: 159 }).map((key) => ({ key })),
  );
  const list = (element: fc.Arbitrary<Access>): fc.Arbitrary<Access> => {
    const some = fc.array(element, { minLength: 1, maxLength: cardLimits.conditions });
    return fc.oneof(
      some.map((all) => ({ all })),
      some.map((any) => ({ any })),
    );
  };
  const access = fc.oneof(leaf, list(leaf), list(fc.oneof(leaf, list(leaf))));

  test("property: what is written is read the same", () => {
    const conditions = fc.record({ read: access, update: access });
    fc.assert(
      fc.property(conditions, (rules) => {
        const record = encodeBerTlv(encodeExpandedRules("ef", rules));
        expect(decodeRuleRecord("ef", record)).toEqual(rules);
        const compact = encodeCompactRules("ef", rules);
        if (compact !== undefined) expect(decodeCompactRules("ef", compact)).toEqual(rules);
      }),
    );
  });

  test("property: any record is read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (record) => {
        decodeRuleRecord("df", record);
        decodeCompactRules("df", record);
        expect(decodeBerTlv(record).ok || decodeRuleRecord("ef", record) === undefined).toBe(true);
      }),
    );
  });
});
