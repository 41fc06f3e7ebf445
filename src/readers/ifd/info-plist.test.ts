// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseBundleInfo, parsePlist } from "./info-plist.ts";

const plist = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">\n<dict>\n${body}\n</dict>\n</plist>\n`;
const list = (key: string, ...values: string[]): string =>
  `<key>${key}</key>\n<array>\n${values.map((value) => `\t<string>${value}</string>\n`).join("")}</array>\n`;
const one = (key: string, value: string): string => `<key>${key}</key>\n<string>${value}</string>\n`;

const twoReaders =
  one("CFBundleExecutable", "libtwo.so.1") +
  list("ifdVendorID", "0x08E6", "0x072F") +
  list("ifdProductID", "0x3437", "90CC") +
  list("ifdFriendlyName", "GemPC Twin", "A &amp; B &lt; C");

describe("a bundle's Info.plist", () => {
  test("gives the library and the readers", () => {
    expect(parseBundleInfo(plist(twoReaders))).toEqual({
      executable: "libtwo.so.1",
      isClassDriver: false,
      readers: [
        { vendorId: 0x08e6, productId: 0x3437, friendlyName: "GemPC Twin" },
        { vendorId: 0x072f, productId: 0x90cc, friendlyName: "A & B &lt; C" },
      ],
    });
  });

  test("of the class driver is known by its CFBundleName", () => {
    const info = parseBundleInfo(plist(one("CFBundleName", "CCIDCLASSDRIVER") + twoReaders));
    expect(info).toMatchObject({ isClassDriver: true });
    expect(parseBundleInfo(plist(one("CFBundleName", "cyberjack-ifd") + twoReaders))).toMatchObject({
      isClassDriver: false,
    });
  });

  test.each([
    ["CFBundleExecutable", "has no CFBundleExecutable"],
    ["ifdVendorID", "has no ifdVendorID"],
    ["ifdProductID", "has no ifdProductID"],
    ["ifdFriendlyName", "has no ifdFriendlyName"],
  ])("without %s is refused", (key, problem) => {
    expect(parseBundleInfo(plist(twoReaders.replace(key, "other")))).toEqual({ problem });
  });

  test("with lists of different lengths is refused", () => {
    const text = plist(twoReaders.replace("\t<string>90CC</string>\n", ""));
    expect(parseBundleInfo(text)).toEqual({
      problem: "has lists of different lengths: 2 of ifdVendorID, 1 of ifdProductID, 2 of ifdFriendlyName",
    });
  });

  test("whose library is a path is refused", () => {
    const text = plist(twoReaders.replace("libtwo.so.1", "../../../tmp/libevil.so"));
    expect(parseBundleInfo(text)).toEqual({ problem: "has a CFBundleExecutable that is not the name of a file" });
  });
});

describe("keys and values as pcscd's scanner takes them", () => {
  const values = (text: string, key = "k"): readonly string[] | undefined => parsePlist(text).get(key);

  test("also in comments of XML", () => {
    expect(values("<!-- <key>k</key> <string>a</string> -->")).toEqual(["a"]);
  });

  test("but not behind #", () => {
    expect(values("<key>k</key> # <string>a</string>\n<string>b # c</string>")).toEqual(["b # c"]);
    expect(values("# <key>k</key>\r\n<key>k</key><string>a</string>\r\n")).toEqual(["a"]);
  });

  test("a string lasts to the last end tag of its line, and its value to the first <", () => {
    expect(values("<key>k</key><string>a</string><string>b</string>\n<string>c</string>")).toEqual(["a", "c"]);
    expect(values("<key>k</key>\n<string></string>\n<string></string>x</string>")).toEqual([""]);
  });

  test("no tag goes over the end of a line", () => {
    expect(values("<key>k</key>\n<string>a\n</string>\n<key>\nk</key><string>b</string>")).toEqual(["b"]);
  });

  test("a key has letters, digits and blanks alone", () => {
    expect([...parsePlist("<key>a-b</key><string>1</string>\n<key>a 1\t</key>\n<string>2</string>")]).toEqual([
      ["a 1\t", ["2"]],
    ]);
  });

  test("values before the first key are dropped, and the last of two keys counts", () => {
    expect([
      ...parsePlist("<string>0</string>\n<key>k</key>\n<string>1</string>\n<key>k</key>\n<string>2</string>"),
    ]).toEqual([["k", ["2"]]]);
  });

  test.each([
    ["0x08E6", 0x08e6],
    [" 8e6", 0x8e6],
    ["0x", 0],
    ["08E6h", 0x8e6],
    ["", 0],
    ["none", 0],
  ])("the number %j is %i", (text, number) => {
    const info = parseBundleInfo(
      plist(
        one("CFBundleExecutable", "l") +
          `<key>ifdVendorID</key><string>${text}<x></string>\n` +
          one("ifdProductID", "1") +
          one("ifdFriendlyName", "n"),
      ),
    );
    expect(info).toMatchObject({ readers: [{ vendorId: number }] });
  });
});

test("any text is read without an exception", () => {
  const piece = fc.oneof(
    fc.constantFrom("<key>", "</key>", "<string>", "</string>", "\n", "#", "ifdVendorID", "&amp;", "<"),
    fc.string(),
  );
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join("")),
      (text) => {
        for (const [key, strings] of parsePlist(text)) {
          expect(key).toMatch(/^[A-Za-z0-9 \t]+$/);
          for (const string of strings) expect(string).not.toMatch(/[<\n]/);
        }
        parseBundleInfo(text);
      },
    ),
  );
});
