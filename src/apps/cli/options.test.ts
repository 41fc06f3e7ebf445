// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import {
  choiceOf,
  durationOf,
  hexOf,
  millisecondsOf,
  type OptionTable,
  parseOptions,
  refuseArguments,
  UsageError,
} from "./options.ts";

const options = {
  reader: { type: "string", help: "a reader" },
  long: { type: "boolean", help: "more" },
  share: { type: "string", choices: ["shared", "direct"], multiple: true, help: "how" },
  timeout: { type: "string", reads: millisecondsOf, help: "how long" },
  atr: { type: "string", reads: hexOf, multiple: true, help: "a card" },
} as const satisfies OptionTable;

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "nothing was refused";
}

describe("options", () => {
  it("are taken apart, those of every command among them", () => {
    const { positionals, values } = parseOptions(["--reader", "A", "one", "--json", "--no-color", "two"], options);
    expect({ ...values }).toEqual({ reader: "A", json: true, "no-color": true });
    expect(positionals).toEqual(["one", "two"]);
  });

  it("have values of a list in any case, as the list spells them", () => {
    const { values } = parseOptions(["--share", "Shared", "--share=DIRECT"], options);
    expect(values.share).toEqual(["shared", "direct"]);
  });

  it("have the values that they read", () => {
    const { values } = parseOptions(["--timeout", "1.5", "--atr", "3B00", "--atr=3B01"], options);
    expect(values.timeout).toBe(1500);
    expect(values.atr).toEqual([Uint8Array.of(0x3b, 0), Uint8Array.of(0x3b, 1)]);
  });

  it.each([
    [["--timeout", "soon"], "--timeout is a number of seconds"],
    [["--atr", "3B00", "--atr", "3B0"], "--atr: "],
    [["--nonsense"], "unknown option --nonsense"],
    [["--raeder", "A"], "unknown option --raeder; did you mean --reader?"],
    [["--share", "alone"], '--share is one of shared, direct, not "alone"'],
    [["--share", "sharde"], '--share is one of shared, direct, not "sharde"; did you mean "shared"?'],
    [["-x"], "unknown option -x"],
    [["--reader"], "--reader needs a value"],
    [["--reader", "--long"], "--reader needs a value"],
    [["--long=yes"], "--long takes no value"],
  ])("that are wrong are refused: %j", (args, message) => {
    expect(refusal(() => parseOptions(args, options))).toContain(message);
  });

  it.each([
    [["--002000010431323334"]],
    [["-002000010431323334"]],
    [["--long=002000010431323334"]],
    [["--share", "002000010431323334"]],
    [["--share", "00200001ABCDEF"]],
    [["--reader", "-002000010431323334"]],
    [["--a002000010431323334"]],
  ])("are never quoted where they may hold a PIN: %j", (args) => {
    const message = refusal(() => parseOptions(args, options));
    expect(message).not.toBe("nothing was refused");
    expect(message).not.toMatch(/3132|0020|ABCD/);
  });

  it("keep arguments out of commands that take none, without quoting them", () => {
    expect(refusal(() => refuseArguments(["002000010431323334"]))).toBe(
      "this command takes options only, and there are arguments",
    );
    expect(() => refuseArguments([])).not.toThrow();
  });
});

describe("values", () => {
  it("of a list are taken in any case, and others refused with the list", () => {
    expect(choiceOf("--share", "Shared", ["shared", "direct"])).toBe("shared");
    expect(refusal(() => choiceOf("--share", "31323334", ["shared", "direct"]))).toBe(
      "--share is one of shared, direct",
    );
  });

  it("are seconds", () => {
    expect(millisecondsOf("--timeout", "1.0016")).toBe(1002);
    expect(["0", "1.5", "31536000"].map((text) => millisecondsOf("--timeout", text))).toEqual([
      0, 1500, 31_536_000_000,
    ]);
    for (const text of ["", "-1", "1e3", "x", "31536001", "0x10"]) {
      expect(refusal(() => millisecondsOf("--timeout", text))).toMatch(/^--timeout is a number of seconds/);
    }
  });

  it("are times with units, a second at least", () => {
    const hour = 3_600_000;
    expect(["1", "30s", "60m", "1h"].map((text) => durationOf("--for", text, hour))).toEqual([
      1000,
      30_000,
      hour,
      hour,
    ]);
    for (const text of ["", "0s", "1.5s", "3601", "2h", "1d", "-1", "s", "1e3", "1 s"])
      expect(refusal(() => durationOf("--for", text, hour))).toBe("--for is a time as 30s or 5m, an hour at most");
    expect(refusal(() => durationOf("--for", "25h", 24 * hour))).toMatch(/24h at most$/);
  });

  it("are bytes; what is wrong is told by its place only", () => {
    expect(hexOf("argument 1", "00 a4:04-00")).toEqual(Uint8Array.of(0, 0xa4, 4, 0));
    expect(refusal(() => hexOf("argument 2", "0020000104313233X4"))).toBe(
      "argument 2: not a hexadecimal digit at position 17",
    );
    expect(refusal(() => hexOf("line 3", " "))).toBe("line 3 is empty");
  });
});
