// SPDX-License-Identifier: MIT

import { runInNewContext } from "node:vm";
import { describe, expect, it, test } from "vitest";
import { checkBytes, kindOf } from "./index.ts";

const refused: readonly [string, unknown][] = [
  ["a string", "31323334"],
  ["an array", [0x31, 0x32]],
  ["a DataView", new DataView(new ArrayBuffer(4))],
  ["a Uint16Array", Uint16Array.of(0x3132)],
  ["a Uint8ClampedArray", Uint8ClampedArray.of(0x31)],
  ["an Int8Array", Int8Array.of(0x31)],
  ["an ArrayBuffer", new ArrayBuffer(4)],
  ["an object", { length: 5 }],
  ["an object", { type: "Buffer", data: [0x31] }],
  ["an object", Object.create(Uint8Array.prototype)],
  ["a Uint8Array", { [Symbol.toStringTag]: "Uint8Array", length: 1 }],
  ["an object", new Proxy(Uint8Array.of(0x31), {})],
  ["a Promise \\(await it\\)", Promise.resolve(Uint8Array.of(0x31))],
  ["null", null],
  ["undefined", undefined],
  ["a number", 0x31],
  ["a bigint", 0x31n],
  ["a symbol", Symbol("1234")],
  ["a function", () => Uint8Array.of(0x31)],
];

describe("checkBytes", () => {
  it.each([
    ["a Uint8Array", Uint8Array.of(1)],
    ["a Buffer", Buffer.of(1)],
    ["a view", new Uint8Array(new ArrayBuffer(8), 2, 3)],
    ["a Uint8Array of another realm", runInNewContext("Uint8Array.of(1)")],
    ["shared memory", new Uint8Array(new SharedArrayBuffer(4))],
  ])("takes %s", (_, value) => {
    expect(() => checkBytes(value, "command")).not.toThrow();
  });

  it.each(refused)("refuses %s, names the argument and the remedy, and does not repeat the value", (kind, value) => {
    const refusal = expect.objectContaining({
      name: "TypeError",
      message: expect.stringMatching(new RegExp(`^command is ${kind}; .*decodeHex`)),
    });
    expect(() => checkBytes(value, "command")).toThrow(refusal);
    expect(() => checkBytes(value, "command")).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/31|1234|49/) }),
    );
  });
});

test("a value that cannot be read is still named", () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("31323334");
      },
    },
  );
  expect(kindOf(hostile)).toBe("an object that cannot be read");
  expect(kindOf({ [Symbol.toStringTag]: "1234 5678" })).toBe("an object");
});
