// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  type CardParameters,
  type ClockStopCode,
  decodeParameters,
  encodeParameters,
  protocolNumber,
} from "./parameters.ts";

const byte = fc.integer({ min: 0, max: 255 });
const common = {
  factorsCode: byte,
  inverse: fc.boolean(),
  guardTime: byte,
  clockStop: fc.constantFrom<ClockStopCode>(0, 1, 2, 3),
};
const t0 = fc.record({ protocol: fc.constant("t0" as const), ...common, waitingInteger: byte });
const t1 = fc.record({
  protocol: fc.constant("t1" as const),
  ...common,
  edc: fc.constantFrom("lrc" as const, "crc" as const),
  bwi: fc.integer({ min: 0, max: 9 }),
  cwi: fc.integer({ min: 0, max: 15 }),
  ifsc: byte,
  nad: byte,
});

describe("abProtocolDataStructure, CCID 1.1, 6.1.7", () => {
  test("what is written is read", () => {
    fc.assert(
      fc.property(fc.oneof(t0, t1), (parameters) => {
        const decoded = decodeParameters(protocolNumber(parameters.protocol), encodeParameters(parameters));
        expect(decoded).toEqual({ ok: true, value: parameters });
      }),
    );
  });

  test.each<[string, CardParameters, string]>([
    [
      "T=0, inverse convention",
      { protocol: "t0", factorsCode: 0x11, inverse: true, guardTime: 255, clockStop: 0, waitingInteger: 10 },
      "1102FF0A00",
    ],
    [
      "T=1 with CRC",
      {
        ...{ protocol: "t1", factorsCode: 0x95, inverse: false, guardTime: 0, clockStop: 0 },
        edc: "crc",
        bwi: 4,
        cwi: 5,
        ifsc: 254,
        nad: 0,
      },
      "9511004500FE00",
    ],
  ])("%s", (_name, parameters, bytes) => expect(encodeHex(encodeParameters(parameters))).toBe(bytes));

  test.each([
    ["T=0 of another length", 0, "110000"],
    ["T=1 of another length", 1, "1100000A00"],
    ["another protocol", 2, "1100000A00"],
  ])("%s is an error", (_name, protocol, bytes) => {
    expect(decodeParameters(protocol, hexBytes(bytes))).toMatchObject({ ok: false });
  });
});
