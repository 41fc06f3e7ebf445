// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { encodeHex } from "../../base/binary/index.ts";
import { AssertionError } from "../../port/index.ts";
import { MAX_ATTRIBUTE_BYTES } from "./limits.ts";
import { connectStruct } from "./messages.ts";
import type { RequestOf } from "./requests.ts";
import { encodeResponse, encodeSignal } from "./responses.ts";

const transmit: RequestOf<"transmit"> = {
  kind: "transmit",
  card: 0x1122_3344,
  sendProtocol: 2,
  sendPciLength: 16,
  receiveProtocol: 3,
  receivePciLength: 16,
  receiveLength: 258,
  command: Uint8Array.of(0, 0xa4, 4, 0, 0),
};

const control: RequestOf<"control"> = {
  kind: "control",
  card: 5,
  code: 0x4200_0d48,
  receiveLength: 8,
  input: Uint8Array.of(1),
};

const SHARING_VIOLATION = 0x8010_000b;
const INSUFFICIENT_BUFFER = 0x8010_0008;

// The layouts themselves are held against the C header in messages.test.ts; what stands in which field follows
// ContextThread of winscard_svc.c, pcsc-lite 2.5.1.
describe("answers", () => {
  it("are the request's structure with the results filled in, without a header", () => {
    const connect: RequestOf<"connect"> = {
      kind: "connect",
      context: 9,
      reader: "Reader 00 00",
      shareMode: 2,
      preferredProtocols: 3,
    };
    const encoded = encodeResponse(connect, { rv: 0, card: -2, activeProtocol: 1 });
    const { kind: _, ...terms } = connect;
    expect(connectStruct.decode(encoded)).toEqual({
      ok: true,
      value: { ...terms, card: -2, activeProtocol: 1, rv: 0 },
    });
  });

  it("carry the response behind the body of a transmit that worked", () => {
    const encoded = encodeResponse(transmit, { rv: 0, receiveProtocol: 2, response: Uint8Array.of(0x90, 0) });
    expect(encodeHex(encoded)).toBe(
      "44332211" + "0200000010000000" + "05000000" + "0200000010000000" + "02000000" + "00000000" + "9000",
    );
  });

  it("carry nothing behind the body of one that failed", () => {
    const failed = encodeResponse(transmit, { rv: SHARING_VIOLATION, response: Uint8Array.of(0x90, 0) });
    expect(failed.length).toBe(32);
    expect(encodeHex(failed.subarray(28))).toBe("0B001080");
    const tooLong = encodeResponse(transmit, { rv: INSUFFICIENT_BUFFER, neededLength: 300 });
    expect(encodeHex(tooLong.subarray(24))).toBe("2C010000" + "08001080");
  });

  it("do the same for control", () => {
    const output = Uint8Array.of(7, 8, 9);
    expect(encodeHex(encodeResponse(control, { rv: 0, output }))).toBe(
      "05000000" + "480D0042" + "01000000" + "08000000" + "03000000" + "00000000" + "070809",
    );
    expect(encodeResponse(control, { rv: SHARING_VIOLATION, output }).length).toBe(24);
    expect(encodeHex(encodeResponse(control, { rv: INSUFFICIENT_BUFFER, neededLength: 9 }).subarray(16))).toBe(
      "09000000" + "08001080",
    );
  });

  it("have an attribute in its full place, and refuse one that is longer", () => {
    const request: RequestOf<"get-attribute"> = { kind: "get-attribute", card: 5, attribute: 0x0009_0303, length: 264 };
    const encoded = encodeResponse(request, { rv: 0, value: Uint8Array.of(0x3b, 0) });
    expect(encodeHex(encoded)).toBe(`0500000003030900${"3B00"}${"00".repeat(262)}0200000000000000`);
    const value = new Uint8Array(MAX_ATTRIBUTE_BYTES + 1);
    expect(() => encodeResponse(request, { rv: 0, value })).toThrow(RangeError);
  });

  it("name the server's version, count readers, tell the table's size", () => {
    const version: RequestOf<"version"> = { kind: "version", major: 4, minor: 4 };
    expect(encodeHex(encodeResponse(version, { rv: 0, major: 4, minor: 6 }))).toBe("040000000600000000000000");
    expect(encodeHex(encodeResponse({ kind: "reader-events" }, { readerEvents: 3 }))).toBe("0300000000000000");
    expect(encodeHex(encodeResponse({ kind: "reader-table-size" }, { entries: 300 }))).toBe("2C010000");
  });

  it("never tell of an empty table: a waiting client takes zeros for a signal", () => {
    expect(() => encodeResponse({ kind: "reader-table-size" }, { entries: 0 })).toThrow(AssertionError);
  });

  it("end a wait with four zeros and the outcome", () => {
    expect(encodeHex(encodeSignal(0))).toBe("0000000000000000");
    expect(encodeHex(encodeSignal(0x8010_0002))).toBe("0000000002001080");
  });
});
