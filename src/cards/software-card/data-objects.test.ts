// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { byteObject, onlyObject, readDataObjects, valueIn } from "./data-objects.ts";

it("finds the first with a tag, and the only one", () => {
  const two = Uint8Array.of(0x80, 1, 5, 0x80, 1, 6);
  expect(valueIn(readDataObjects(two) ?? [], 0x80)).toEqual(Uint8Array.of(5));
  expect(onlyObject(two, 0x80)).toBeUndefined();
  expect(onlyObject(two.subarray(3), 0x80)).toEqual(Uint8Array.of(6));
  expect(onlyObject(two.subarray(3), 0x81)).toBeUndefined();
  expect(readDataObjects(two.subarray(1))).toBeUndefined();
  expect(byteObject(0x80, 5)).toEqual(two.subarray(0, 3));
});
