// SPDX-License-Identifier: MIT

// Which PC/SC code becomes which exception: the section SmartCardError interface of the draft, step by step.

import { describe, expect, test } from "vitest";
import { SmartCardError, type SmartCardResponseCode } from "../../src/entry/web.ts";
import { type ErrorCode, errorCodes, SmartCardError as PcscError } from "../../src/port/index.ts";
import { scriptedContext } from "./scripted.ts";

/** Steps 2 to 17: the code as it stands in PC/SC, and the response code. */
const responses: readonly [string, SmartCardResponseCode][] = [
  ["SCARD_E_NO_SERVICE", "no-service"],
  ["SCARD_E_NO_SMARTCARD", "no-smartcard"],
  ["SCARD_E_NOT_READY", "not-ready"],
  ["SCARD_E_NOT_TRANSACTED", "not-transacted"],
  ["SCARD_E_PROTO_MISMATCH", "proto-mismatch"],
  ["SCARD_E_READER_UNAVAILABLE", "reader-unavailable"],
  ["SCARD_W_REMOVED_CARD", "removed-card"],
  ["SCARD_W_RESET_CARD", "reset-card"],
  ["SCARD_E_SERVER_TOO_BUSY", "server-too-busy"],
  ["SCARD_E_SHARING_VIOLATION", "sharing-violation"],
  ["SCARD_E_SYSTEM_CANCELLED", "system-cancelled"],
  ["SCARD_E_UNKNOWN_READER", "unknown-reader"],
  ["SCARD_W_UNPOWERED_CARD", "unpowered-card"],
  ["SCARD_W_UNRESPONSIVE_CARD", "unresponsive-card"],
  ["SCARD_W_UNSUPPORTED_CARD", "unsupported-card"],
  ["SCARD_E_UNSUPPORTED_FEATURE", "unsupported-feature"],
];
/** Steps 19 to 21. */
const domExceptions: Readonly<Record<string, string>> = {
  SCARD_E_INVALID_HANDLE: "InvalidStateError",
  SCARD_E_SERVICE_STOPPED: "InvalidStateError",
  SCARD_P_SHUTDOWN: "AbortError",
};
/** Codes of Win32, and what pcsc-lite has in their place. */
const win32: Readonly<Record<string, string>> = {
  ERROR_INVALID_HANDLE: "SCARD_E_INVALID_HANDLE",
  ERROR_NOT_SUPPORTED: "SCARD_E_UNSUPPORTED_FEATURE",
  ERROR_FILE_NOT_FOUND: "SCARD_E_UNSUPPORTED_FEATURE",
  ERROR_BROKEN_PIPE: "SCARD_E_NO_SERVICE",
};

/** What a promise is rejected with for a code. */
async function exceptionOf(code: ErrorCode, details = {}): Promise<Error> {
  const { context, pcsc } = await scriptedContext();
  pcsc.fail("listReaders", code, details);
  return context.listReaders().then(
    () => expect.unreachable("it is rejected"),
    (error: Error) => error,
  );
}

/** The steps, written down once more, from the name of the code. */
function expected(name: string): object {
  const code = win32[name] ?? name;
  const response = responses.find(([one]) => one === code)?.[1];
  if (response !== undefined) return { name: "SmartCardError", responseCode: response };
  if (code === "SCARD_E_INVALID_PARAMETER") return { name: "TypeError" };
  return { name: domExceptions[code] ?? "UnknownError" };
}

describe("SmartCardError interface: the corresponding exception", () => {
  const codes = (Object.entries(errorCodes) as [ErrorCode, { readonly name: string }][]).filter(
    // It is no failure of listReaders(): it is an empty list.
    ([code]) => code !== "no-readers-available",
  );

  test("every code of the draft is one of ours", () => {
    const names = codes.map(([, row]) => row.name);
    for (const [name] of responses) expect(names).toContain(name);
    for (const name of [...Object.keys(domExceptions), ...Object.keys(win32)]) expect(names).toContain(name);
    expect(codes.length).toBeGreaterThan(60);
  });

  test.each(codes)("%s", async (code, { name }) => {
    const exception = await exceptionOf(code);
    expect(exception).toMatchObject(expected(name));
    expect(exception.message).toContain(name);
    expect((exception.cause as PcscError).code).toBe(code);
    const isOfDom = exception.name !== "TypeError";
    expect(exception instanceof DOMException).toBe(isOfDom);
    expect(exception instanceof TypeError).toBe(!isOfDom);
    expect(exception instanceof SmartCardError).toBe(exception.name === "SmartCardError");
  });

  test("another failure than one of PC/SC is an UnknownError, and a TypeError of the manager stays one", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.give("listReaders", () => Promise.reject(new RangeError("odd")));
    await expect(context.listReaders()).rejects.toMatchObject({ name: "UnknownError", message: "odd" });
    pcsc.give("listReaders", () => Promise.reject("text"));
    await expect(context.listReaders()).rejects.toMatchObject({ name: "UnknownError" });
    pcsc.give("listReaders", () => Promise.reject(new TypeError("bytes")));
    await expect(context.listReaders()).rejects.toThrow(TypeError);
  });

  test("a sharing violation says who has the reader: not of the draft", async () => {
    const holder = { client: "opensc-tool", shareMode: "exclusive", transaction: false, heldMs: 3 } as const;
    expect((await exceptionOf("sharing-violation", { holder })) as SmartCardError).toMatchObject({ holder });
    expect(((await exceptionOf("sharing-violation")) as SmartCardError).holder).toBeUndefined();
  });
});

describe("SmartCardError interface: constructor and members", () => {
  test("is a DOMException of that name, without a number", () => {
    const error = new SmartCardError("a message", { responseCode: "reset-card" });
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, error.code, error.responseCode]).toEqual([
      "SmartCardError",
      "a message",
      0,
      "reset-card",
    ]);
    expect(String(error)).toBe("SmartCardError: a message");
    expect(Object.prototype.toString.call(error)).toBe("[object SmartCardError]");
    expect(error.stack).toContain("errors.test");
  });

  test("is not the SmartCardError of the rest of the package, nor the other way round", () => {
    expect(new SmartCardError("", { responseCode: "no-service" })).not.toBeInstanceOf(PcscError);
    expect(new PcscError("no-service", "none")).not.toBeInstanceOf(SmartCardError);
  });

  test("the message is a DOMString with a default", () => {
    expect(new SmartCardError(undefined, { responseCode: "no-service" }).message).toBe("");
    expect(new SmartCardError(null as never, { responseCode: "no-service" }).message).toBe("null");
    expect(() => new SmartCardError(Symbol("text") as never, { responseCode: "no-service" })).toThrow(TypeError);
  });

  test.each([undefined, null, {}, { responseCode: "No-service" }, { responseCode: undefined }, "no-service", 5])(
    "without a response code of the draft it is a TypeError: %j",
    (options) => {
      expect(() => new SmartCardError("", options as never)).toThrow(TypeError);
    },
  );

  test.each(responses.map(([, response]) => response))("has the response code %s", (responseCode) => {
    expect(new SmartCardError("", { responseCode }).responseCode).toBe(responseCode);
  });

  test("responseCode is read only", () => {
    const error = new SmartCardError("", { responseCode: "no-service" });
    expect(() => Object.assign(error, { responseCode: "reset-card" })).toThrow(TypeError);
  });
});
