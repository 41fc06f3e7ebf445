// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { checkMembers } from "./index.ts";

const known = ["depth", "objects"];
const check = (value: unknown) => () => checkMembers(value, known, "decode: limits");

describe("checkMembers", () => {
  it.each([[{}], [{ depth: 1 }], [Object.create({ objects: 2 })], [Object.create(null)], [{ depth: undefined }]])(
    "takes an object whose members are known: %j",
    (value) => {
      expect(check(value)).not.toThrow();
    },
  );

  it.each([[null], [undefined], ["31323334"], [5], [[1]], [Uint8Array.of(1)], [() => {}]])(
    "refuses a value that is not an object: %j",
    (value) => {
      expect(check(value)).toThrow(TypeError);
      expect(check(value)).toThrow(/^decode: limits is .*; pass an object with depth and objects$/);
      expect(check(value)).not.toThrow(/3132/);
    },
  );

  it("names a member that there is not, on the object or on what it inherits", () => {
    const message = 'decode: limits has no member "deph"; it may have depth and objects';
    expect(check({ deph: 1 })).toThrow(message);
    expect(check(Object.create({ deph: 1 }))).toThrow(message);
    expect(check({ ["x".repeat(100)]: 1 })).toThrow(`"${"x".repeat(40)}…"`);
  });
});
