// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { encodeBerTlv } from "./ber-tlv.ts";
import {
  decodeFileControl,
  encodeFileControl,
  encodeShortId,
  type FileControl,
  type FileControlTemplate,
} from "./file-control.ts";
import { decodeFileDescriptor, encodeFileDescriptor, type FileDescriptor } from "./file-descriptor.ts";
import { decodeLifeCycle, encodeLifeCycle, type LifeCycle } from "./life-cycle.ts";

describe("file descriptor, ISO/IEC 7816-4:2005, tables 12 and 14", () => {
  test.each<[string, FileDescriptor]>([
    ["38", { structure: "df" }],
    ["78", { structure: "df", shareable: true }],
    ["01", { structure: "transparent" }],
    ["0121", { structure: "transparent", dataCoding: 0x21 }],
    ["09", { structure: "transparent", category: "internal" }],
    ["02210010", { structure: "linear-fixed", dataCoding: 0x21, recordBytes: 16 }],
    ["0321001005", { structure: "linear-fixed", tlvRecords: true, dataCoding: 0x21, recordBytes: 16, records: 5 }],
    ["04210010", { structure: "linear-variable", dataCoding: 0x21, recordBytes: 16 }],
    ["05", { structure: "linear-variable", tlvRecords: true }],
    ["4621FFFF0123", { structure: "cyclic", shareable: true, dataCoding: 0x21, recordBytes: 0xffff, records: 0x123 }],
    ["07", { structure: "cyclic", tlvRecords: true }],
    ["39", { structure: "ber-tlv" }],
    ["3A", { structure: "simple-tlv" }],
  ])("%s", (hex, descriptor) => {
    expect(encodeHex(encodeFileDescriptor(descriptor))).toBe(hex);
    expect(decodeFileDescriptor(hexBytes(hex))).toEqual({
      category: "working",
      shareable: false,
      tlvRecords: false,
      dataCoding: undefined,
      recordBytes: undefined,
      records: undefined,
      ...descriptor,
    });
  });

  test.each([
    ["", undefined, "proprietary"],
    ["81", undefined, "proprietary"],
    ["00", undefined, "working"],
    ["3B", undefined, "working"],
    ["11", "transparent", "proprietary"],
  ])("%s tells no structure, or a category of the card's own", (hex, structure, category) => {
    expect(decodeFileDescriptor(hexBytes(hex))).toMatchObject({ structure, category });
  });

  test("a record size of one byte is read too", () => {
    expect(decodeFileDescriptor(hexBytes("022108"))).toMatchObject({ recordBytes: 8, records: undefined });
  });

  test.each<[string, FileDescriptor]>([
    ["no structure", { structure: undefined }],
    ["a category of the card's own", { structure: "transparent", category: "proprietary" }],
    ["TLV records in a file without records", { structure: "transparent", tlvRecords: true }],
    ["an internal directory", { structure: "df", category: "internal" }],
    ["records without their size", { structure: "cyclic", dataCoding: 1, records: 1 }],
    ["a size without data coding", { structure: "cyclic", recordBytes: 1 }],
    ["too long a record", { structure: "cyclic", dataCoding: 1, recordBytes: 65_536 }],
  ])("refuses to write %s", (_, descriptor) => {
    expect(() => encodeFileDescriptor(descriptor)).toThrow(RangeError);
  });
});

describe("life cycle status byte, ISO/IEC 7816-4:2005, table 13", () => {
  test.each<[LifeCycle, number, number[]]>([
    ["creation", 0x01, [0x01]],
    ["initialisation", 0x03, [0x03]],
    ["activated", 0x05, [0x05, 0x07]],
    ["deactivated", 0x04, [0x04, 0x06]],
    ["terminated", 0x0c, [0x0c, 0x0d, 0x0e, 0x0f]],
  ])("%s", (lifeCycle, written, read) => {
    expect(encodeLifeCycle(lifeCycle)).toBe(written);
    expect(read.map(decodeLifeCycle)).toEqual(read.map(() => lifeCycle));
  });

  test("any other byte tells nothing", () => {
    const known = [0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x0d, 0x0e, 0x0f];
    for (let byte = 0; byte < 256; byte++) expect(decodeLifeCycle(byte) !== undefined).toBe(known.includes(byte));
  });
});

describe("file control information, ISO/IEC 7816-4:2005, 5.3.3", () => {
  const application: FileControl = {
    descriptor: { structure: "df" },
    fileId: 0x5100,
    dfName: hexBytes("A000000001"),
    lifeCycle: "activated",
    security: { kind: "compact", rules: hexBytes("0300FF") },
    label: "club",
  };

  test.each<[FileControlTemplate, string]>([
    ["fcp", "6216 820138 83025100 8405A000000001 8A0105 8C030300FF"],
    ["fmd", "640D 8405A000000001 5004636C7562"],
    ["fci", "6F1C 820138 83025100 8405A000000001 8A0105 8C030300FF 5004636C7562"],
  ])("%s of an application", (template, hex) => {
    const bytes = encodeFileControl(template, application);
    expect(encodeHex(bytes)).toBe(hex.replaceAll(" ", ""));
    expect(decodeFileControl(bytes)).toMatchObject(
      template === "fmd" ? { dfName: application.dfName, label: "club" } : { fileId: 0x5100, problems: [] },
    );
  });

  test.each<[string, FileControl]>([
    ["800200FF", { dataBytes: 255 }],
    ["8003010000", { dataBytes: 65_536 }],
    ["810400FFFFFF", { totalBytes: 0xff_ffff }],
    ["8800", { shortId: "none" }],
    ["8801F0", { shortId: 30 }],
    ["8B032F0601", { security: { kind: "reference", fileId: 0x2f06, record: 1 } }],
    ["AB03800101", { security: { kind: "expanded", rules: [{ tag: 0x80, value: Uint8Array.of(1) }] } }],
  ])("%s", (hex, control) => {
    const written = hex === "810400FFFFFF" ? "8103FFFFFF" : hex;
    expect(encodeHex(encodeFileControl("fcp", control))).toBe(encodeHex(encodeBytes(written)));
    expect(decodeFileControl(encodeBytes(hex))).toMatchObject({ ...control, problems: [] });
  });

  function encodeBytes(inside: string): Uint8Array {
    return Uint8Array.of(0x62, inside.length / 2, ...hexBytes(inside));
  }

  test.each([
    ["80050000000001", 0x80],
    ["8207012100010001FF", 0x82],
    ["830100", 0x83],
    ["8400", 0x84],
    [`8411${"A0".repeat(17)}`, 0x84],
    ["880101", 0x88],
    ["8801F8", 0x88],
    ["8A00", 0x8a],
    ["8A0110", 0x8a],
    ["8B032F0600", 0x8b],
    ["8B022F06", 0x8b],
    ["8B032F06FF", 0x8b],
    ["83022F0183022F02", 0x83],
  ])("%s is malformed: it is named", (hex, tag) => {
    expect(decodeFileControl(encodeBytes(hex)).problems).toEqual([tag]);
  });

  test("tells what stood side by side, and reads templates alone", () => {
    expect(decodeFileControl(hexBytes("6203820138610183")).templates).toEqual([]);
    expect(decodeFileControl(hexBytes("62038201385003414243"))).toMatchObject({
      templates: [0x62, 0x50],
      descriptor: { structure: "df" },
      label: undefined,
    });
  });

  test.each<[string, FileControl, string]>([
    ["a name of 17 bytes", { dfName: new Uint8Array(17) }, "RangeError"],
    ["short identifier 31", { shortId: 31 }, "RangeError"],
    ["an identifier of three bytes", { fileId: 0x1_0000 }, "RangeError"],
    ["record 0", { security: { kind: "reference", fileId: 1, record: 0 } }, "RangeError"],
    ["record 255", { security: { kind: "reference", fileId: 1, record: 255 } }, "RangeError"],
    ["a misspelt member", { fileid: 1 } as FileControl, "TypeError"],
  ])("refuses to write %s", (_, control, name) => {
    expect(() => encodeFileControl("fcp", control)).toThrow(expect.objectContaining({ name }));
  });

  test("short identifier as an object of its own", () => {
    expect([...encodeShortId(1), ...encodeShortId("none")]).toEqual([8]);
  });
});

const structures = ["transparent", "linear-fixed", "linear-variable", "cyclic"] as const;
const descriptors: fc.Arbitrary<FileDescriptor> = fc.record({
  structure: fc.constantFrom(...structures),
  category: fc.constantFrom("working" as const, "internal" as const),
  shareable: fc.boolean(),
  tlvRecords: fc.constant(false),
  dataCoding: fc.nat(255),
  recordBytes: fc.nat(65_535),
  records: fc.nat(65_535),
});
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const controls: fc.Arbitrary<FileControl> = fc.record({
  dataBytes: optional(fc.nat(0xffff_ffff)),
  totalBytes: optional(fc.nat(0xffff_ffff)),
  descriptor: optional(descriptors),
  fileId: optional(fc.nat(0xffff)),
  dfName: optional(fc.uint8Array({ minLength: 1, maxLength: 16 })),
  shortId: optional(fc.oneof(fc.constant("none" as const), fc.integer({ min: 1, max: 30 }))),
  lifeCycle: optional(
    fc.constantFrom<LifeCycle>("creation", "initialisation", "activated", "deactivated", "terminated"),
  ),
  security: optional(
    fc.oneof(
      fc.record({
        kind: fc.constant("reference" as const),
        fileId: fc.nat(0xffff),
        record: fc.integer({ min: 1, max: 254 }),
      }),
      fc.record({ kind: fc.constant("compact" as const), rules: fc.uint8Array({ maxLength: 8 }) }),
    ),
  ),
  label: optional(fc.string({ unit: "binary", maxLength: 16 })),
});

test("property: what is written is read again", () => {
  fc.assert(
    fc.property(controls, (control) => {
      const { objects, problems, templates, ...read } = decodeFileControl(encodeFileControl("fci", control));
      expect(read).toEqual(control);
      expect([problems, templates]).toEqual([[], [0x6f]]);
      expect(objects.length).toBe(Object.values(control).filter((value) => value !== undefined).length);
    }),
  );
});

test("property: any bytes are read, and what is read without a problem is written again", () => {
  const object = fc.record({
    tag: fc.constantFrom(0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x88, 0x8a, 0x8b, 0x8c, 0x50),
    value: fc.uint8Array({ maxLength: 8 }),
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(object, { maxLength: 8 }), (any, children) => {
      decodeFileControl(any);
      const { objects, problems, templates, ...control } = decodeFileControl(encodeBerTlv([{ tag: 0x62, children }]));
      expect(objects.length).toBe(children.length);
      if (problems.length > 0 || control.descriptor?.structure === undefined) return;
      if (control.descriptor.category === "proprietary") return;
      const again = decodeFileControl(encodeFileControl("fci", control));
      expect(again).toMatchObject(control.security === undefined ? control : { ...control, security: again.security });
    }),
    { numRuns: 300 },
  );
});
