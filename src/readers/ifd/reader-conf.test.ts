// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channelNumber, parseReaderConf } from "./reader-conf.ts";

const there = (): boolean => true;
const entry = (name: string, channel = 0, device = "/dev/ttyS0") => ({
  friendlyName: name,
  library: "/lib/a.so",
  device,
  channel,
});

/** Debian's file for vpcd. */
const vpcd = `FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID    0x8C7B
`;

describe("a file of reader.conf.d", () => {
  test("of vpcd: the reader is complete at its LIBPATH, so its channel is 0", () => {
    expect(parseReaderConf(vpcd, there)).toEqual({
      readers: [
        {
          friendlyName: "Virtual PCD",
          device: "/dev/null:0x8C7B",
          library: "/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
          channel: 0,
        },
      ],
    });
  });

  test("a CHANNELID that comes last goes to the next reader", () => {
    const of = (name: string, channel: number): string =>
      `FRIENDLYNAME ${name}\nDEVICENAME /dev/ttyS0\nLIBPATH /lib/a.so\nCHANNELID ${channel}\n`;
    expect(parseReaderConf(of("A", 1) + of("B", 2) + of("C", 3), there).readers).toEqual([
      entry("A"),
      entry("B", 1),
      entry("C", 2),
    ]);
  });

  test("a reader without a device has its channel alone", () => {
    const text = "CHANNELID 0x0103F8\nFRIENDLYNAME 'Old one'\nLIBPATH /lib/a.so\n";
    expect(parseReaderConf(text, there).readers).toEqual([entry("'Old one'", 0x0103f8, "")]);
  });

  test("comments, blank lines and order do not count", () => {
    const text = "#FRIENDLYNAME x\r\n\n\t LIBPATH\t/lib/a.so # y\nDEVICENAME /dev/ttyS0 FRIENDLYNAME A\n";
    expect(parseReaderConf(text, there)).toEqual({ readers: [entry("A")] });
  });

  test("a name without its quotation marks at the end ends with the line", () => {
    expect(parseReaderConf('FRIENDLYNAME "A B\nLIBPATH /lib/a.so\nDEVICENAME /dev/ttyS0\n', there).readers).toEqual([
      entry("A B\n"),
    ]);
  });

  test.each([
    ["FRIENDLYNAME\nA", 1, '"FRIENDLYNAME" has no value on its line'],
    ["FRIENDLYNAME A\nFRIENDLYNAME B", 2, "FRIENDLYNAME stands twice"],
    ["\nNAME A", 2, '"NAME" is not one of FRIENDLYNAME, DEVICENAME, LIBPATH, CHANNELID'],
    ["FRIENDLYNAME A;", 1, 'the character ";" cannot stand outside quotation marks'],
    ["FRIENDLYNAME A\r\n", 1, 'the character "\\r" cannot stand outside quotation marks'],
    ["LIBPATH /lib/gone.so", 1, 'the library "/lib/gone.so" of LIBPATH is not there'],
    [
      "DEVICENAME ttyS0",
      1,
      'the device "ttyS0" of DEVICENAME is not there: leave DEVICENAME out where the driver does not use it',
    ],
    ["CHANNELID", 1, '"CHANNELID" has no value on its line'],
  ])("%j is an error, and readers before it stay", (text, line, message) => {
    const before = "FRIENDLYNAME Z LIBPATH /lib/a.so CHANNELID 7\n";
    const after = "\nFRIENDLYNAME Y\nLIBPATH /lib/a.so\nCHANNELID 8\n";
    const exists = (path: string): boolean => path === "/lib/a.so";
    expect(parseReaderConf(before + text + after, exists)).toEqual({
      readers: [entry("Z", 7, "")],
      problem: { line: line + 1, message },
    });
  });

  test("a device with a colon need not be a file", () => {
    const text = "FRIENDLYNAME A\nDEVICENAME /dev/ttyS9:GemPCTwin\nLIBPATH /lib/a.so\n";
    expect(parseReaderConf(text, (path) => path.startsWith("/lib")).readers).toHaveLength(1);
  });
});

test.each([
  ["0x8C7B", 0x8c7b],
  ["010", 8],
  ["10", 10],
  ["089", 0],
  ["12x", 12],
  ["-", 0],
  ["0x", 0],
  ["0xFFFFFFFFFF", 0xffff_ffff],
])("the channel %j is %i", (text, number) => {
  expect(channelNumber(text)).toBe(number);
});

test("any text is read without an exception, and every reader is whole", () => {
  const piece = fc.oneof(
    fc.constantFrom("FRIENDLYNAME ", "DEVICENAME ", "LIBPATH ", "CHANNELID ", "\n", '"', "'", "#", "A", "/x", "1 "),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      for (const { friendlyName, library, channel } of parseReaderConf(pieces.join(""), there).readers) {
        expect(friendlyName).not.toContain('"');
        expect(library).not.toBe("");
        expect(channel).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
