// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, hexBytes, type Result } from "../../base/binary/index.ts";
import { EXTENSION_VERSION } from "./extension.ts";
import { MAX_ATTRIBUTE_BYTES, MAX_TRAILING_BYTES } from "./limits.ts";
import {
  attributeStruct,
  cacheStruct,
  commands,
  controlStruct,
  headerStruct,
  type RequestKind,
  transmitStruct,
} from "./messages.ts";
import { RequestDecoder } from "./request-decoder.ts";
import { encodeRequest, type Request } from "./requests.ts";

const u32 = fc.nat({ max: 0xffff_ffff });
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** At most 127 bytes of UTF-8 without NUL. */
const reader = fc.string({ maxLength: 31, unit: "grapheme-ascii" });
const trailing = fc.uint8Array({ maxLength: 300 });
const guid = fc.uint8Array({ minLength: 16, maxLength: 16 });
const value = fc.uint8Array({ maxLength: MAX_ATTRIBUTE_BYTES });

function of<K extends RequestKind>(kind: K): fc.Arbitrary<K> {
  return fc.constant(kind);
}

const requests: { readonly [K in RequestKind]: fc.Arbitrary<Request> } = {
  version: fc.record(
    { kind: of("version"), major: i32, minor: i32, extension: fc.integer({ min: 1, max: 255 }) },
    { requiredKeys: ["kind", "major", "minor"] },
  ),
  "establish-context": fc.record({ kind: of("establish-context"), scope: u32 }),
  "release-context": fc.record({ kind: of("release-context"), context: u32 }),
  connect: fc.record({ kind: of("connect"), context: u32, reader, shareMode: u32, preferredProtocols: u32 }),
  reconnect: fc.record({
    kind: of("reconnect"),
    card: i32,
    shareMode: u32,
    preferredProtocols: u32,
    initialization: u32,
  }),
  disconnect: fc.record({ kind: of("disconnect"), card: i32, disposition: u32 }),
  "begin-transaction": fc.record({ kind: of("begin-transaction"), card: i32 }),
  "end-transaction": fc.record({ kind: of("end-transaction"), card: i32, disposition: u32 }),
  status: fc.record({ kind: of("status"), card: i32 }),
  transmit: fc.record({
    kind: of("transmit"),
    card: i32,
    sendProtocol: u32,
    sendPciLength: u32,
    receiveProtocol: u32,
    receivePciLength: u32,
    receiveLength: u32,
    command: trailing,
  }),
  control: fc.record({ kind: of("control"), card: i32, code: u32, receiveLength: u32, input: trailing }),
  cancel: fc.record({ kind: of("cancel"), context: u32 }),
  "get-attribute": fc.record({
    kind: of("get-attribute"),
    card: i32,
    attribute: u32,
    length: fc.nat({ max: MAX_ATTRIBUTE_BYTES }),
  }),
  "set-attribute": fc.record({ kind: of("set-attribute"), card: i32, attribute: u32, value }),
  "reader-table": fc.record({ kind: of("reader-table") }),
  "wait-for-change": fc.record({ kind: of("wait-for-change") }),
  "stop-waiting": fc.record({ kind: of("stop-waiting") }),
  "reader-events": fc.record({ kind: of("reader-events") }),
  "reader-table-size": fc.record({ kind: of("reader-table-size") }),
  "whole-reader-table": fc.record({ kind: of("whole-reader-table") }),
  holder: fc.record({ kind: of("holder"), handle: u32, reader }),
  "read-cache": fc.record({ kind: of("read-cache"), context: u32, card: guid, freshness: u32, name: reader }),
  "write-cache": fc.record({
    kind: of("write-cache"),
    context: u32,
    card: guid,
    freshness: u32,
    name: reader,
    data: trailing,
  }),
};

const anyRequest = fc.oneof(...Object.values(requests));

/** Everything that comes out of a stream given in pieces; stops at a failure. */
function decodeAll(pieces: readonly Uint8Array[]): Result<Request>[] {
  const decoder = new RequestDecoder();
  decoder.extend(EXTENSION_VERSION);
  const decoded: Result<Request>[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      decoded.push(next);
      if (!next.ok) return decoded;
    }
  }
  return decoded;
}

/** Cuts a stream at the given places. */
function cut(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return edges.slice(1).map((edge, index) => stream.slice(edges[index], edge));
}

function header(command: number, size: number): Uint8Array {
  return headerStruct.encode({ size, command });
}

function failureOf(stream: Uint8Array): string | undefined {
  const last = decodeAll([stream]).at(-1);
  return last?.ok === false ? last.error.message : undefined;
}

/** What the calls of a program put on the wire: recorded from libpcsclite 1.9.9 (Debian 12, x86-64). */
const recorded: readonly { readonly sent: string; readonly request: Request }[] = [
  { sent: "0C00000011000000 0400000004000000 00000000", request: { kind: "version", major: 4, minor: 4 } },
  { sent: "0C00000001000000 02000000 0000000000000000", request: { kind: "establish-context", scope: 2 } },
  {
    sent: `9800000004000000 78563412 526561646572203030203030${"00".repeat(116)} 0200000003000000 000000000000000000000000`,
    request: { kind: "connect", context: 0x1234_5678, reader: "Reader 00 00", shareMode: 2, preferredProtocols: 3 },
  },
  {
    sent: "1800000005000000 44332211 02000000 03000000 01000000 02000000 00000000",
    request: { kind: "reconnect", card: 0x1122_3344, shareMode: 2, preferredProtocols: 3, initialization: 1 },
  },
  { sent: "0800000007000000 44332211 00000000", request: { kind: "begin-transaction", card: 0x1122_3344 } },
  {
    sent: "2000000009000000 44332211 0200000010000000 05000000 0300000010000000 02010000 00000000 00A4040000",
    request: {
      kind: "transmit",
      card: 0x1122_3344,
      sendProtocol: 2,
      sendPciLength: 16,
      receiveProtocol: 3,
      receivePciLength: 16,
      receiveLength: 258,
      command: hexBytes("00A4040000"),
    },
  },
  {
    sent: "180000000A000000 44332211 480D0042 01000000 00010000 0000000000000000 01",
    request: { kind: "control", card: 0x1122_3344, code: 0x4200_0d48, receiveLength: 256, input: Uint8Array.of(1) },
  },
  {
    sent: `180100000F000000 44332211 03030900 ${"00".repeat(264)} 08010000 1D001080`,
    request: { kind: "get-attribute", card: 0x1122_3344, attribute: 0x0009_0303, length: 264 },
  },
  {
    sent: `1801000010000000 44332211 0500FF7F 616263${"00".repeat(261)} 03000000 1D001080`,
    request: { kind: "set-attribute", card: 0x1122_3344, attribute: 0x7fff_0005, value: hexBytes("616263") },
  },
  {
    sent: "0C00000008000000 44332211 00000000 00000000",
    request: { kind: "end-transaction", card: 0x1122_3344, disposition: 0 },
  },
  {
    sent: "0C00000006000000 44332211 01000000 00000000",
    request: { kind: "disconnect", card: 0x1122_3344, disposition: 1 },
  },
  { sent: "0000000012000000", request: { kind: "reader-table" } },
  { sent: "0000000013000000", request: { kind: "wait-for-change" } },
  { sent: "0000000014000000", request: { kind: "stop-waiting" } },
  { sent: "0800000002000000 78563412 00000000", request: { kind: "release-context", context: 0x1234_5678 } },
];

describe("requests", () => {
  it.each(recorded)("$request.kind is what libpcsclite sends", ({ sent, request }) => {
    const bytes = hexBytes(sent);
    expect(decodeAll([bytes])).toEqual([{ ok: true, value: request }]);
    // It leaves something in fields that are the answer's, which are not read: an rv, the protocol from before.
    if (request.kind === "get-attribute" || request.kind === "set-attribute") bytes.fill(0, -4);
    if (request.kind === "reconnect") bytes.fill(0, -8);
    expect(encodeHex(encodeRequest(request))).toBe(encodeHex(bytes));
  });

  it.each(Object.keys(requests) as RequestKind[])("%s comes out as it went in", (kind) => {
    fc.assert(
      fc.property(requests[kind], (request) => {
        expect(decodeAll([encodeRequest(request)])).toEqual([{ ok: true, value: request }]);
      }),
    );
  });

  it("come out the same wherever the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 40 }), (sent, places) => {
        const pieces = cut(concatBytes(...sent.map(encodeRequest)), places);
        expect(decodeAll(pieces)).toEqual(sent.map((request) => ({ ok: true, value: request })));
      }),
    );
  });

  it("come out the same in single bytes", () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 4 }), (sent) => {
        const stream = concatBytes(...sent.map(encodeRequest));
        const bytes = Array.from(stream, (byte) => Uint8Array.of(byte));
        expect(decodeAll(bytes)).toEqual(sent.map((request) => ({ ok: true, value: request })));
      }),
    );
  });

  it("are counted as pending until they are taken", () => {
    const decoder = new RequestDecoder();
    const encoded = encodeRequest({ kind: "status", card: 7 });
    decoder.push(encoded);
    decoder.push(encoded.subarray(0, 3));
    expect(decoder.pendingBytes).toBe(encoded.length + 3);
    expect(decoder.next()).toEqual({ ok: true, value: { kind: "status", card: 7 } });
    expect(decoder.pendingBytes).toBe(3);
    expect(decoder.next()).toBeUndefined();
  });

  it("carry 65,548 bytes behind the body, and the encoder refuses one more", () => {
    const longest = new Uint8Array(MAX_TRAILING_BYTES).fill(0x5a);
    const control: Request = { kind: "control", card: 1, code: 2, receiveLength: 3, input: longest };
    expect(decodeAll([encodeRequest(control)])).toEqual([{ ok: true, value: control }]);
    const tooLong = new Uint8Array(MAX_TRAILING_BYTES + 1);
    expect(() => encodeRequest({ ...control, input: tooLong })).toThrow(RangeError);
  });

  it("of a kind without a body are accepted with any size in the header, as by pcscd", () => {
    const stream = concatBytes(header(0x12, 0xffff_ffff), encodeRequest({ kind: "status", card: 7 }));
    expect(decodeAll([stream])).toEqual([
      { ok: true, value: { kind: "reader-table" } },
      { ok: true, value: { kind: "status", card: 7 } },
    ]);
  });

  it("take a reader's name that fills its field without a NUL", () => {
    const stream = encodeRequest({ kind: "connect", context: 1, reader: "", shareMode: 2, preferredProtocols: 3 });
    stream.fill(0x41, headerStruct.size + 4, headerStruct.size + 4 + 128);
    expect(decodeAll([stream])).toEqual([
      {
        ok: true,
        value: { kind: "connect", context: 1, reader: "A".repeat(128), shareMode: 2, preferredProtocols: 3 },
      },
    ]);
  });
});

describe("a malformed request", () => {
  it.each([0, 0x03, 0x0c, 0x0e, 0x18, 0xffff_ffff])("number %i fails at once", (number) => {
    expect(failureOf(header(number, 0))).toBe(`no request has the number ${number}`);
  });

  it.each(
    Object.entries(commands).flatMap(([kind, { number, body }]) => {
      if (body === undefined) return [];
      return [0, body.size - 1, body.size + 1, 0xffff_ffff].map((size) => [kind, number, size] as const);
    }),
  )("%s (%i) with a body of %i bytes fails before the body has come", (_, number, size) => {
    expect(failureOf(header(number, size))).toMatch(/has \d+ bytes, not \d+$/);
  });

  it.each([MAX_TRAILING_BYTES + 1, 0xffff_ffff])("%i bytes behind a body fail before they have come", (sendLength) => {
    const zeros = { card: 1, code: 0, bytesReturned: 0, receiveLength: 0, rv: 0 };
    const control = concatBytes(header(0x0a, controlStruct.size), controlStruct.encode({ ...zeros, sendLength }));
    expect(failureOf(control)).toContain(`${sendLength} bytes are to follow a control request`);
    const pci = { sendProtocol: 1, sendPciLength: 8, receiveProtocol: 1, receivePciLength: 8 };
    const transmit = transmitStruct.encode({ ...zeros, ...pci, sendLength });
    expect(failureOf(concatBytes(header(0x09, transmitStruct.size), transmit))).toContain("transmit request");
  });

  it.each([0x0f, 0x10])("an attribute that is longer than its place fails (%i)", (number) => {
    const body = { card: 1, attribute: 2, value: new Uint8Array(MAX_ATTRIBUTE_BYTES), rv: 0 };
    for (const length of [MAX_ATTRIBUTE_BYTES + 1, 0xffff_ffff]) {
      const encoded = attributeStruct.encode({ ...body, length });
      expect(failureOf(concatBytes(header(number, attributeStruct.size), encoded))).toContain("a length in a");
    }
  });

  it.each([0x5301, 0x5302, 0x5303])("number %i of our extension fails where that was not agreed on", (number) => {
    const decoder = new RequestDecoder();
    decoder.push(header(number, 0));
    expect(decoder.next()).toMatchObject({ ok: false, error: { message: `no request has the number ${number}` } });
  });

  it.each([
    ["a name that is too long", 0x5302, 766, 0],
    ["a read that brings data", 0x5302, 1, 1],
    ["data that is too long", 0x5303, 1, MAX_TRAILING_BYTES + 1],
    ["lengths whose sum is small again in 32 bits", 0x5303, 0xffff_ffff, 2],
  ])("%s fails (%i)", (_, number, nameLength, dataLength) => {
    const body = { context: 1, card: new Uint8Array(16), freshness: 0, nameLength, dataLength, rv: 0 };
    const rest = new Uint8Array(Math.min(nameLength + dataLength, 70_000));
    expect(failureOf(concatBytes(header(number, cacheStruct.size), cacheStruct.encode(body), rest))).toBeDefined();
  });

  it("tells where in the stream it stood, and stays failed", () => {
    const decoder = new RequestDecoder();
    const good = encodeRequest({ kind: "status", card: 7 });
    decoder.push(concatBytes(good, header(0x99, 0), good));
    expect(decoder.next()?.ok).toBe(true);
    const failed = decoder.next();
    expect(failed).toEqual({ ok: false, error: { message: "no request has the number 153", offset: good.length } });
    decoder.push(good);
    expect(decoder.next()).toBe(failed);
    expect(decoder.pendingBytes).toBe(0);
  });

  it("never throws for any bytes, and keeps no more than the longest request", () => {
    const plausible = fc
      .tuple(fc.constantFrom(...Object.values(commands)), fc.uint8Array({ maxLength: 400 }))
      .map(([{ number, body }, rest]) => concatBytes(header(number, body?.size ?? 0), rest));
    const pieces = fc.array(fc.oneof(fc.uint8Array({ maxLength: 500 }), plausible), { maxLength: 10 });
    fc.assert(
      fc.property(pieces, (stream) => {
        const decoder = new RequestDecoder();
        for (const piece of stream) {
          decoder.push(piece);
          for (let next = decoder.next(); next?.ok; next = decoder.next());
          expect(decoder.pendingBytes).toBeLessThanOrEqual(
            headerStruct.size + attributeStruct.size + MAX_TRAILING_BYTES,
          );
        }
      }),
    );
  });
});
