// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBase64Url } from "./base64url.ts";

test("property: base64url is what Node writes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(encodeBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
    }),
  );
});
