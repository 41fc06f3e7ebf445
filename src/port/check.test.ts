// SPDX-License-Identifier: MIT

import { runInNewContext } from "node:vm";
import { describe, expect, it, test } from "vitest";
import {
  abortSignal,
  byteString,
  callback,
  having,
  listOf,
  listOfWords,
  milliseconds,
  optional,
  optionsOf,
  type Place,
  SmartCardError,
  text,
  truth,
  wholeNumber,
  word,
} from "./index.ts";

const place: Place = { operation: "try", path: "options" };

interface Sample {
  readonly name: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly socket?: string;
  readonly limits?: { readonly readers?: number };
}

const sample = optionsOf<Sample>({
  name: text("a name", 8),
  timeoutMs: optional(milliseconds),
  signal: optional(abortSignal),
  socket: optional(text("a path")),
  limits: optional(optionsOf<NonNullable<Sample["limits"]>>({ readers: optional(wholeNumber(1, 64)) })),
});

function failureOf(run: () => unknown): SmartCardError {
  try {
    run();
  } catch (error) {
    if (error instanceof SmartCardError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function thrower(): never {
  throw new Error("from inside");
}

describe("optionsOf", () => {
  it("copies the members it knows, without those that are undefined", () => {
    const signal = new AbortController().signal;
    const given = { name: "a", timeoutMs: undefined, signal };
    const checked = sample(given, place);
    expect(Object.keys(checked)).toEqual(["name", "signal"]);
    given.name = "b";
    expect(checked.name).toBe("a");
  });

  it("reads what an object inherits, and the getters of its class", () => {
    class Settings {
      readonly #name = "a";
      get name(): string {
        return this.#name;
      }
      describe(): string {
        return this.#name;
      }
    }
    expect(sample(new Settings(), place)).toEqual({ name: "a" });
    expect(sample(Object.create({ name: "a", timeoutMs: 5 }), place)).toEqual({ name: "a", timeoutMs: 5 });
    expect(sample(Object.assign(Object.create(null), { name: "a" }), place)).toEqual({ name: "a" });
    expect(sample(runInNewContext("({ name: 'a' })"), place)).toEqual({ name: "a" });
    expect(sample({ name: "a", [Symbol("s")]: 1 }, place)).toEqual({ name: "a" });
  });

  it.each<[string, unknown, RegExp]>([
    [
      "a slip",
      { name: "a", timeout: 5 },
      /options has no member "timeout"\. Did you mean timeoutMs\? It may have name, /,
    ],
    ["two letters exchanged", { name: "a", sokcet: "x" }, /"sokcet"\. Did you mean socket\?/],
    ["a strange word", { name: "a", colour: 1 }, /options has no member "colour"\. It may have name, /],
    ["an unknown member that is undefined", { name: "a", timeout: undefined }, /"timeout"/],
    ["an unknown member that is inherited", Object.create({ name: "a", timeout: 5 }), /"timeout"/],
    ["an unknown member inside", { name: "a", limits: { raeders: 1 } }, /options\.limits has no member "raeders"/],
    ["a member missing", {}, /options\.name is undefined; give a name as a string/],
    ["a member of the wrong kind", { name: 5 }, /options\.name is 5; give a name as a string/],
    ["null for a member", { name: "a", timeoutMs: null }, /options\.timeoutMs is null; give whole milliseconds/],
    ["null", null, /options is null; pass an object with name, .*, or leave it out/],
    ["a string", "name", /options is a string; pass an object with/],
    ["a number", 5, /options is a number; pass an object with/],
    ["an array", [], /options is an array/],
    ["a Map", new Map([["name", "a"]]), /options is a Map/],
    ["a Promise", Promise.resolve({ name: "a" }), /options is a Promise \(await it\)/],
    ["a function", () => ({ name: "a" }), /options is a function/],
    ["a signal", new AbortController().signal, /options is an AbortSignal; pass an object with .*, here { signal }/],
    ["bytes", new Uint8Array(2), /options is a Uint8Array/],
    [
      "a getter that throws",
      Object.defineProperty({}, "name", { get: thrower, enumerable: true }),
      /options\.name is a member/,
    ],
    [
      "a proxy that shows no names",
      new Proxy({}, { ownKeys: thrower }),
      /options is an object; pass one whose members/,
    ],
    ["a proxy that shows no members", new Proxy({}, { get: thrower }), /options\.name is a member that cannot be read/],
    ["a proxy that was revoked", revoked(), /options is an object; pass one whose members/],
  ])("refuses %s", (_, value, message) => {
    const failure = failureOf(() => sample(value, place));
    expect(failure.code).toBe("invalid-parameter");
    expect(failure.details).toEqual({ operation: "try" });
    expect(failure.message).toMatch(message);
  });

  it("takes what was read once, however often a proxy changes its mind", () => {
    let reads = 0;
    const value = new Proxy({}, { get: (_, name) => (name === "name" ? ["a", 5][reads++] : undefined) });
    expect(sample(value, place)).toEqual({ name: "a" });
  });

  it("does not repeat text, nor more than the beginning of a long name", () => {
    expect(failureOf(() => sample({ name: "a", timeoutMs: "1234" }, place)).message).not.toContain("1234");
    expect(failureOf(() => sample({ name: "a", ["x".repeat(5000)]: 1 }, place)).message.length).toBeLessThan(200);
  });

  it("keeps the cause of what could not be read", () => {
    const value = new Proxy({}, { get: thrower });
    expect(failureOf(() => sample(value, place)).cause).toEqual(new Error("from inside"));
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test.each([
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 31,
  "10",
  10n,
  true,
  new Date(),
  Number.MAX_SAFE_INTEGER,
])("%s is no time", (value) => {
  expect(failureOf(() => milliseconds(value, place))).toMatchObject({
    code: "invalid-parameter",
    message: expect.stringMatching(/leave it out to wait without a deadline$/),
  });
  expect([0, 2 ** 31 - 1].map((ms) => milliseconds(ms, place))).toEqual([0, 2 ** 31 - 1]);
});

test.each([
  ["a controller", new AbortController(), /an AbortController; pass its signal/],
  ["a likeness", { aborted: false, addEventListener() {}, removeEventListener() {} }, /an object; pass the signal/],
  ["what only inherits", Object.create(AbortSignal.prototype), /pass the signal/],
  ["an EventTarget", new EventTarget(), /an EventTarget/],
  ["true", true, /a boolean/],
])("%s is no signal", (_, value, message) => {
  expect(failureOf(() => abortSignal(value, place)).message).toMatch(message);
});

test("a signal of ours, aborted or not, is one", () => {
  const controller = new AbortController();
  expect(abortSignal(controller.signal, place)).toBe(controller.signal);
  expect(abortSignal(AbortSignal.abort(), place).aborted).toBe(true);
});

test.each<[unknown, RegExp]>([
  ["", /an empty string; give a path/],
  ["a\0b", /a string with a NUL in it; give a path without/],
  ["ä".repeat(5), /too long; a path has at most 9 bytes/],
  [7, /is 7; give a path as a string/],
  [["a"], /an array; give a path as a string/],
])("%j is no text", (value, message) => {
  expect(failureOf(() => text("a path", 9)(value, place)).message).toMatch(message);
  expect(text("a path", 9)("ä".repeat(4), place)).toBe("ääää");
});

const colours = { red: 1, green: 2, blue: 3 };

test.each<[unknown, RegExp]>([
  ["gren", /options is "gren"\. Did you mean "green"\? The colour is "red", "green" or "blue"$/],
  ["toString", /options is "toString"\. The colour is/],
  ["__proto__", /options is "__proto__"/],
  [2, /options is 2\. The colour is/],
  [undefined, /options is undefined\. The colour is/],
  [["red"], /options is an array\. The colour is/],
  ["x".repeat(1000), /options is "x{40}…"\. The/],
])("%j is no word of an enumeration", (value, message) => {
  const failure = failureOf(() => word(colours, "colour")(value, place));
  expect(failure.code).toBe("invalid-value");
  expect(failure.message).toMatch(message);
});

test("a list is an array, whose elements are checked one by one and copied", () => {
  const colourList = listOf(word(colours, "colour"), "colours", 3);
  const given = ["red", "blue"];
  const checked = colourList(given, place);
  given.push("green");
  expect(checked).toEqual(["red", "blue"]);
  expect(failureOf(() => colourList(["red", "bleu"], place)).message).toMatch(
    /options\[1\] is "bleu"\. Did you mean "blue"/,
  );
  expect(failureOf(() => colourList(new Array(2), place)).message).toMatch(/options\[0\] is undefined/);
  expect(failureOf(() => colourList(new Array(2 ** 30), place)).message).toMatch(
    /an array of 1073741824; 3 is the most/,
  );
  for (const value of ["red", new Set(["red"]), { length: 1, 0: "red" }, null, undefined, revoked()]) {
    expect(failureOf(() => colourList(value, place)).message).toMatch(/; pass an array of colours$/);
  }
});

test("what is passed on as it is must have the methods that will be called", () => {
  const clock = { now: () => 0, schedule() {} };
  const check = having<typeof clock>(["now", "schedule"], "a clock");
  expect(check(clock, place)).toBe(clock);
  for (const value of [null, {}, { now: 1, schedule() {} }, revoked(), "clock"]) {
    expect(failureOf(() => check(value, place)).message).toMatch(
      /pass a clock, which has the methods now and schedule$/,
    );
  }
  expect(failureOf(() => callback("a listener")(5, place)).message).toMatch(/is 5; pass a listener$/);
  expect(failureOf(() => truth("yes", place)).message).toMatch(/a string; give true or false$/);
  expect(failureOf(() => wholeNumber(1, 2, "slots")(3, place)).message).toMatch(
    /is 3; give a whole number of slots from 1/,
  );
});

test("bytes in an options object are checked as everywhere", () => {
  expect(() => byteString("31323334", place)).toThrow(
    expect.objectContaining({
      name: "TypeError",
      message: expect.stringMatching(/^try: options is a string; .*decodeHex/),
    }),
  );
});

test("words are listed as in a sentence", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map((words) => listOfWords(words, "or"))).toEqual([
    "",
    "a",
    "a or b",
    "a, b or c",
  ]);
});
