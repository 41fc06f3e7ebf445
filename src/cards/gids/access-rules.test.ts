// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { decodeAccessRules, isAllowed, needsUser, type Proofs } from "./access-rules.ts";

const none: Proofs = { user: false, administrator: false, interface: "contact" };

describe("access rules in compact form", () => {
  it.each([
    ["a mode without its condition", "0330"],
    ["a reserved bit", "0140"],
    ["an environment that is reserved", "011F"],
    ["five rules", "01000100010001000100"],
  ])("%s is refused", (_, bytes) => {
    expect(decodeAccessRules(hexBytes(bytes))).toBeUndefined();
  });

  it("conditions stand in the order of the bits, highest first", () => {
    const rules = decodeAccessRules(hexBytes("8F10203000")) ?? [];
    const allowed = (mode: number, proofs: Partial<Proofs>) => isAllowed(rules, mode, { ...none, ...proofs });
    expect([allowed(8, { user: true }), allowed(8, { administrator: true })]).toEqual([true, false]);
    expect([allowed(4, { user: true }), allowed(4, { administrator: true })]).toEqual([false, true]);
    expect([allowed(2, { user: true }), allowed(2, { administrator: true })]).toEqual([true, true]);
    expect([allowed(1, {}), allowed(0x10, { user: true, administrator: true })]).toEqual([true, false]);
  });

  it("one of several rules is enough", () => {
    const rules = decodeAccessRules(hexBytes("0111" + "0122")) ?? [];
    expect(isAllowed(rules, 1, { ...none, user: true })).toBe(true);
    expect(isAllowed(rules, 1, { ...none, user: true, interface: "contactless" })).toBe(false);
    expect(isAllowed(rules, 1, { ...none, administrator: true, interface: "contactless" })).toBe(true);
    expect(needsUser(rules, 1)).toBe(true);
    expect(needsUser(decodeAccessRules(hexBytes("01FF")) ?? [], 1)).toBe(false);
  });

  it("whatever the rules, who shows more may do no less, and without a rule nothing is allowed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.constantFrom(1, 2, 4, 8, 0x10, 0x20, 0x40), (bytes, mode) => {
        const rules = decodeAccessRules(bytes) ?? [];
        const by = (proofs: Partial<Proofs>): boolean => isAllowed(rules, mode, { ...none, ...proofs });
        const all = by({ user: true, administrator: true });
        for (const proofs of [{}, { user: true }, { administrator: true }]) expect(by(proofs) && !all).toBe(false);
        if (rules.every((rule) => !rule.has(mode))) expect(all).toBe(false);
      }),
    );
  });
});
