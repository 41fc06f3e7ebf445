// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { UsageError } from "./options.ts";
import { historyPath, keptLine } from "./shell-history.ts";
import { isHexLine, MOST_LINE_CHARACTERS, parseLine, writtenWord } from "./shell-line.ts";

describe("parseLine", () => {
  it.each([
    ["select piv", false, ["select", "piv"]],
    ["  select\tpiv  # a remark", false, ["select", "piv"]],
    ["-select piv", true, ["select", "piv"]],
    ["- select piv", true, ["select", "piv"]],
    ['connect "Front door" \'a "b"\'', false, ["connect", "Front door", 'a "b"']],
    ['connect Front" "door', false, ["connect", "Front door"]],
    ["sign 9A C:\\data", false, ["sign", "9A", "C:\\data"]],
    ["name#1 # rest", false, ["name#1", "#", "rest"].slice(0, 1)],
  ])("takes %j apart", (text, goesOn, words) => {
    expect(parseLine(text)).toEqual({ goesOn, words });
  });

  it.each([[""], ["   "], ["# a remark"], ["-"], ["- # nothing"]])("finds nothing in %j", (text) => {
    expect(parseLine(text)).toBeUndefined();
  });

  it("refuses marks that do not end, and lines without an end", () => {
    expect(() => parseLine('connect "Front')).toThrow(UsageError);
    expect(() => parseLine("00".repeat(MOST_LINE_CHARACTERS))).toThrow(/at most 262144 characters/);
  });

  it("reads the words that it writes", () => {
    for (const word of ["a", "a b", 'a"b', "a'b", "", "#a", "a#b"]) {
      expect(parseLine(`x ${writtenWord(word)}`)?.words).toEqual(["x", word]);
    }
  });
});

describe("isHexLine", () => {
  it.each([
    [["00A40400"], true],
    [["00", "a4", "04", "00"], true],
    [["00:A4:04:00"], true],
    [["00A4"], false],
    [["00A4040"], false],
    [["apdu", "00A40400"], false],
    [["readers"], false],
  ])("%j: %s", (words, is) => expect(isHexLine(words)).toBe(is));
});

describe("keptLine", () => {
  const kept = (line: string, understood = true): string | undefined => {
    const words = parseLine(line)?.words ?? [];
    return keptLine(line, words, words[0], understood);
  };

  it.each([
    ["apdu 0020008008313233343536FFFF", "apdu 00 20 00 80 [8 bytes withheld]"],
    ["apdu 00 24 00 80 10 3132333435363738 3132333435363739", "apdu 00 24 00 80 [16 bytes withheld]"],
    // PUT KEY, and commands of which nothing is known.
    ["apdu 80D8018104 01020304", "apdu 80 D8 01 81 [4 bytes withheld]"],
    ["apdu 00DB3FFF0A5C035FC1095303313233", "apdu 00 DB 3F FF [10 bytes withheld]"],
    ["apdu 00A4040005A000000308", "apdu 00 A4 04 00 05 A0 00 00 03 08"],
    ["apdu 31 32 33 34 35 36 37 38", "apdu 31 [7 bytes withheld]"],
    ["apdu 123", "apdu"],
    ["select A000000308", "select A000000308"],
    ["-read object 5FC102", "-read object 5FC102"],
    ["sign 9A 12345678", "sign"],
    ["verify --pin env:PIN", "verify --pin env:PIN"],
  ])("of %j is %j", (line, rest) => expect(kept(line)).toBe(rest));

  it("is the name of the command alone where it was not understood, and nothing where it is none", () => {
    expect(kept("verify hunter2", false)).toBe("verify");
    expect(keptLine("hunter2", ["hunter2"], undefined, false)).toBeUndefined();
    expect(keptLine("select piv\u001b[2J", ["select", "piv"], "select", true)).toBeUndefined();
  });
});

describe("historyPath", () => {
  it.each([
    [{ HOME: "/home/me" }, "linux", "/home/me/.local/state/scard/shell-history"],
    [{ HOME: "/home/me", XDG_STATE_HOME: "/state" }, "linux", "/state/scard/shell-history"],
    [{ HOME: "/home/me", XDG_STATE_HOME: "state" }, "darwin", "/home/me/.local/state/scard/shell-history"],
    [{ LOCALAPPDATA: "C:\\Users\\me" }, "win32", "C:\\Users\\me\\scard\\shell-history"],
    [{}, "linux", undefined],
  ])("%j on %s: %s", (environment, platform, path) => expect(historyPath(environment, platform)).toBe(path));
});
