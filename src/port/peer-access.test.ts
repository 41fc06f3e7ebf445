// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type AccessRule, type AccessSubject, asksForCredentials, decideAccess, matchesGlob } from "./peer-access.ts";
import { readerKey } from "./reader-names.ts";

const subject: AccessSubject = {
  credentials: { pid: 4711, uid: 1000, gid: 100, groups: [100, 27] },
  program: { name: "scdaemon", path: "/usr/lib/gnupg/scdaemon" },
};
const stranger: AccessSubject = { credentials: undefined, program: undefined };

describe("decideAccess", () => {
  it("allows what no rule is about", () => {
    expect(decideAccess([], subject)).toEqual({ allowed: true, rule: undefined });
    expect(decideAccess([{ effect: "deny", uid: 1001 }], subject)).toEqual({ allowed: true, rule: undefined });
  });

  it("goes by the first rule that matches", () => {
    const rules: AccessRule[] = [{ effect: "deny", uid: 0 }, { effect: "allow", uid: 1000 }, { effect: "deny" }];
    expect(decideAccess(rules, subject)).toEqual({ allowed: true, rule: 1 });
    expect(decideAccess(rules, { ...subject, program: undefined })).toEqual({ allowed: true, rule: 1 });
    expect(decideAccess(rules.slice(2), subject)).toEqual({ allowed: false, rule: 0 });
  });

  it("wants all that a rule asks for", () => {
    expect(decideAccess([{ effect: "deny", uid: 1000, gid: 5 }], subject).allowed).toBe(true);
    expect(decideAccess([{ effect: "deny", uid: 1000, gid: 27 }], subject).allowed).toBe(false);
  });

  it.each([
    ["scdaemon", false],
    ["/usr/lib/gnupg/scdaemon", false],
    ["/usr/*/scdaemon", false],
    ["/opt/*", true],
    ["scdaemo", true],
    ["sc*", false],
  ])("denies by program: %s", (program, allowed) => {
    expect(decideAccess([{ effect: "deny", program }], subject).allowed).toBe(allowed);
  });

  it("compares readers without regard to case, as clients may ask for them", () => {
    const rules: AccessRule[] = [{ effect: "deny", reader: "Lab *" }];
    expect(decideAccess(rules, subject, "LAB 1").allowed).toBe(false);
    expect(decideAccess(rules, subject, "Desk").allowed).toBe(true);
  });

  it("counts what is not known against the client", () => {
    for (const asks of [{ uid: 1000 }, { gid: 100 }, { program: "*" }]) {
      const rules: AccessRule[] = [{ effect: "allow", ...asks }, { effect: "deny" }];
      expect(decideAccess(rules, subject)).toEqual({ allowed: true, rule: 0 });
      expect(decideAccess(rules, stranger)).toEqual({ allowed: false, rule: 1 });
      expect(decideAccess([{ effect: "deny", ...asks }], stranger)).toEqual({ allowed: false, rule: 0 });
    }
  });

  it("does not hold against a client that a rule is about others", () => {
    expect(decideAccess([{ effect: "deny", uid: 1, program: "x" }], { ...subject, program: undefined }).allowed).toBe(
      true,
    );
  });
});

test("readers are compared as the manager compares them: one that it finds by another spelling is under the rule", () => {
  for (const [rule, asked] of [
    ["Lab I*", "lab \u0131 0"],
    ["Straße*", "STRAßE 1"],
  ] as const) {
    expect(readerKey(asked).startsWith(readerKey(rule.slice(0, -1)))).toBe(true);
    expect(decideAccess([{ effect: "deny", reader: rule }], subject, asked).allowed).toBe(false);
  }
});

test("rules about readers alone need no credentials", () => {
  expect(asksForCredentials({ effect: "deny", reader: "*" })).toBe(false);
  expect(asksForCredentials({ effect: "deny", program: "*" })).toBe(true);
});

describe("matchesGlob", () => {
  it("agrees with a regular expression", () => {
    const letters = (alphabet: string[]) => fc.array(fc.constantFrom(...alphabet), { maxLength: 12 });
    fc.assert(
      fc.property(letters(["a", "b", "*", "?"]), letters(["a", "b", "."]), (glob, text) => {
        const pattern = glob.map((letter) => ({ "*": ".*", "?": "." })[letter] ?? letter).join("");
        const expected = new RegExp(`^${pattern}$`, "s").test(text.join(""));
        expect(matchesGlob(glob.join(""), text.join(""))).toBe(expected);
      }),
    );
  });

  it("takes other signs as they are", () => {
    expect(matchesGlob("a.c", "abc")).toBe(false);
    expect(matchesGlob("[a]", "[a]")).toBe(true);
    expect(matchesGlob(`${"*a".repeat(60)}b`, "a".repeat(5000))).toBe(false);
  });
});
