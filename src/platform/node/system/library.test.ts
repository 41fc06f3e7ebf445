// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { loadLibrary } from "./library.ts";

test("without koffi it says what to install", async () => {
  const missing = new AggregateError([], "the optional package @koromix/koffi-x is missing: npm install it");
  const failing = loadLibrary(undefined, () => {
    throw missing;
  });
  const message = expect.stringContaining(missing.message);
  await expect(failing).rejects.toMatchObject({ code: "unsupported-feature", message, cause: missing });
});

describe("without the library", () => {
  test("it says what was tried and what to do", async () => {
    await expect(loadLibrary("/nowhere/libpcsclite.so.1")).rejects.toMatchObject({
      code: "no-service",
      message: expect.stringMatching(/tried \/nowhere\/libpcsclite\.so\.1 \(.+\)\. (?:Install it|It is part of)/),
    });
  });
});

test.skipIf(process.platform !== "linux")("a library that is another one is told by what it lacks", async () => {
  await expect(loadLibrary("libc.so.6")).rejects.toMatchObject({
    code: "unsupported-feature",
    message: expect.stringContaining("no function SCardEstablishContext"),
  });
});
