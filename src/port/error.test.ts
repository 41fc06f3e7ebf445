// SPDX-License-Identifier: MIT

import { describe, expect, it, vi } from "vitest";
import {
  AssertionError,
  assert,
  assertNever,
  describeHolder,
  type ErrorCode,
  errorCodes,
  SmartCardError,
} from "./index.ts";

describe("SmartCardError", () => {
  it.each(Object.keys(errorCodes) as ErrorCode[])(
    "%s: says the name people search for and carries C's number",
    (code) => {
      const error = new SmartCardError(code, "what happened");
      expect(error.message).toBe(`${errorCodes[code].name}: what happened`);
      expect(error.reason).toBe("what happened");
      // It is in the message already, and is not printed twice.
      expect(Object.keys(error)).toEqual(["name", "code", "rv", "details"]);
      expect(error.code).toBe(code);
      expect(error.rv).toBe(errorCodes[code].windows);
    },
  );

  it("has one of the codes that there are", () => {
    for (const code of ["time-out", "toString", null, undefined, 5, Object.create(null)]) {
      expect(() => new SmartCardError(code as never, "…")).toThrow(/^SmartCardError: code is .*; give one such as/);
    }
  });

  it("keeps details and cause, and is an Error by that name", () => {
    const cause = new Error("the socket closed");
    const details = { reader: "Reader 0", operation: "connect" };
    const error = new SmartCardError("no-service", "nothing listens", details, { cause });
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.details, error.cause]).toEqual(["SmartCardError", details, cause]);
    expect(String(error)).toBe("SmartCardError: SCARD_E_NO_SERVICE: nothing listens");
  });

  it("is recognized across two copies of the package in one process", async () => {
    vi.resetModules();
    const other = await import("./error.ts");
    expect(other.SmartCardError).not.toBe(SmartCardError);
    expect(new other.SmartCardError("timeout", "…")).toBeInstanceOf(SmartCardError);
    expect(new SmartCardError("timeout", "…")).toBeInstanceOf(other.SmartCardError);
  });

  it.each([
    ["an error of another kind", new Error("no")],
    ["something that only looks like one", { name: "SmartCardError", code: "timeout", rv: 0x8010_000a }],
    ["null", null],
    ["a string", "SmartCardError"],
    ["undefined", undefined],
  ])("is not mistaken for %s", (_, value) => {
    expect(value instanceof SmartCardError).toBe(false);
  });

  it("shows no brand when it is printed or copied", () => {
    const error = new SmartCardError("timeout", "…");
    expect(Object.getOwnPropertySymbols({ ...error })).toEqual([]);
  });
});

describe("describeHolder", () => {
  const base = { client: "opensc-tool", pid: 4711, shareMode: "exclusive", transaction: false, heldMs: 3200 } as const;

  it("says who, how and since when", () => {
    expect(describeHolder(base)).toBe("opensc-tool (pid 4711) is connected in exclusive mode since 3.2 s");
    expect(describeHolder({ ...base, shareMode: "direct" })).toContain("in direct mode");
  });

  it("says that a transaction is the reason", () => {
    expect(describeHolder({ ...base, shareMode: "shared", transaction: true, heldMs: 40 })).toBe(
      "opensc-tool (pid 4711) is in a transaction since 40 ms",
    );
  });

  it("leaves out a process id that is not known", () => {
    const { pid: _, ...unknown } = base;
    expect(describeHolder(unknown)).toBe("opensc-tool is connected in exclusive mode since 3.2 s");
  });
});

describe("assert", () => {
  it("throws for a broken invariant, and the error is no SmartCardError: it is not to be caught as one", () => {
    expect(() => assert(true, "fine")).not.toThrow();
    expect(() => assert(false, "the queue is empty")).toThrow(AssertionError);
    expect(() => assert(0, "the queue is empty")).toThrow("the queue is empty");
    expect(new AssertionError("…")).not.toBeInstanceOf(SmartCardError);
  });

  it("assertNever names what it met", () => {
    expect(() => assertNever({ kind: "lost" } as never, "slot state")).toThrow('unknown slot state: {"kind":"lost"}');
  });
});
