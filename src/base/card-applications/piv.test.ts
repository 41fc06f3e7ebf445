// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { nameOfNumber } from "./name-of-number.ts";
import { pivMainSlots, pivManagementTouch, pivPinPolicies, pivRetiredSlots } from "./piv.ts";
import { encodePivCertificate } from "./piv-certificate.ts";

const inHex = (number: number): string => number.toString(16).toUpperCase();

test("the keys of NIST SP 800-73-4 part 1, table 4b, with the containers of table 3", () => {
  const slots = pivMainSlots.map(({ certificate, pinPolicy, reference }) => [
    inHex(reference),
    inHex(certificate),
    pinPolicy,
  ]);
  expect(slots).toEqual([
    ["9A", "5FC105", "once"],
    ["9C", "5FC10A", "always"],
    ["9D", "5FC10B", "once"],
    ["9E", "5FC101", "never"],
  ]);
});

test("the twenty retired keys are 82 to 95, and their containers 5FC10D to 5FC120", () => {
  expect(pivRetiredSlots).toHaveLength(20);
  expect(pivRetiredSlots.at(0)).toEqual({ reference: 0x82, certificate: 0x5fc10d, pinPolicy: "once" });
  expect(pivRetiredSlots.at(-1)).toEqual({ reference: 0x95, certificate: 0x5fc120, pinPolicy: "once" });
});

test("a certificate in its object: the certificate, CertInfo, and an empty error detection code", () => {
  expect(encodeHex(encodePivCertificate(hexBytes("3003020101")))).toBe("70053003020101710100FE00");
});

test("a number has the name that its table gives it, and none where the table has no such number", () => {
  expect([1, 2, 3].map((number) => nameOfNumber(pivPinPolicies, number))).toEqual(["never", "once", "always"]);
  expect(nameOfNumber(pivManagementTouch, 0xfd)).toBe("cached");
  expect(nameOfNumber(pivPinPolicies, 0)).toBeUndefined();
  expect(nameOfNumber(pivPinPolicies, undefined)).toBeUndefined();
});
