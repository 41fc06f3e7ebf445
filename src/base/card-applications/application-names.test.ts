// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { hexBytes } from "../binary/index.ts";
import { applicationOf } from "./application-names.ts";

test.each([
  ["A00000030800001000", "PIV"],
  ["A000000308", "PIV"],
  ["D276000124010304000612345678", "OpenPGP"],
  ["A0000000031010", "EMV (Visa)"],
  ["A000000003000000", "the issuer security domain (Visa)"],
  ["A0000000041010", "EMV (Mastercard)"],
  ["315041592E5359532E4444463031", "EMV (payment system environment)"],
  ["A0000002471001", "eMRTD"],
  ["A0000000871002FF49FF0589", "USIM"],
  ["A0000005272101", "Yubico's OATH"],
  ["A0000006472F0001", "FIDO"],
  ["A0000003974349445F0100", "Windows' Plug and Play"],
])("%s is %s", (digits, name) => {
  expect(applicationOf(hexBytes(digits))?.name).toBe(name);
});

test.each(["", "A0", "A0000003", "F000000001"])("%j is not known", (digits) => {
  expect(applicationOf(hexBytes(digits))).toBeUndefined();
});
