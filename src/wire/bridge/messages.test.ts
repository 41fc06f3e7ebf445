// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex } from "../../base/binary/index.ts";
import {
  BRIDGE_VERSION,
  decodePageMessage,
  decodeServiceMessage,
  encodePageMessage,
  encodeServiceMessage,
  MAX_BRIDGE_MESSAGE_BYTES,
  MAX_DATA_BYTES,
  type PageMessage,
  type ServiceMessage,
  versionOfPage,
} from "./index.ts";

const ID = 0x0102_0304;
const nonce = new Uint8Array(32).fill(1);
const flagsIn = {
  ...{ unaware: false, ignore: false, unavailable: false, empty: true, present: false },
  ...{ exclusive: false, inuse: false, mute: false, unpowered: true },
};
const flagsOut = {
  ...{ ignore: false, changed: true, unavailable: false, unknown: false, empty: false, present: true },
  ...{ exclusive: false, inuse: true, mute: false, unpowered: false },
};

/** A message of each kind, with what may be left out and without it. */
const ofPages: readonly PageMessage[] = [
  { kind: "limit", id: 7, timeout: 12.5, signal: "given" },
  { kind: "send", id: 7, connection: 3, command: Uint8Array.of(0, 0xa4), longData: "chaining" },
  {
    kind: "reconnect",
    id: 7,
    connection: 3,
    accessMode: "shared",
    initialization: "reset",
    preferredProtocols: ["t1"],
  },
  { kind: "end", id: 7, what: "connection", number: 3 },
  { kind: "hello", version: BRIDGE_VERSION, nonce },
  { kind: "hello", version: BRIDGE_VERSION, nonce, pairing: new Uint8Array(16).fill(7) },
  { kind: "prove", proof: nonce },
  { kind: "pair", share: nonce, proof: nonce },
  { kind: "establishContext", id: ID },
  { kind: "releaseContext", context: 1 },
  { kind: "abort", id: ID },
  { kind: "listReaders", id: ID, context: 1 },
  {
    kind: "getStatusChange",
    ...{ id: ID, context: 1, timeout: 1.5, signal: "given" },
    readerStates: [
      { readerName: "Lesegerät", currentState: flagsIn, currentCount: -1 },
      { readerName: "", currentState: flagsIn },
    ],
  },
  { kind: "getStatusChange", id: ID, context: 1, signal: "aborted", readerStates: [] },
  { kind: "connect", id: ID, context: 1, readerName: "R", accessMode: "shared", preferredProtocols: ["t0", "t1"] },
  { kind: "connect", id: ID, context: 1, readerName: "R", accessMode: "no such mode" },
  { kind: "disconnect", id: ID, connection: 2 },
  { kind: "disconnect", id: ID, connection: 2, disposition: "reset" },
  { kind: "transmit", id: ID, connection: 2, sendBuffer: Uint8Array.of(0, 0xa4, 4, 0), protocol: "t1" },
  { kind: "startTransaction", id: ID, connection: 2, signal: "none" },
  { kind: "endTransaction", id: ID, outcome: "disposition", disposition: "leave" },
  { kind: "endTransaction", id: ID, outcome: "rejected" },
  { kind: "status", id: ID, connection: 2 },
  { kind: "control", id: ID, connection: 2, controlCode: 0x4200_0d48, data: Uint8Array.of(1) },
  { kind: "getAttribute", id: ID, connection: 2, tag: Number.POSITIVE_INFINITY },
  { kind: "setAttribute", id: ID, connection: 2, tag: 3, value: new Uint8Array() },
];

const ofServices: readonly ServiceMessage[] = [
  { kind: "welcome", version: BRIDGE_VERSION },
  { kind: "welcome", version: BRIDGE_VERSION, proof: nonce },
  { kind: "challenge", nonce, proof: nonce },
  { kind: "pairingWanted", triesLeft: 3, nonce, share: nonce },
  { kind: "done", id: ID },
  { kind: "context", id: ID, context: 1 },
  { kind: "readers", id: ID, names: ["one", "two"] },
  {
    kind: "states",
    id: ID,
    states: [{ readerName: "R", eventState: flagsOut, eventCount: 2, answerToReset: Uint8Array.of(0x3b, 0) }],
  },
  { kind: "connection", id: ID, connection: 2, activeProtocol: "t1" },
  { kind: "connection", id: ID, connection: 2 },
  { kind: "data", id: ID, data: Uint8Array.of(0x90, 0) },
  { kind: "status", id: ID, readerName: "R", state: "t1", answerToReset: Uint8Array.of(0x3b, 0) },
  { kind: "begun", id: ID },
  { kind: "failed", id: ID, error: "SmartCardError", name: "reset-card", message: "the card was reset" },
];

const hexOf = (bytes: Uint8Array) => encodeHex(bytes);
const bytesOf = (hex: string): Uint8Array => {
  const decoded = decodeHex(hex);
  if (!decoded.ok) throw new Error(hex);
  return decoded.value;
};

describe("the messages of the bridge", () => {
  it.each(ofPages)("of a page come back as they were: $kind", (message) => {
    expect(decodePageMessage(encodePageMessage(message))).toEqual({ ok: true, value: message });
  });

  it.each(ofServices)("of a service come back as they were: $kind", (message) => {
    expect(decodeServiceMessage(encodeServiceMessage(message))).toEqual({ ok: true, value: message });
  });

  it("have the layout of version 3: another one is another version", () => {
    const transmit = {
      kind: "transmit",
      id: 5,
      connection: 2,
      sendBuffer: Uint8Array.of(0, 0xa4),
      protocol: "t1",
    } as const;
    expect(hexOf(encodePageMessage(transmit))).toBe("0A00000005000000020000000200A401000000027431");
    const hello = encodePageMessage({ kind: "hello", version: BRIDGE_VERSION, nonce });
    expect(hexOf(hello)).toBe(`0103${"01".repeat(32)}00`);
    expect([versionOfPage(hello), versionOfPage(Uint8Array.of(1, 7)), versionOfPage(Uint8Array.of(2, 7))]).toEqual([
      ...[BRIDGE_VERSION, 7, undefined],
    ]);
    expect(hexOf(encodeServiceMessage({ kind: "welcome", version: 3 }))).toBe("010300");
    expect(hexOf(encodeServiceMessage({ kind: "failed", id: 1, error: "signal", name: "", message: "" }))).toBe(
      "0B00000001030000000000000000",
    );
  });

  it("carry the longest command, and no more", () => {
    const longest = { kind: "transmit", id: ID, connection: 2, sendBuffer: new Uint8Array(MAX_DATA_BYTES) } as const;
    expect(encodePageMessage(longest).length).toBeLessThanOrEqual(MAX_BRIDGE_MESSAGE_BYTES);
    const longer = { ...longest, sendBuffer: new Uint8Array(MAX_DATA_BYTES + 1) };
    expect(() => encodePageMessage(longer)).toThrow(TypeError);
    const long = { kind: "disconnect", id: ID, connection: 2, disposition: "x".repeat(1025) } as const;
    expect(() => encodePageMessage(long)).toThrow(TypeError);
    expect(() => encodePageMessage({ kind: "prove", proof: new Uint8Array(31) })).toThrow(TypeError);
  });

  it.each([
    ["an empty one", ""],
    ["an unknown number", "63"],
    ["one that ends too early", "0300"],
    ["one with bytes left over", "030000000100"],
    ["a member that is neither there nor left out", "0900000001000000020273"],
    ["a proof that is too short", `11${"00".repeat(31)}`],
    ["a proof that is too long", `11${"00".repeat(33)}`],
    ["a length over the limit", "0A00000001000000020001000900"],
    ["a length over what is there", "0A000000010000000200000009AA00"],
    ["text that is not UTF-8", "090000000100000002" + "0100000001FF"],
    ["an unknown word", "0B00000001000000020900"],
    ["an unknown flag", "0700000001000000010001000000005280FFFF00"],
    ["more readers than a question may have", `070000000100000001FFFF`],
  ])("are refused: %s", (_, hex) => {
    expect(decodePageMessage(bytesOf(hex)).ok).toBe(false);
  });

  it("are a result for any bytes, and one that is understood comes back as it was", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const asked = decodePageMessage(bytes);
        if (asked.ok) expect(decodePageMessage(encodePageMessage(asked.value))).toEqual(asked);
        const answered = decodeServiceMessage(bytes);
        if (answered.ok) expect(decodeServiceMessage(encodeServiceMessage(answered.value))).toEqual(answered);
      }),
      { numRuns: 2000 },
    );
  });
});
