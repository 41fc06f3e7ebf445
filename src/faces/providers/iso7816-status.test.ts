// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { isDone, type Purpose, statusFailure } from "./iso7816-status.ts";

test.each<[number, Purpose, string]>([
  [0x6a82, "file", "SCARD_E_FILE_NOT_FOUND"],
  [0x6a82, "directory", "SCARD_E_DIR_NOT_FOUND"],
  [0x63c2, "code", "SCARD_W_WRONG_CHV"],
  [0x6300, "code", "SCARD_W_WRONG_CHV"],
  [0x63c0, "key", "SCARD_W_SECURITY_VIOLATION"],
  [0x6300, "key", "SCARD_W_SECURITY_VIOLATION"],
  [0x6983, "code", "SCARD_W_CHV_BLOCKED"],
  [0x6983, "key", "SCARD_W_SECURITY_VIOLATION"],
  [0x6988, "key", "SCARD_W_SECURITY_VIOLATION"],
  [0x6982, "write", "SCARD_W_SECURITY_VIOLATION"],
  [0x6984, "file", "SCARD_E_NO_ACCESS"],
  [0x6985, "read", "SCARD_E_NO_ACCESS"],
  [0x6986, "read", "SCARD_E_NO_FILE"],
  [0x6282, "read", "SCARD_W_EOF"],
  [0x6a83, "read", "SCARD_W_EOF"],
  [0x6a83, "write", "SCARD_E_BAD_SEEK"],
  [0x6b00, "read", "SCARD_W_EOF"],
  [0x6b00, "write", "SCARD_E_WRITE_TOO_MANY"],
  [0x6b00, "file", "SCARD_E_BAD_SEEK"],
  [0x6a84, "write", "SCARD_E_WRITE_TOO_MANY"],
  [0x6a89, "file", "SCARD_E_INVALID_VALUE"],
  [0x6a8a, "file", "SCARD_E_INVALID_VALUE"],
  [0x6700, "code", "SCARD_E_INVALID_CHV"],
  [0x6700, "write", "SCARD_E_INVALID_PARAMETER"],
  [0x6a80, "file", "SCARD_E_INVALID_PARAMETER"],
  [0x6a88, "key", "SCARD_E_INVALID_PARAMETER"],
  [0x6882, "file", "SCARD_E_UNSUPPORTED_FEATURE"],
  [0x6981, "read", "SCARD_E_UNSUPPORTED_FEATURE"],
  [0x6d00, "file", "SCARD_E_UNSUPPORTED_FEATURE"],
  [0x6581, "write", "SCARD_E_UNEXPECTED"],
  [0x9001, "file", "SCARD_E_UNEXPECTED"],
])("%i for a %s is %s", (sw, purpose, name) => {
  const failure = statusFailure({ sw }, purpose, "select");
  expect(failure.hresultName).toBe(name);
  expect(failure.message).toContain(`select: the card answers ${sw.toString(16).toUpperCase()}, `);
});

test.each<[number, Purpose, boolean]>([
  [0x9000, "code", true],
  [0x6283, "file", true],
  [0x63c3, "write", true],
  [0x63c3, "code", false],
  [0x6300, "key", false],
  [0x6a82, "file", false],
])("%i for a %s is done: %s", (sw, purpose, done) => {
  expect(isDone({ sw }, purpose)).toBe(done);
});
