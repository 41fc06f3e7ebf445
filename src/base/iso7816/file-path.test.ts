// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { decodeFileIds, encodeFileIds, MASTER_FILE_ID } from "./file-path.ts";

test("a path is identifiers of two bytes", () => {
  expect(encodeHex(encodeFileIds([MASTER_FILE_ID, 0x0001]))).toBe("3F000001");
  expect(decodeFileIds(hexBytes("3F000001FF"))).toEqual([0x3f00, 1]);
});

test("property: what is written is read again", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffff)), (ids) => {
      expect(decodeFileIds(encodeFileIds(ids))).toEqual(ids);
    }),
  );
});
