// SPDX-License-Identifier: MIT

import { describe, expect, it, test } from "vitest";
import {
  checkConnectOptions,
  checkContextOptions,
  checkControl,
  checkDisposition,
  checkDword,
  checkGetAttribute,
  checkGroups,
  checkIdentity,
  checkQueries,
  checkReaderName,
  checkReconnectOptions,
  checkSetAttribute,
  checkTransmit,
  checkTransmitOptions,
  checkWait,
} from "./index.ts";

const good = { shareMode: "shared", preferredProtocols: ["t0", "t1"] };

function refusal(code: string, message: RegExp): Error {
  return expect.objectContaining({ name: "SmartCardError", code, message: expect.stringMatching(message) });
}

describe("what is well formed passes", () => {
  it("as a copy, which no later change of the caller's reaches", () => {
    const protocols = ["t1"];
    const options = checkConnectOptions({ shareMode: "exclusive", preferredProtocols: protocols, timeoutMs: 5 }, "R");
    protocols[0] = "t0";
    expect(options).toEqual({ shareMode: "exclusive", preferredProtocols: ["t1"], timeoutMs: 5 });
    expect(checkConnectOptions({ shareMode: "direct", preferredProtocols: [] }, "R").preferredProtocols).toEqual([]);
    expect(checkReconnectOptions({ ...good, initialization: "reset" }, "R").initialization).toBe("reset");
    expect(checkContextOptions()).toEqual({});
    expect(checkContextOptions({ scope: "system", oneAtATime: true })).toEqual({ scope: "system", oneAtATime: true });
    expect(checkWait("status", undefined)).toEqual({});
    expect(checkGroups(["SCard$AllReaders"])).toEqual(["SCard$AllReaders"]);
    expect(checkGroups(undefined)).toBeUndefined();
    expect(() => checkIdentity({ name: "a", pid: 1 })).not.toThrow();
    expect(checkTransmitOptions({ protocol: undefined })).toEqual({});
    expect(checkDword("control", -1, "code")).toBe(0xffff_ffff);
    const call = { number: 0xffff_ffff, wait: { timeoutMs: 5 } };
    expect(checkControl(-1, new Uint8Array(), { timeoutMs: 5 })).toEqual(call);
    expect(checkGetAttribute(-1, { timeoutMs: 5 })).toEqual(call);
    expect(checkSetAttribute(-1, new Uint8Array(), { timeoutMs: 5 })).toEqual(call);
    expect(checkTransmit(new Uint8Array(4), { protocol: "t1" }, "R")).toEqual({ protocol: "t1" });
  });

  it("and a report serves as the next query", () => {
    const report = { reader: "R", flags: { present: true, changed: true }, eventCount: 7, atr: Uint8Array.of(0x3b) };
    expect(checkQueries([report, { reader: "S", flags: { inuse: false } }])).toEqual([
      report,
      { reader: "S", flags: {} },
    ]);
  });
});

test.each<[string, () => unknown, string, RegExp]>([
  [
    "no options",
    () => checkConnectOptions(undefined, "R"),
    "invalid-parameter",
    /options is undefined; pass an object/,
  ],
  ["a share mode", () => checkConnectOptions({ ...good, shareMode: "sharde" }, "R"), "invalid-value", /mean "shared"/],
  [
    "no share mode",
    () => checkConnectOptions({ preferredProtocols: ["t0"] }, "R"),
    "invalid-value",
    /shareMode is undef/,
  ],
  ["a protocol", () => checkConnectOptions({ ...good, preferredProtocols: ["T0"] }, "R"), "invalid-value", /mean "t0"/],
  [
    "protocols",
    () => checkConnectOptions({ ...good, preferredProtocols: "t0" }, "R"),
    "invalid-parameter",
    /an array of/,
  ],
  [
    "no protocols",
    () => checkConnectOptions({ shareMode: "shared" }, "R"),
    "invalid-parameter",
    /preferredProtocols is/,
  ],
  ["none", () => checkConnectOptions({ ...good, preferredProtocols: [] }, "R"), "proto-mismatch", /names no protocol/],
  ["a member", () => checkConnectOptions({ ...good, timeout: 10 }, "R"), "invalid-parameter", /mean timeoutMs\?/],
  ["initialization", () => checkReconnectOptions(good, "R"), "invalid-value", /initialization is undefined/],
  [
    "eject",
    () => checkReconnectOptions({ ...good, initialization: "eject" }, "R"),
    "invalid-value",
    /"leave", "reset" or/,
  ],
  ["scope", () => checkContextOptions({ scope: "users" }), "invalid-value", /Did you mean "user"\?/],
  ["oneAtATime", () => checkContextOptions({ oneAtATime: "yes" }), "invalid-parameter", /give true or false/],
  [
    "a disposition",
    () => checkDisposition("disconnect", "leaf"),
    "invalid-value",
    /disposition is "leaf"\. Did you mean "leave/,
  ],
  [
    "a protocol to transmit",
    () => checkTransmitOptions({ protocol: "t2" }),
    "invalid-value",
    /options.protocol is "t2"/,
  ],
  ["an options object as disposition", () => checkDisposition("disconnect", {}), "invalid-value", /is an object/],
  ["a code", () => checkDword("control", 1.5, "code"), "invalid-parameter", /code is 1.5; give a whole number/],
  ["a code that is text", () => checkDword("control", "0x42000001", "code"), "invalid-parameter", /code is a string/],
  [
    "a reader",
    () => checkReaderName("connect", 0),
    "invalid-parameter",
    /reader is 0; pass the reader's name as a string/,
  ],
  [
    "an empty name",
    () => checkReaderName("connect", ""),
    "unknown-reader",
    /reader is an empty string, which no reader/,
  ],
  ["a NUL", () => checkReaderName("connect", "a\0b"), "unknown-reader", /a NUL in it/],
  ["a long name", () => checkReaderName("connect", "x".repeat(5000)), "unknown-reader", /a string of 5000 characters/],
  ["groups", () => checkGroups("SCard$AllReaders"), "invalid-parameter", /groups is a string; pass an array/],
  ["a group", () => checkGroups([5]), "invalid-parameter", /groups\[0\] is 5/],
  ["queries", () => checkQueries("R"), "invalid-parameter", /queries is a string; pass an array of queries/],
  ["a query", () => checkQueries(["R"]), "invalid-parameter", /queries\[0\] is a string; pass an object with reader/],
  ["a query's reader", () => checkQueries([{ raeder: "R" }]), "invalid-parameter", /Did you mean reader\?/],
  ["flags", () => checkQueries([{ reader: "R", flags: 0 }]), "invalid-parameter", /queries\[0\].flags is a number/],
  ["a flag", () => checkQueries([{ reader: "R", flags: { presnet: true } }]), "invalid-parameter", /mean present\?/],
  [
    "a flag's value",
    () => checkQueries([{ reader: "R", flags: { mute: 1 } }]),
    "invalid-parameter",
    /mute is 1; give true/,
  ],
  ["a count", () => checkQueries([{ reader: "R", eventCount: 65536 }]), "invalid-parameter", /eventCount is 65536/],
  ["identity", () => checkIdentity({ nmae: "a" }), "invalid-parameter", /Did you mean name\?/],
  ["no identity", () => checkIdentity(undefined), "invalid-parameter", /identity is undefined/],
  ["a signal", () => checkWait("status", { signal: new AbortController() }), "invalid-parameter", /pass its signal/],
  ["an aborted signal", () => checkWait("status", { signal: AbortSignal.abort() }), "cancelled", /was aborted/],
])("%s that is wrong is refused", (_, run, code, message) => {
  expect(run).toThrow(refusal(code, message));
});
