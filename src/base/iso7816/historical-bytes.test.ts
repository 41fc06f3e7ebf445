// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../binary/index.ts";
import { decodeHistoricalBytes, type HistoricalBytes } from "./historical-bytes.ts";

function decode(hex: string): HistoricalBytes {
  return decodeHistoricalBytes(hexBytes(hex));
}

describe("categories, ISO/IEC 7816-4:2005, 8.1.1", () => {
  test.each([
    ["", { kind: "none" }],
    ["1005", { kind: "dir-reference", category: 0x10, reference: 5 }],
    ["10", { kind: "dir-reference", category: 0x10, reference: undefined }],
    ["8101", { kind: "reserved", category: 0x81 }],
    ["8F", { kind: "reserved", category: 0x8f }],
    ["90", { kind: "proprietary", category: 0x90 }],
    ["59756269", { kind: "proprietary", category: 0x59 }],
    ["804F0401020304", { kind: "application-identifier", category: 0x80, identifier: Uint8Array.of(1, 2, 3, 4) }],
  ])("%s", (hex, expected) => {
    expect(decode(hex)).toEqual(expected);
  });

  test.each([
    ["00", "no status indicator of three bytes"],
    ["009000", "no status indicator of three bytes"],
    ["8065010203", "value of compact tag 6 should have 5 bytes, but only 3 are left"],
  ])("%s is malformed", (hex, reason) => {
    const historical = decode(hex);
    expect(historical.kind).toBe("malformed");
    expect(historical.kind === "malformed" && historical.reason).toContain(reason);
  });
});

describe("status indicator, 8.1.1.3", () => {
  test.each([
    ["0012233F0F9000", { lifeCycle: 0x0f, sw: 0x9000 }],
    ["00000000", { lifeCycle: undefined, sw: undefined }],
    ["808105", { lifeCycle: 5, sw: undefined }],
    ["80829000", { lifeCycle: undefined, sw: 0x9000 }],
    ["8083079000", { lifeCycle: 7, sw: 0x9000 }],
    ["8080", undefined],
    ["803180", undefined],
  ])("%s", (hex, status) => {
    expect(decode(hex)).toMatchObject({ kind: "compact-tlv", status });
  });
});

describe("card service data and card capabilities", () => {
  test("of a UICC, as pcsc-tools' ATR_analysis reads 80 31 E0 73 FE 21 1B 57 37 86 60 A4 01 80 13", () => {
    expect(decode("8031E073FE211B57378660A4018013")).toMatchObject({
      serviceData: {
        selectByFullName: true,
        selectByPartialName: true,
        objectsInEfDir: true,
        objectsInEfAtr: false,
        access: "read-record",
        hasMasterFile: true,
      },
      capabilities: {
        selection: {
          byFullName: true,
          byPartialName: true,
          byPath: true,
          byFileIdentifier: true,
          implicit: true,
          shortFileIdentifier: true,
          recordNumber: true,
          recordIdentifier: false,
        },
        coding: { tlvFiles: false, writeBehaviour: "proprietary", tagFfValid: false, dataUnitQuartets: 2 },
        transport: {
          commandChaining: false,
          extendedLength: false,
          channelNumberByCard: true,
          channelNumberByReader: true,
          channels: 4,
        },
      },
    });
  });

  test("of a YubiKey 5: chaining and extended lengths", () => {
    expect(decode("8073C021C057597562694B6579")).toMatchObject({
      serviceData: undefined,
      capabilities: { transport: { commandChaining: true, extendedLength: true, channels: 1 } },
    });
  });

  test("one table alone", () => {
    const historical = decode("807180");
    expect(historical.kind === "compact-tlv" && Object.keys(historical.capabilities ?? {})).toEqual(["selection"]);
  });

  test.each([
    ["803108", "read-binary"],
    ["803104", "get-data"],
    ["803102", "reserved"],
    ["80310E", "reserved"],
  ])("access service %s", (hex, access) => {
    expect(decode(hex)).toMatchObject({ serviceData: { access, hasMasterFile: true } });
  });
});

test("property: any bytes are historical bytes of some kind", () => {
  const shaped = fc
    .tuple(fc.constantFrom(0x00, 0x10, 0x80), fc.uint8Array({ maxLength: 20 }))
    .map(([category, rest]) => Uint8Array.of(category, ...rest));
  fc.assert(
    fc.property(fc.oneof(shaped, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      expect(decodeHistoricalBytes(bytes).kind).toMatch(/^[a-z-]+$/);
    }),
  );
});
